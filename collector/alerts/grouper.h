// Groups findings into alerts by event time: pure, so that replay gives the alerts that live detection gave.
//
// An alert is one (rule, host, actor tenant, object tenant, actor process, object); for frames the pair of ports stands
// for the process. It takes events whose time is less than a window away from the time of the event that opened it, on
// either side: late events join the alert that they belong to, whatever came in between. Its uid is derived from that
// identity and from the opening event's (host, boot, sequence).
//
// What is open follows from the alerts that there are, so it can be rebuilt from the store: of each host, those opened
// less than two windows before its newest one, and in any case its 32 newest, so that a clock that was wrong for a
// while does not close what is going on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/detect/engine.h"

namespace bulkhead::alerts {

using HostnameResolver = std::function<std::string(const std::string& host_id)>;

struct GroupingOptions {
  // Effect: longer gives fewer alerts, each longer open.
  absl::Duration window = absl::Minutes(5);
  // Alerts kept open at once, each with its first events (typically 5 KiB, at most about 150 KiB). When there are more,
  // the host with most of them loses its oldest: later events of that group open a new alert, and a restart at that
  // moment may split alerts elsewhere than a run without one.
  std::size_t max_open = 8192;
};

struct Change {
  v1::Alert alert;
  bool opened = false;
  // Worth telling people: it opened, grew more severe, or its events doubled in number since that was so last.
  bool notable = false;
};

// Not thread safe.
class Grouper {
 public:
  Grouper(GroupingOptions options, HostnameResolver hostname);

  void add(const detect::Finding& finding, const v1::Event& event);

  // Each alert that opened or grew since the last call, once, in its present state, in the order of uids.
  std::vector<Change> take_changes();

  // An alert from the store, before the first add().
  void restore(v1::Alert alert);

  std::size_t open() const { return open_; }

 private:
  // SHA-256 of what makes one group, cut to 128 bits.
  using Identity = std::array<std::uint8_t, 16>;
  // With the time of the event that opened the alert.
  using Key = std::pair<Identity, absl::Time>;
  struct Group {
    v1::Alert alert;
    std::size_t evidence_bytes = 0;
    bool changed = false;
    bool opened = false;
    bool notable = false;
  };
  struct Host {
    std::map<Key, Group> groups;
    std::set<std::pair<absl::Time, Identity>> by_time;
  };

  static std::string identity_text(const std::string& rule, const v1::Event& event);
  static Identity identity(const std::string& text);

  Group& insert(const std::string& host_id, const Key& key, v1::Alert alert);
  void open_group(const detect::Finding& finding, const v1::Event& event, const std::string& text, const Key& key);
  void grow(Group& group, const detect::Finding& finding, const v1::Event& event);
  void mark(Group& group, bool notable);
  void forget_old(Host& host);
  void make_room();
  void erase(Host& host, std::set<std::pair<absl::Time, Identity>>::const_iterator position);

  const GroupingOptions options_;
  const HostnameResolver hostname_;
  std::map<std::string, Host> hosts_;
  std::size_t open_ = 0;
  // Changed since the last take_changes(): those in hosts_, and those that had to leave meanwhile.
  std::vector<Group*> changed_;
  std::vector<Change> departed_;
};

}  // namespace bulkhead::alerts

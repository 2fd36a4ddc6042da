// Groups findings into alerts: pure but for the alerts that it asks its loader for.
//
// What makes one alert is in its uid (fold.h), so a finding finds its alert however late it comes and whatever came in
// between, also after a restart: the loader brings back what is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/alerts/authorisation.h"
#include "collector/detect/engine.h"

namespace bulkhead::alerts {

using HostnameResolver = std::function<std::string(const std::string& host_id)>;
// Nothing when no alert of that uid is stored.
using AlertLoader = std::function<absl::StatusOr<std::optional<v1::Alert>>(const std::string& uid)>;

struct GroupingOptions {
  // Event time is cut into periods of this length, from 1970 on; what goes on beyond one is another alert.
  // Effect: longer gives fewer alerts.
  absl::Duration period = absl::Hours(1);
  // Alerts kept at hand (typically 5 KiB each, at most about 150 KiB); others are loaded when a finding needs them.
  std::size_t max_cached = 8192;
};

struct Change {
  v1::Alert alert;
  bool opened = false;
  // Worth telling people: see Folded::notable; and that a closed alert opened again.
  bool notable = false;
  // Sinks have not heard of it before; set by the stage.
  bool first_told = false;
};

// Not thread safe.
class Grouper {
 public:
  Grouper(GroupingOptions options, HostnameResolver hostname, AlertLoader loader);

  // An error is the loader's; nothing is changed then.
  absl::Status add(const detect::Finding& finding, const v1::Event& event, const Authorisation& authorisation = {});

  // What people did to an alert. The error is the loader's or kNotFound; `change` may refuse with one of its own.
  absl::Status amend(const std::string& uid, const std::function<absl::Status(v1::Alert&)>& change, bool notable);

  // Writes into an alert at hand what became of telling it, which is no change of its own.
  void note_telling(const std::string& uid, const std::string& silence_id, bool told);

  // Each alert that opened or changed since the last call, once, in its present state, in the order of uids.
  std::vector<Change> take_changes();

 private:
  struct Entry {
    v1::Alert alert;
    bool changed = false;
    bool opened = false;
    bool notable = false;
    std::list<std::string>::iterator place;
  };

  // The alert at hand, loaded if need be; null when there is none.
  absl::StatusOr<Entry*> find(const std::string& uid);
  Entry& insert(v1::Alert alert);
  void mark(Entry& entry, bool notable);
  void make_room();

  const GroupingOptions options_;
  const HostnameResolver hostname_;
  const AlertLoader loader_;
  std::unordered_map<std::string, Entry> entries_;
  // Uids, the one that was needed last in front.
  std::list<std::string> recent_;
  std::vector<std::string> changed_;
};

}  // namespace bulkhead::alerts

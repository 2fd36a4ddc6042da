// The groups of one correlation rule, within their limits. Private to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "collector/detect/correlation_window.h"
#include "collector/detect/correlator.h"

namespace bulkhead::detect {

struct CorrelationGroup {
  std::string key;
  // Of the object of the event that opened it, or of its actor: whose share of the state it takes.
  std::string tenant;
  // Of its newest event.
  std::string host_id;
  std::int64_t newest_ns = 0;
  // Where the index has it: a little behind, so that not every event moves it.
  std::int64_t indexed_ns = 0;
  CorrelationEntries entries;
  std::size_t untold = 0;
};

class CorrelationGroups {
 public:
  // `horizon_ns`: how long what was seen may matter to an event that is not late. `by_host`: all events of a group are
  // of one host. The statistics must outlive the groups.
  CorrelationGroups(const CorrelatorOptions& options, std::int64_t horizon_ns, bool by_host,
                    CorrelationStatistics& statistics)
      : options_(options), horizon_ns_(horizon_ns), by_host_(by_host), statistics_(statistics) {}

  // Null if there is none.
  CorrelationGroup* find(const std::string& key);
  // A group that is gone by now may have had events within `timespan_ns` of this one.
  bool may_have_gone(const std::string& host_id, std::int64_t time_ns, std::int64_t timespan_ns) const;
  CorrelationGroup& open(const std::string& key, const std::string& tenant);

  // The entry's place in the group. Known: the group has one of that identity already, which now stands for the rules
  // of both.
  struct Added {
    std::size_t position = 0;
    bool known = false;
  };
  Added add(CorrelationGroup& group, CorrelationEntry entry);

  // Marks it, and gives its event away.
  std::shared_ptr<const std::string> tell(CorrelationGroup& group, std::size_t position);

  // After an event of this host and time was judged: lets go what no later one can need, and what is over the limits.
  // `group` is the event's own; it stays.
  void trim(CorrelationGroup& group, const std::string& host_id, std::int64_t time_ns);

 private:
  // All groups, those of a tenant ("t…") and those whose newest event is of a host ("h…"), by their newest event,
  // to the second.
  using Index = std::set<std::tuple<std::string, std::int64_t, std::string_view>>;
  struct Share {
    std::size_t groups = 0;
    std::size_t entries = 0;
  };

  std::vector<std::string> index_names(const CorrelationGroup& group) const;
  void renew(CorrelationGroup& group, const EventOrder& order);
  void link(CorrelationGroup& group);
  void unlink(CorrelationGroup& group);
  void erase(CorrelationGroup& group);
  void forget_old(CorrelationGroup& group, std::int64_t time_ns);
  void drop_first(CorrelationGroup& group);
  // The oldest group of an index other than `kept`; null if there is none.
  CorrelationGroup* oldest(const std::string& name, const CorrelationGroup& kept);
  void make_room(const std::string& name, CorrelationGroup& kept, std::int64_t time_ns);

  const CorrelatorOptions options_;
  const std::int64_t horizon_ns_;
  const bool by_host_;
  CorrelationStatistics& statistics_;
  std::unordered_map<std::string, std::unique_ptr<CorrelationGroup>> groups_;
  std::map<std::string, Share, std::less<>> shares_;
  Index index_;
  // Newest event of all groups that are gone, by their host; by "" where groups are of several.
  std::unordered_map<std::string, std::int64_t> gone_;
};

}  // namespace bulkhead::detect

// Stateful rules: what several events of a group make together, over event time.
//
// A correlation's findings are the events that contribute to it: those that some window of its timespan holds together
// with enough others of their group. Each is told once, when the last event comes that makes it contribute; which those
// are follows from the set of events and not from the order in which they come. There is no clock here and no waiting.
//
// State is what was seen lately, bounded per rule and per tenant. Its past is the log's: after a restart, feed it what
// is in the log since horizon() before the position to go on from, and ignore what it finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/detect/engine.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::detect {

struct CorrelatorOptions {
  // Events may come this much out of order, and everything is found nevertheless. One that is further behind the newest
  // event of its host or of its group is judged by what is still there, and counted as late. Longer keeps more state.
  absl::Duration lateness = absl::Minutes(1);
  // Of each rule. What is beyond goes, oldest first, and is counted. An entry is an event of a group; it takes about
  // 300 bytes, and the event itself (serialized, typically 500 bytes) until it is told.
  std::size_t groups = 10000;
  std::size_t groups_per_tenant = 1000;
  std::size_t entries = 50000;
  std::size_t entries_per_tenant = 5000;
  std::size_t entries_per_group = 1000;
  // This rule alone, also when it is not enabled: for tests of rules.
  const RuleInfo* only = nullptr;
};

// Of one correlation rule, since it was made.
struct CorrelationStatistics {
  // Lives as long as the rule set.
  const RuleInfo* rule = nullptr;
  std::uint64_t events = 0;
  std::uint64_t findings = 0;
  std::uint64_t late_events = 0;
  // Had no value for a field that the rule groups by or counts.
  std::uint64_t events_without_group = 0;
  // Over the limits: what they would have been part of may have been missed.
  std::uint64_t dropped_groups = 0;
  std::uint64_t dropped_entries = 0;
  // Now.
  std::size_t groups = 0;
  std::size_t entries = 0;
};

struct CorrelatedFinding {
  Finding finding;
  // Of which event; null: of the one that was just given.
  std::shared_ptr<const v1::Event> event;
};

// Not thread safe.
class Correlator {
 public:
  explicit Correlator(std::shared_ptr<const RuleSet> rules, CorrelatorOptions options = {});
  ~Correlator();
  Correlator(Correlator&&) noexcept;

  // `base` is all that Engine::evaluate_all() found in this event. Findings come in the order of the rules, and of each
  // in the order of the events' time. The same event again changes nothing. The event's text is valid UTF-8, as of all
  // that came over the wire or out of the store: events that wait are kept serialized.
  std::vector<CorrelatedFinding> add(const v1::Event& event, std::span<const Finding> base,
                                     RuleObserver* observer = nullptr);

  // How far before an event the events stand that it can be correlated with: the longest timespan, and the lateness.
  absl::Duration horizon() const;
  // One for each correlation rule that is enabled.
  std::vector<CorrelationStatistics> statistics() const;

 private:
  class Rule;

  std::shared_ptr<const RuleSet> rules_;
  CorrelatorOptions options_;
  std::vector<std::unique_ptr<Rule>> correlations_;
};

}  // namespace bulkhead::detect

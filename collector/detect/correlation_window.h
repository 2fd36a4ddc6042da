// Which events of one group a correlation rule is about. Private to this folder.
//
// An event contributes when some window of the rule's timespan holds it together with enough others. That is a property
// of the set of events alone, and more events only make more of them contribute; so whatever the order in which they
// come, the same ones have been told in the end.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bulkhead::detect {

enum class CorrelationType : std::uint8_t { kEventCount, kValueCount, kTemporal, kTemporalOrdered };

struct CorrelationShape {
  CorrelationType type = CorrelationType::kEventCount;
  std::int64_t timespan_ns = 0;
  // Events or values that a window must hold at least; for the temporal types the number of rules.
  std::uint64_t count = 0;
};

// Where an event stands among all: by time, and for events of one time by identity.
struct EventOrder {
  std::int64_t time_ns = 0;
  std::string host_id;
  std::string boot_id;
  std::uint64_t sequence = 0;

  auto operator<=>(const EventOrder&) const = default;
};

struct CorrelationEntry {
  EventOrder order;
  // Bit i: it matched the i-th of the correlation's rules.
  std::uint64_t rules = 0;
  // kValueCount: what is counted.
  std::string value;
  bool told = false;
  // Until it is told: the event, serialized, which takes a fifth of the memory.
  std::shared_ptr<const std::string> event;
};

// In the order of EventOrder.
using CorrelationEntries = std::deque<CorrelationEntry>;

// The entries that contribute because of the one at `added`, and were not told before; itself among them. `untold` of
// all entries were not told. Mostly it takes a few steps, and at most time in proportion to the entries.
std::vector<std::size_t> newly_contributing(const CorrelationShape& shape, const CorrelationEntries& entries,
                                            std::size_t added, std::size_t untold);

}  // namespace bulkhead::detect

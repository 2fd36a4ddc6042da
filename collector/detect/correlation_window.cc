#include "collector/detect/correlation_window.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace bulkhead::detect {
namespace {

constexpr std::size_t kMostRules = 64;

// What a window holds, as far as a type counts it. Entries enter at its end and leave at its beginning.
class Held {
 public:
  explicit Held(const CorrelationShape& shape) : shape_(shape) {}

  void enter(const CorrelationEntry& entry) { change(entry, 1); }
  void leave(const CorrelationEntry& entry) { change(entry, -1); }
  bool enough() const { return number_ >= shape_.count; }

 private:
  void change(const CorrelationEntry& entry, int by) {
    switch (shape_.type) {
      case CorrelationType::kEventCount:
        number_ += static_cast<std::uint64_t>(by);
        return;
      case CorrelationType::kValueCount:
        return count(values_[entry.value], by);
      case CorrelationType::kTemporal:
        for (std::uint64_t rest = entry.rules; rest != 0; rest &= rest - 1) {
          count(rules_[static_cast<std::size_t>(std::countr_zero(rest))], by);
        }
        return;
      case CorrelationType::kTemporalOrdered:
        return;
    }
  }

  void count(int& counter, int by) {
    if (by > 0 && counter++ == 0) ++number_;
    if (by < 0 && --counter == 0) --number_;
  }

  const CorrelationShape& shape_;
  std::uint64_t number_ = 0;
  std::unordered_map<std::string_view, int> values_;
  std::array<int, kMostRules> rules_{};
};

// Entries that can be in one window with the added one.
struct Range {
  std::size_t first = 0;
  std::size_t last = 0;
};

Range around(const CorrelationShape& shape, const CorrelationEntries& entries, std::size_t added) {
  const std::int64_t time = entries[added].order.time_ns;
  const auto time_of = [](const CorrelationEntry& entry) { return entry.order.time_ns; };
  const auto first = std::ranges::lower_bound(entries, time - shape.timespan_ns, {}, time_of);
  const auto end = std::ranges::upper_bound(entries, time + shape.timespan_ns, {}, time_of);
  return {static_cast<std::size_t>(first - entries.begin()), static_cast<std::size_t>(end - entries.begin()) - 1};
}

// Whether these entries hold enough together, looked at from the last one on: it ends as soon as they do.
bool hold_enough(const CorrelationShape& shape, const CorrelationEntries& entries, const Range& range) {
  if (shape.type == CorrelationType::kEventCount) return range.last - range.first + 1 >= shape.count;
  std::uint64_t rules = 0;
  std::vector<std::string_view> values;
  for (std::size_t i = range.last + 1; i-- > range.first;) {
    rules |= entries[i].rules;
    if (shape.type != CorrelationType::kValueCount) {
      if (static_cast<std::uint64_t>(std::popcount(rules)) >= shape.count) return true;
      continue;
    }
    if (std::ranges::find(values, entries[i].value) != values.end()) continue;
    values.push_back(entries[i].value);
    if (values.size() >= shape.count) return true;
  }
  return false;
}

// Each window begins at an entry and takes all that its timespan reaches. Those with the added one in it follow each
// other, so what they hold together is one run of entries.
Range in_full_windows(const CorrelationShape& shape, const CorrelationEntries& entries, std::size_t added,
                      const Range& range, bool& found) {
  Held held(shape);
  Range full{entries.size(), 0};
  std::size_t end = range.first;
  for (std::size_t begin = range.first; begin <= added; ++begin) {
    const std::int64_t from = entries[begin].order.time_ns;
    while (end <= range.last && entries[end].order.time_ns - from <= shape.timespan_ns) held.enter(entries[end++]);
    if (held.enough()) {
      full.first = std::min(full.first, begin);
      full.last = end - 1;
    }
    held.leave(entries[begin]);
  }
  found = full.first <= full.last;
  return full;
}

// Links of the rules in their order, each later than the one before it. For each entry and each rule that it matched:
// the latest start of links that reach it there, and the earliest end of links that go on from it.
class Chains {
 public:
  Chains(const CorrelationShape& shape, const CorrelationEntries& entries, const Range& range)
      : shape_(shape), entries_(entries), range_(range), rules_(static_cast<std::size_t>(shape.count)) {}

  std::vector<std::size_t> links() {
    const std::size_t size = range_.last - range_.first + 1;
    starts_.assign(size * rules_, kNever);
    ends_.assign(size * rules_, kNever);
    find_starts();
    find_ends();
    std::vector<std::size_t> links;
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t rule = 0; rule < rules_; ++rule) {
        const std::int64_t start = starts_[i * rules_ + rule];
        const std::int64_t end = ends_[i * rules_ + rule];
        if (start == kNever || end == kNever || end - start > shape_.timespan_ns) continue;
        links.push_back(range_.first + i);
        break;
      }
    }
    return links;
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

  // Rules downwards: one entry is never two links of a chain.
  void find_starts() {
    std::vector<std::int64_t> latest(rules_, kNever);
    for (std::size_t i = range_.first; i <= range_.last; ++i) {
      for (std::size_t rule = rules_; rule-- > 0;) {
        if ((entries_[i].rules >> rule & 1) == 0) continue;
        const std::int64_t start = rule == 0 ? entries_[i].order.time_ns : latest[rule - 1];
        starts_[(i - range_.first) * rules_ + rule] = start;
        latest[rule] = std::max(latest[rule], start);
      }
    }
  }

  void find_ends() {
    std::vector<std::int64_t> earliest(rules_, kNever);
    for (std::size_t i = range_.last + 1; i-- > range_.first;) {
      for (std::size_t rule = 0; rule < rules_; ++rule) {
        if ((entries_[i].rules >> rule & 1) == 0) continue;
        const std::int64_t end = rule + 1 == rules_ ? entries_[i].order.time_ns : earliest[rule + 1];
        ends_[(i - range_.first) * rules_ + rule] = end;
        if (end != kNever && (earliest[rule] == kNever || end < earliest[rule])) earliest[rule] = end;
      }
    }
  }

  const CorrelationShape& shape_;
  const CorrelationEntries& entries_;
  const Range range_;
  const std::size_t rules_;
  std::vector<std::int64_t> starts_;
  std::vector<std::int64_t> ends_;
};

}  // namespace

std::vector<std::size_t> newly_contributing(const CorrelationShape& shape, const CorrelationEntries& entries,
                                            std::size_t added, std::size_t untold) {
  const Range range = around(shape, entries, added);
  if (!hold_enough(shape, entries, range)) return {};
  const bool ordered = shape.type == CorrelationType::kTemporalOrdered;
  // In a flood all others were told, and the window that ends with the new one is full.
  const Range ending{range.first, added};
  if (!ordered && untold == 1 && !entries[added].told && hold_enough(shape, entries, ending)) return {added};
  std::vector<std::size_t> contributing;
  if (ordered) {
    contributing = Chains(shape, entries, range).links();
  } else {
    bool found = false;
    const Range full = in_full_windows(shape, entries, added, range, found);
    for (std::size_t i = full.first; found && i <= full.last; ++i) contributing.push_back(i);
  }
  std::erase_if(contributing, [&](std::size_t i) { return entries[i].told; });
  return contributing;
}

}  // namespace bulkhead::detect

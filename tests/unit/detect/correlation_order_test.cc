// Whatever the order in which events come, a correlation tells the same ones: compared with what its definition says of
// the set of events, tried out window by window.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collector/detect/detector.h"
#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

constexpr int kTimespan = 10;
constexpr int kLateness = 30;

struct Case {
  std::string type;
  int rules = 0;
  int count = 0;
};

const std::vector<Case> kCases = {{"event_count", 2, 4},
                                  {"value_count", 2, 3},
                                  {"temporal", 3, 3},
                                  {"temporal_ordered", 2, 2},
                                  {"temporal_ordered", 3, 3}};

// Rule i matches when bit i of the user id is set.
std::string rules_for(const Case& one) {
  std::string text, names;
  for (int i = 0; i < one.rules; ++i) {
    const std::string name(1, static_cast<char>('P' + i));
    text += "- {rule: " + name + ", desc: d, output: o, priority: LOW, alert: false, condition: 'actor.uid in (";
    for (int uid = 1, first = 1; uid < 8; ++uid) {
      if ((uid >> i & 1) != 0) text += (std::exchange(first, 0) != 0 ? "" : ", ") + std::to_string(uid);
    }
    text += ")'}\n";
    names += (i == 0 ? "" : ", ") + name;
  }
  text +=
      "- correlation: C\n  desc: d\n  output: '%event.sequence %count'\n  priority: HIGH\n  group-by: [object.tenant]\n"
      "  timespan: 10s\n  rules: [" +
      names + "]\n  type: " + one.type + "\n";
  if (one.type == "event_count") text += "  condition: {gte: " + std::to_string(one.count) + "}\n";
  if (one.type == "value_count") text += "  condition: {field: actor.pid, gte: " + std::to_string(one.count) + "}\n";
  return text;
}

struct Made {
  std::uint64_t sequence = 0;
  int time = 0;
  unsigned uid = 0;
  unsigned pid = 0;
  std::string tenant;
};

v1::Event event_of(const Made& made) {
  v1::Event event = memory_event(v1::MEMORY_OPERATION_PTRACE, 0);
  event.set_sequence(made.sequence);
  set_time(event, made.time);
  event.mutable_actor()->set_uid(made.uid);
  event.mutable_actor()->mutable_process()->set_pid(made.pid);
  event.mutable_object()->set_tenant(made.tenant);
  return event;
}

std::vector<Made> random_events(std::mt19937& random) {
  std::vector<Made> events;
  const unsigned all = 20 + random() % 60;
  for (unsigned i = 0; i < all; ++i) {
    const int time = static_cast<int>(random() % 120);
    events.push_back({i + 1, time, static_cast<unsigned>(random() % 8), 1 + static_cast<unsigned>(random() % 4),
                      random() % 3 == 0 ? "initech" : "acme"});
  }
  return events;
}

bool matches_any(const Case& one, const Made& event) {
  return (event.uid & ((1u << one.rules) - 1)) != 0;
}

// A chain of links from rule `rule` on, later than `after`, that holds `must` and ends in time.
bool chain(const std::vector<Made>& sorted, const Case& one, int rule, std::size_t from, int start, std::size_t must,
           bool has) {
  if (rule == one.rules) return has;
  for (std::size_t i = from; i < sorted.size(); ++i) {
    if ((sorted[i].uid >> rule & 1) == 0) continue;
    const int begin = rule == 0 ? sorted[i].time : start;
    if (sorted[i].time - begin > kTimespan) break;
    if (chain(sorted, one, rule + 1, i + 1, begin, must, has || i == must)) return true;
  }
  return false;
}

bool window_is_full(const std::vector<Made>& sorted, const Case& one, int from) {
  std::set<unsigned> counted;
  for (const Made& event : sorted) {
    if (event.time < from || event.time > from + kTimespan) continue;
    if (one.type == "event_count") counted.insert(static_cast<unsigned>(event.sequence));
    if (one.type == "value_count") counted.insert(event.pid);
    for (unsigned i = 0; one.type == "temporal" && i < static_cast<unsigned>(one.rules); ++i) {
      if ((event.uid >> i & 1) != 0) counted.insert(i);
    }
  }
  return counted.size() >= static_cast<std::size_t>(one.count);
}

std::set<std::uint64_t> by_definition(const Case& one, const std::vector<Made>& all) {
  std::set<std::uint64_t> contributing;
  for (const std::string tenant : {"acme", "initech"}) {
    std::vector<Made> group;
    for (const Made& event : all) {
      if (event.tenant == tenant && matches_any(one, event)) group.push_back(event);
    }
    std::ranges::sort(group, {}, [](const Made& event) { return std::pair(event.time, event.sequence); });
    for (std::size_t i = 0; i < group.size(); ++i) {
      bool found = false;
      if (one.type == "temporal_ordered") {
        found = chain(group, one, 0, 0, 0, i, false);
      } else {
        for (int from = group[i].time - kTimespan; from <= group[i].time; ++from) {
          found = found || window_is_full(group, one, from);
        }
      }
      if (found) contributing.insert(group[i].sequence);
    }
  }
  return contributing;
}

}  // namespace

TEST_CASE("a correlation tells the same events in any order of arrival within the lateness, each once") {
  std::mt19937 random(20260102);
  std::size_t findings_of_all = 0;
  for (const Case& one : kCases) {
    const auto rules = compiled(rules_for(one));
    for (int round = 0; round < 60; ++round) {
      const std::vector<Made> events = random_events(random);
      const std::set<std::uint64_t> expected = by_definition(one, events);
      findings_of_all += expected.size();
      for (int shuffle = 0; shuffle < 4; ++shuffle) {
        // No event is more than the lateness behind one that came before it.
        std::vector<std::pair<int, Made>> arrivals;
        for (const Made& event : events) {
          const int delay = shuffle == 0 ? 0 : static_cast<int>(random() % (kLateness + 1));
          arrivals.emplace_back(event.time + delay, event);
        }
        std::ranges::stable_sort(arrivals, {}, &std::pair<int, Made>::first);
        detect::Detector detector(rules, {.lateness = absl::Seconds(kLateness)});
        std::multiset<std::uint64_t> told;
        for (const auto& [arrival, made] : arrivals) {
          const v1::Event event = event_of(made);
          for (const auto& found : detector.judge(event)) {
            const v1::Event& about = found.event ? *found.event : event;
            told.insert(about.sequence());
            CHECK(found.finding.message == std::to_string(about.sequence()) + " " + std::to_string(one.count));
          }
        }
        INFO(one.type << " of " << one.rules << ", round " << round << ", shuffle " << shuffle);
        CHECK(std::vector<std::uint64_t>(told.begin(), told.end()) ==
              std::vector<std::uint64_t>(expected.begin(), expected.end()));
        CHECK(detector.correlator().statistics().at(0).late_events == 0);
        CHECK(detector.correlator().statistics().at(0).dropped_entries == 0);
      }
    }
  }
  // Otherwise nothing was tried.
  CHECK(findings_of_all > 1000);
}

}  // namespace bulkhead::test

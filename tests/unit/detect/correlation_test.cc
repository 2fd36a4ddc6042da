#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

#include "collector/detect/detector.h"
#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;
using detect::CorrelatorOptions;
using detect::Detector;

// Rules A and B match on the user id, and neither alerts by itself.
const std::string kBases =
    "- {rule: A, desc: d, output: o, priority: LOW, alert: false, condition: actor.uid = 1 or actor.uid = 3}\n"
    "- {rule: B, desc: d, output: o, priority: LOW, alert: false, condition: actor.uid = 2 or actor.uid = 3}\n";

std::string correlation(const std::string& keys) {
  return kBases +
         "- correlation: C\n  desc: d\n  output: '%actor.pid of %object.tenant, %count'\n  priority: HIGH\n"
         "  group-by: [object.tenant]\n  timespan: 10s\n" +
         keys;
}

v1::Event event(std::uint64_t sequence, double seconds, std::uint32_t uid, const std::string& tenant = "acme") {
  v1::Event event = memory_event(v1::MEMORY_OPERATION_PTRACE, 0);
  event.set_sequence(sequence);
  set_time(event, seconds);
  event.mutable_actor()->set_uid(uid);
  event.mutable_object()->set_tenant(tenant);
  return event;
}

// The sequences of the events that a correlation told when this one came.
std::vector<std::uint64_t> told(Detector& detector, const v1::Event& event) {
  std::vector<std::uint64_t> sequences;
  for (const auto& found : detector.judge(event)) {
    CHECK(found.finding.rule->reference.id() == "C");
    sequences.push_back(found.event ? found.event->sequence() : event.sequence());
  }
  return sequences;
}

using Sequences = std::vector<std::uint64_t>;

const std::string kThree = "  type: event_count\n  rules: [A, B]\n  condition: {gte: 3}\n";

}  // namespace

TEST_CASE("event_count tells every event of a window that has enough, each once") {
  Detector detector(compiled(correlation(kThree)));
  CHECK(told(detector, event(1, 0, 1)).empty());
  CHECK(told(detector, event(2, 5, 2)).empty());
  CHECK(told(detector, event(3, 10, 1)) == Sequences{1, 2, 3});
  CHECK(told(detector, event(4, 15, 1)) == Sequences{4});
  CHECK(told(detector, event(5, 26, 1)).empty());
  CHECK(told(detector, event(6, 36.1, 1)).empty());
}

TEST_CASE("a late event joins the window that it belongs to") {
  Detector detector(compiled(correlation(kThree)));
  CHECK(told(detector, event(1, 0, 1)).empty());
  CHECK(told(detector, event(3, 9, 1)).empty());
  CHECK(told(detector, event(2, 4, 1)) == Sequences{1, 2, 3});
}

TEST_CASE("gt wants one more than gte") {
  Detector detector(compiled(correlation("  type: event_count\n  rules: [A]\n  condition: {gt: 1}\n")));
  CHECK(told(detector, event(1, 0, 1)).empty());
  CHECK(told(detector, event(2, 0, 1)) == Sequences{1, 2});
}

TEST_CASE("groups do not mix, and an unknown tenant is no group") {
  Detector detector(compiled(correlation(kThree)));
  CHECK(told(detector, event(1, 0, 1, "acme")).empty());
  CHECK(told(detector, event(2, 1, 1, "initech")).empty());
  CHECK(told(detector, event(3, 2, 1, "acme")).empty());
  for (std::uint64_t i = 4; i < 10; ++i) CHECK(told(detector, event(i, 2, 1, "unknown")).empty());
  CHECK(told(detector, event(10, 3, 1, "acme")) == Sequences{1, 3, 10});
  CHECK(detector.correlator().statistics().at(0).events_without_group == 6);
}

TEST_CASE("value_count counts values and not events") {
  Detector detector(
      compiled(correlation("  type: value_count\n  rules: [A]\n  condition: {gte: 2, field: actor.pid}\n")));
  CHECK(told(detector, event(1, 0, 1)).empty());
  CHECK(told(detector, event(2, 1, 1)).empty());
  v1::Event other = event(3, 2, 1);
  other.mutable_actor()->mutable_process()->set_pid(9);
  CHECK(told(detector, other) == Sequences{1, 2, 3});
}

TEST_CASE("temporal wants every rule in one window, in any order") {
  Detector detector(compiled(correlation("  type: temporal\n  rules: [A, B]\n")));
  CHECK(told(detector, event(1, 0, 2)).empty());
  CHECK(told(detector, event(2, 1, 2)).empty());
  CHECK(told(detector, event(3, 10.5, 1)) == Sequences{2, 3});
  CHECK(told(detector, event(4, 30, 3)) == Sequences{4});
}

TEST_CASE("temporal_ordered wants the rules in their order") {
  Detector detector(compiled(correlation("  type: temporal_ordered\n  rules: [A, B]\n")));
  CHECK(told(detector, event(1, 0, 2)).empty());
  CHECK(told(detector, event(2, 1, 1)).empty());
  CHECK(told(detector, event(3, 2, 2)) == Sequences{2, 3});
  // Of one time, the sequence decides; one event is never two links.
  CHECK(told(detector, event(4, 100, 3)).empty());
  CHECK(told(detector, event(5, 100, 3)) == Sequences{4, 5});
}

TEST_CASE("a correlation's finding carries its group, its own severity and message") {
  Detector detector(compiled(correlation(kThree)));
  for (std::uint64_t i = 1; i < 3; ++i) detector.judge(event(i, 0, 1, "a\nb"));
  const auto findings = detector.judge(event(3, 0, 1, "a\nb"));
  REQUIRE(findings.size() == 3);
  for (const auto& found : findings) {
    CHECK(found.finding.severity == v1::SEVERITY_HIGH);
    CHECK(found.finding.message == "4711 of a\\u000ab, 3");
    REQUIRE(found.finding.group.size() == 1);
    CHECK(found.finding.group[0] == std::pair<std::string, std::string>("object.tenant", "a\\u000ab"));
  }
}

TEST_CASE("the same event again changes nothing") {
  Detector detector(compiled(correlation(kThree)));
  for (int i = 0; i < 5; ++i) CHECK(told(detector, event(1, 0, 1)).empty());
  told(detector, event(2, 0, 1));
  CHECK(told(detector, event(3, 0, 1)).size() == 3);
  CHECK(told(detector, event(3, 0, 1)).empty());
}

TEST_CASE("base rules alert by themselves unless they or their correlation say otherwise") {
  const auto ids = [](const std::string& keys, const std::string& alert) {
    const std::string bases =
        "- {rule: A, desc: d, output: o, priority: LOW, alert: " + alert + ", condition: actor.uid = 1}\n";
    Detector detector(compiled(bases + correlation(keys).substr(kBases.size())));
    std::vector<std::string> found_ids;
    for (const auto& found : detector.judge(event(1, 0, 1))) found_ids.push_back(found.finding.rule->reference.id());
    return found_ids;
  };
  const std::string one = "  type: event_count\n  rules: [A]\n  condition: {gte: 1}\n";
  CHECK(ids(one, "true") == std::vector<std::string>{"A", "C"});
  CHECK(ids(one, "false") == std::vector<std::string>{"C"});
  CHECK(ids(one + "  generate: true\n", "true") == std::vector<std::string>{"A", "C"});
  CHECK(ids(one + "  generate: false\n", "true") == std::vector<std::string>{"C"});
  CHECK(ids(one + "  generate: false\n  enabled: false\n", "true") == std::vector<std::string>{"A"});
}

TEST_CASE("an event that is too late is judged by what is there, and counted") {
  Detector detector(compiled(correlation(kThree)), {.lateness = absl::Seconds(20)});
  told(detector, event(1, 100, 1));
  told(detector, event(2, 80, 1));
  CHECK(detector.correlator().statistics().at(0).late_events == 0);
  told(detector, event(3, 79, 1));
  CHECK(detector.correlator().statistics().at(0).late_events == 1);
  CHECK(told(detector, event(4, 78, 1)) == Sequences{4, 3, 2});
  CHECK(detector.correlator().statistics().at(0).late_events == 2);
}

TEST_CASE("what no event in time can need is forgotten and is no loss") {
  Detector detector(compiled(correlation(kThree)), {.lateness = absl::Seconds(20)});
  for (std::uint64_t i = 0; i < 1000; ++i)
    told(detector, event(i, static_cast<double>(i) * 6, 1, "t" + std::to_string(i % 7)));
  const auto statistics = detector.correlator().statistics().at(0);
  CHECK(statistics.entries < 20);
  CHECK(statistics.groups <= 7);
  CHECK(statistics.dropped_entries == 0);
  CHECK(statistics.dropped_groups == 0);
}

TEST_CASE("an event whose group may have gone meanwhile is counted as late") {
  Detector detector(compiled(correlation(kThree)), {.lateness = absl::Seconds(20)});
  told(detector, event(1, 100, 1, "acme"));
  told(detector, event(2, 1000, 1, "initech"));
  const auto late = [&] { return detector.correlator().statistics().at(0).late_events; };
  v1::Event slow = event(3, 105, 1, "acme");
  slow.set_host_id("host-2");
  told(detector, slow);
  CHECK(late() == 1);
  slow = event(4, 300, 1, "umbrella");
  slow.set_host_id("host-2");
  told(detector, slow);
  CHECK(late() == 1);
}

TEST_CASE("a clock that was wrong for one event stops nothing") {
  Detector detector(compiled(correlation(kThree)));
  told(detector, event(1, 1e8, 1));
  CHECK(told(detector, event(2, 0, 1)).empty());
  CHECK(told(detector, event(3, 1, 1)).empty());
  CHECK(told(detector, event(4, 2, 1)) == Sequences{2, 3, 4});
}

TEST_CASE("state is bounded per group, per tenant and per rule, and what is dropped is counted") {
  const CorrelatorOptions small{
      .groups = 8, .groups_per_tenant = 3, .entries = 40, .entries_per_tenant = 12, .entries_per_group = 10};
  const std::string by_pid =
      kBases +
      "- correlation: C\n  desc: d\n  output: o\n  priority: HIGH\n  group-by: [object.tenant, actor.pid]\n"
      "  timespan: 1h\n  type: event_count\n  rules: [A]\n  condition: {gte: 500}\n";
  const auto flood = [&](int tenants, int groups, int entries) {
    Detector detector(compiled(by_pid), small);
    std::uint64_t sequence = 0;
    for (int tenant = 0; tenant < tenants; ++tenant) {
      for (int group = 0; group < groups; ++group) {
        for (int i = 0; i < entries; ++i) {
          ++sequence;
          v1::Event one = event(sequence, static_cast<double>(sequence), 1, "t" + std::to_string(tenant));
          one.mutable_actor()->mutable_process()->set_pid(static_cast<std::uint32_t>(group + 1));
          detector.judge(one);
        }
      }
    }
    return detector.correlator().statistics().at(0);
  };
  const auto one_group = flood(1, 1, 25);
  CHECK(one_group.entries == 10);
  CHECK(one_group.dropped_entries == 15);
  const auto one_tenant = flood(1, 7, 1);
  CHECK(one_tenant.groups == 3);
  CHECK(one_tenant.dropped_groups == 4);
  CHECK(one_tenant.dropped_entries == 4);
  const auto full_tenant = flood(1, 2, 8);
  CHECK(full_tenant.entries == 8);
  CHECK(full_tenant.dropped_groups == 1);
  const auto all = flood(20, 1, 1);
  CHECK(all.groups == 8);
  CHECK(all.dropped_groups == 12);
  CHECK(all.events == 20);
  CHECK(flood(8, 1, 10).entries <= 40);
}

TEST_CASE("a flood against one tenant takes no state from another") {
  const CorrelatorOptions small{.groups = 100, .groups_per_tenant = 4};
  const std::string by_pid =
      kBases +
      "- correlation: C\n  desc: d\n  output: o\n  priority: HIGH\n  group-by: [object.tenant, actor.pid]\n"
      "  timespan: 1h\n  type: event_count\n  rules: [A]\n  condition: {gte: 2}\n";
  Detector detector(compiled(by_pid), small);
  CHECK(told(detector, event(1, 0, 1, "quiet")).empty());
  for (std::uint32_t i = 0; i < 500; ++i) {
    v1::Event one = event(i + 2, i + 1, 1, "loud");
    one.mutable_actor()->mutable_process()->set_pid(i + 10000);
    CHECK(told(detector, one).empty());
  }
  CHECK(told(detector, event(1000, 600, 1, "quiet")) == Sequences{1, 1000});
}

TEST_CASE("correlations are checked") {
  const auto error = [](const std::string& keys) { return error_of(correlation(keys)); };
  CHECK_THAT(error("  type: event_cont\n  rules: [A]\n  condition: {gte: 1}\n"),
             Contains("t.yaml:9:9: 'event_cont' is no type of correlation; did you mean 'event_count'?"));
  for (const std::string comparison : {"lt", "lte", "eq"}) {
    CHECK_THAT(error("  type: event_count\n  rules: [A]\n  condition: {" + comparison + ": 3}\n"),
               Contains("'" + comparison + "' would judge that no more came, which only a clock can tell"));
  }
  CHECK_THAT(error("  type: event_count\n  rules: [A, D]\n  condition: {gte: 1}\n"), Contains("there is no rule 'D'"));
  CHECK_THAT(error("  type: event_count\n  rules: [C]\n  condition: {gte: 1}\n"), Contains("'C' is a correlation"));
  CHECK_THAT(error("  type: event_count\n  rules: [A, A]\n  condition: {gte: 1}\n"), Contains("is there twice"));
  CHECK_THAT(error("  type: event_count\n  rules: []\n  condition: {gte: 1}\n"), Contains("at least one rule"));
  CHECK_THAT(error("  type: event_count\n  rules: [A]\n"), Contains("lacks the key 'condition'"));
  CHECK_THAT(error("  type: event_count\n  rules: [A]\n  condition: {gte: 0}\n"),
             Contains("'0' is no number from 1 to 500"));
  CHECK_THAT(error("  type: event_count\n  rules: [A]\n  condition: {gte: 501}\n"), Contains("'501' is no number"));
  CHECK_THAT(error("  type: event_count\n  rules: [A]\n  condition: {gte: 1, gt: 2}\n"),
             Contains("has one comparison"));
  CHECK_THAT(error("  type: event_count\n  rules: [A]\n  condition: {gte: 1, field: actor.pid}\n"),
             Contains("'event_count' counts no field"));
  CHECK_THAT(error("  type: value_count\n  rules: [A]\n  condition: {gte: 1}\n"), Contains("lacks the key 'field'"));
  CHECK_THAT(error("  type: value_count\n  rules: [A]\n  condition: {gte: 1, field: actor.lineage.exe}\n"),
             Contains("is a list, and no single value"));
  CHECK_THAT(error("  type: temporal\n  rules: [A, B]\n  condition: {gte: 1}\n"), Contains("has no condition"));
  CHECK_THAT(error("  type: temporal\n  rules: [A]\n"), Contains("relates two rules at least"));
  const std::string rest = "  type: temporal\n  rules: [A, B]\n";
  const auto with = [&](const std::string& group, const std::string& timespan) {
    return error_of(kBases + "- correlation: C\n  desc: d\n  output: '%count of %foo'\n  priority: HIGH\n  group-by: " +
                    group + "\n  timespan: " + timespan + "\n" + rest);
  };
  for (const char* timespan : {"0s", "25h", "10", "m", "10x", "-5m", "99999999999999999999s"}) {
    CHECK_THAT(with("[actor.pid]", timespan), Contains("is no timespan; expected one from 1s to 24h"));
  }
  CHECK_THAT(with("[]", "1m"), Contains("'group-by' names one field at least"));
  CHECK_THAT(with("[actor.pidd]", "1m"), Contains("did you mean 'actor.pid'?"));
  CHECK_THAT(with("[actor.pid, actor.pid]", "1m"), Contains("is there twice"));
  CHECK_THAT(with("[actor.pid]", "1m"), Contains("unknown field '%foo'"));
  CHECK_THAT(error_of(rule_text("actor.pid = 1", "  tests: []\n  timespan: 1m\n")),
             Contains("a rule has no key 'timespan'"));
  CHECK_THAT(error_of(correlation(kThree) + rule_text("actor.pid = 1").replace(8, 1, "C")),
             Contains("is defined already"));
}

TEST_CASE("a correlation can be overridden") {
  const std::string change =
      "- correlation: C\n  override: {condition: replace, priority: replace}\n  condition: {gte: 1}\n  priority: LOW\n";
  Detector detector(compiled(correlation(kThree) + change));
  const auto findings = detector.judge(event(1, 0, 1));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].finding.severity == v1::SEVERITY_LOW);
  Detector off(compiled(correlation(kThree) + "- correlation: C\n  override: {enabled: replace}\n  enabled: false\n"));
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(off.judge(event(i, 0, 1)).empty());
}

}  // namespace bulkhead::test

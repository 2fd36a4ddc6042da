#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "collector/alerts/grouper.h"
#include "collector/alerts/life_cycle.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using test::frame_event;
using test::memory_event;

constexpr auto kRead = v1::MEMORY_OPERATION_PROCESS_VM_READ;

std::string hostname(const std::string& host_id) {
  return host_id + ".example";
}

// Judges with the shipped rules and groups; keeps what it takes, as the store does.
class Bench {
 public:
  explicit Bench(GroupingOptions options = {})
      : grouper_(options, hostname, [this](const std::string& uid) -> absl::StatusOr<std::optional<v1::Alert>> {
          if (!failure.ok()) return failure;
          const auto found = stored.find(uid);
          if (found == stored.end()) return std::nullopt;
          v1::Alert alert;
          REQUIRE(alert.ParseFromString(found->second));
          return alert;
        }) {}

  void see(const v1::Event& event, const Authorisation& authorisation = {}) {
    for (const auto& finding : engine().evaluate(event)) REQUIRE(grouper_.add(finding, event, authorisation).ok());
  }
  std::vector<Change> changes() {
    auto changes = grouper_.take_changes();
    for (const Change& change : changes) stored[change.alert.uid()] = change.alert.SerializeAsString();
    return changes;
  }
  Grouper& grouper() { return grouper_; }

  static const detect::Engine& engine() {
    static const detect::Engine engine(*detect::compile_rules(test::shipped_rules()));
    return engine;
  }

  std::map<std::string, std::string> stored;
  absl::Status failure;

 private:
  Grouper grouper_;
};

v1::Event at(double seconds, std::uint64_t sequence, v1::Event event = memory_event(kRead)) {
  test::set_time(event, seconds);
  event.set_sequence(sequence);
  return event;
}

}  // namespace

TEST_CASE("the first finding opens an alert that names everyone") {
  Bench bench;
  bench.see(at(0, 7));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  const v1::Alert& alert = changes[0].alert;
  CHECK(changes[0].opened);
  CHECK(changes[0].notable);
  CHECK(alert.uid().size() == 32);
  CHECK(alert.rule().id() == "MEM-01");
  CHECK(alert.rule().severity() == v1::SEVERITY_CRITICAL);
  CHECK(alert.host_id() == "host-1");
  CHECK(alert.hostname() == "host-1.example");
  CHECK(alert.actor_tenant() == "host");
  CHECK(alert.object_tenant() == "acme");
  CHECK(alert.actor().process().pid() == 4711);
  CHECK(alert.object().domain_name() == "web");
  CHECK(alert.event_count() == 1);
  CHECK(alert.evidence_size() == 1);
  CHECK(alert.message().find("/usr/bin/gdb (pid 4711") == 0);
  CHECK(bench.changes().empty());
}

TEST_CASE("an alert's uid is the documented hash of its content") {
  Bench bench;
  bench.see(at(0, 7));
  // Computed apart from this code: sha256 over rule, period, grant, deviation, what allows it, host, both tenants,
  // object, "program", executable, uid, login uid, domain, each after its length in eight bytes.
  CHECK(bench.changes().at(0).alert.uid() == "4f3bb637d132b54c2ea7ff0d7695cfb6");
}

TEST_CASE("findings of one group inside a period are one alert") {
  Bench bench;
  bench.see(at(0, 1));
  bench.see(at(299, 2));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].alert.event_count() == 2);
  CHECK(changes[0].alert.evidence_size() == 2);
  CHECK(changes[0].alert.last_time().seconds() - changes[0].alert.first_time().seconds() == 299);
}

TEST_CASE("a finding in the next period opens the next alert") {
  Bench bench;
  bench.see(at(0, 1));
  const std::int64_t begun = at(0, 1).time().seconds() % 3600;
  bench.see(at(static_cast<double>(3599 - begun), 2));
  CHECK(bench.changes().size() == 1);
  bench.see(at(static_cast<double>(3600 - begun), 3));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].opened);
  CHECK(changes[0].alert.event_count() == 1);
}

TEST_CASE("a late finding joins the alert of its own time and becomes its first") {
  Bench bench;
  bench.see(at(0, 1));
  bench.see(at(7200, 2));
  bench.changes();
  v1::Event late = at(-10, 3);
  late.mutable_actor()->mutable_process()->set_pid(99);
  bench.see(late);
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].opened);
  CHECK(changes[0].alert.evidence(0).sequence() == 3);
  CHECK(changes[0].alert.actor().process().pid() == 99);
  CHECK(changes[0].alert.first_time().seconds() == at(-10, 0).time().seconds());
  CHECK(changes[0].alert.event_count() == 2);
}

TEST_CASE("whatever makes another group makes another alert") {
  const auto alerts_with = [](const v1::Event& other, const Authorisation& authorisation = {}) {
    Bench bench;
    bench.see(at(0, 1));
    bench.see(other, authorisation);
    return bench.changes().size();
  };
  v1::Event event = at(1, 2);
  CHECK(alerts_with(event) == 1);
  event.mutable_actor()->set_thread_id(9);
  CHECK(alerts_with(event) == 1);
  // The same program, run again by the same user.
  event.mutable_actor()->mutable_process()->set_pid(9);
  CHECK(alerts_with(event) == 1);
  event.mutable_actor()->mutable_process()->set_executable("/bin/x");
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_actor()->set_uid(33);
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_actor()->set_login_uid(33);
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_actor()->set_tenant("initech");
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_object()->set_tenant("umbrella");
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_object()->set_id("vmm:901:1");
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.set_host_id("host-2");
  CHECK(alerts_with(event) == 2);
  CHECK(alerts_with(at(1, 2, memory_event(v1::MEMORY_OPERATION_PTRACE, 0))) == 2);
  CHECK(alerts_with(at(1, 2), {.grant_id = "G-1"}) == 2);
  CHECK(alerts_with(at(1, 2), {.allowed_by = "peering x"}) == 2);
}

TEST_CASE("what a grant covers is on record as authorised, and what exceeds it says how") {
  Bench bench;
  bench.see(at(0, 1), {.grant_id = "G-1"});
  bench.see(at(1, 2), {.grant_id = "G-1", .deviation = "expired at noon"});
  bench.see(at(2, 3), {.grant_id = "G-1", .deviation = "expired at noon"});
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 2);
  const auto authorised =
      std::ranges::find(changes, v1::ALERT_STATE_AUTHORISED, [](const Change& change) { return change.alert.state(); });
  REQUIRE(authorised != changes.end());
  CHECK(authorised->alert.grant_id() == "G-1");
  CHECK(authorised->alert.event_count() == 1);
  const auto exceeded =
      std::ranges::find(changes, v1::ALERT_STATE_OPEN, [](const Change& change) { return change.alert.state(); });
  REQUIRE(exceeded != changes.end());
  CHECK(exceeded->alert.event_count() == 2);
  CHECK_THAT(exceeded->alert.message(), Catch::Contains("grant G-1 does not cover it: expired at noon"));
}

TEST_CASE("frames group by the pair of ports") {
  Bench bench;
  bench.see(at(0, 1, frame_event()));
  v1::Event event = at(1, 2, frame_event());
  event.mutable_frame_delivery()->set_ethertype(0x86dd);
  bench.see(event);
  CHECK(bench.changes().size() == 1);
  event.mutable_frame_delivery()->set_source_port("vnet9");
  bench.see(event);
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].opened);
}

TEST_CASE("an alert takes the highest severity, and the message and evidence of what had it") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.see(at(i, static_cast<std::uint64_t>(i + 1), memory_event(kRead, -EPERM)));
  auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].alert.rule().severity() == v1::SEVERITY_MEDIUM);
  CHECK(changes[0].alert.evidence_size() == 8);
  bench.see(at(30, 21, memory_event(kRead, 4096)));
  bench.see(at(31, 22, memory_event(kRead, -EPERM)));
  changes = bench.changes();
  REQUIRE(changes.size() == 1);
  const v1::Alert& alert = changes[0].alert;
  CHECK(changes[0].notable);
  CHECK(alert.rule().severity() == v1::SEVERITY_CRITICAL);
  CHECK(alert.message().find("result 4096") != std::string::npos);
  CHECK(alert.event_count() == 22);
  REQUIRE(alert.evidence_size() == 9);
  CHECK(alert.evidence(0).sequence() == 1);
  CHECK(alert.evidence(7).sequence() == 8);
  CHECK(alert.evidence(8).sequence() == 21);
}

TEST_CASE("a growing alert is notable each time that its events doubled") {
  Bench bench;
  std::vector<int> notable;
  for (int i = 1; i <= 40; ++i) {
    bench.see(at(i, static_cast<std::uint64_t>(i)));
    for (const Change& change : bench.changes()) {
      if (change.notable) notable.push_back(i);
    }
  }
  CHECK(notable == std::vector<int>{1, 2, 4, 8, 16, 32});
}

TEST_CASE("evidence of huge events stays bounded, and the first is always kept") {
  Bench bench;
  v1::Event event = memory_event(kRead);
  event.set_path(std::string(100000, 'a'));
  for (int i = 0; i < 8; ++i) bench.see(at(i, static_cast<std::uint64_t>(i + 1), event));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].alert.evidence_size() == 1);
  CHECK(changes[0].alert.event_count() == 8);
}

TEST_CASE("another process is news while its event is among the evidence, and no flood after") {
  Bench bench;
  int notable = 0;
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    v1::Event event = at(i, i);
    event.mutable_actor()->mutable_process()->set_pid(i);
    bench.see(event);
    for (const Change& change : bench.changes()) notable += change.notable ? 1 : 0;
  }
  // The first eight, then 16, 32, … 512.
  CHECK(notable == 14);
}

TEST_CASE("what is at hand is bounded, and the rest is loaded when it is needed") {
  Bench bench({.max_cached = 10});
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < 100; ++i) {
      v1::Event event = at(round * 100 + i, round * 100 + i + 1);
      event.mutable_actor()->mutable_process()->set_executable("/bin/" + std::to_string(i));
      bench.see(event);
      if (i % 7 == 0) bench.changes();
    }
    bench.changes();
  }
  CHECK(bench.stored.size() == 100);
  for (const auto& [uid, bytes] : bench.stored) {
    v1::Alert alert;
    REQUIRE(alert.ParseFromString(bytes));
    CHECK(alert.event_count() == 3);
  }
}

TEST_CASE("a store that cannot be read is an error, and nothing is counted") {
  Bench bench;
  bench.failure = absl::UnavailableError("disk on fire");
  const v1::Event event = at(0, 1);
  const auto findings = Bench::engine().evaluate(event);
  REQUIRE(findings.size() == 1);
  CHECK(absl::IsUnavailable(bench.grouper().add(findings[0], event)));
  CHECK(bench.changes().empty());
  bench.failure = absl::OkStatus();
  bench.see(event);
  CHECK(bench.changes().at(0).alert.event_count() == 1);
}

TEST_CASE("a closed alert opens again with a new finding, an acknowledged one does not") {
  Bench bench;
  bench.see(at(0, 1));
  const std::string uid = bench.changes().at(0).alert.uid();
  const auto set = [&](v1::AlertState state) {
    return bench.grouper().amend(
        uid, [&](v1::Alert& alert) { return change_state(state, "kim", "seen", absl::FromUnixSeconds(9), alert); },
        true);
  };
  REQUIRE(set(v1::ALERT_STATE_ACKNOWLEDGED).ok());
  bench.see(at(1, 2));
  auto changes = bench.changes();
  CHECK(changes.at(0).alert.state() == v1::ALERT_STATE_ACKNOWLEDGED);
  REQUIRE(set(v1::ALERT_STATE_CLOSED).ok());
  CHECK(absl::IsFailedPrecondition(set(v1::ALERT_STATE_CLOSED)));
  changes = bench.changes();
  CHECK(changes.at(0).notable);
  bench.see(at(2, 3));
  changes = bench.changes();
  REQUIRE(changes.size() == 1);
  const v1::Alert& alert = changes[0].alert;
  CHECK(changes[0].notable);
  CHECK_FALSE(changes[0].opened);
  CHECK(alert.state() == v1::ALERT_STATE_OPEN);
  REQUIRE(alert.history_size() == 3);
  CHECK(alert.history(1).by() == "kim");
  CHECK(alert.history(1).why() == "seen");
  CHECK(alert.history(2).by() == "bulkhead");
  CHECK(alert.history(2).from() == v1::ALERT_STATE_CLOSED);
  CHECK(absl::IsNotFound(bench.grouper().amend("no such", [](v1::Alert&) { return absl::OkStatus(); }, true)));
}

TEST_CASE("in any order, with restarts at any point, the same events give the same bytes") {
  std::vector<v1::Event> events;
  for (std::uint64_t i = 0; i < 240; ++i) {
    v1::Event event = at(static_cast<double>(i * 137 % 9000), i + 1,
                         i % 7 == 0 ? frame_event() : memory_event(kRead, i % 11 == 0 ? 4096 : -EPERM));
    event.set_host_id("host-" + std::to_string(i % 2));
    event.mutable_actor()->mutable_process()->set_pid(static_cast<std::uint32_t>(i % 5 + 1));
    if (i % 3 == 0) event.set_path(std::string(9000, 'p'));
    // Some at the very same time.
    if (i % 13 == 0) test::set_time(event, 100);
    events.push_back(event);
  }
  Bench straight;
  for (const v1::Event& event : events) straight.see(event);
  straight.changes();
  REQUIRE(straight.stored.size() >= 10);

  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    std::ranges::shuffle(events, random);
    std::map<std::string, std::string> stored;
    for (std::size_t begin = 0; begin < events.size();) {
      Bench run({.max_cached = 5});
      run.stored = stored;
      const std::size_t end = std::min(events.size(), begin + 1 + random() % 60);
      for (; begin < end; ++begin) {
        run.see(events[begin]);
        if (random() % 5 == 0) run.changes();
      }
      run.changes();
      stored = run.stored;
    }
    INFO("round " << round);
    CHECK(stored == straight.stored);
  }
}

}  // namespace bulkhead::alerts

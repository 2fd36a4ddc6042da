#include <catch2/catch.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include "collector/alerts/grouper.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using test::frame_event;
using test::memory_event;

constexpr auto kRead = v1::MEMORY_OPERATION_PROCESS_VM_READ;

std::string hostname(const std::string& host_id) {
  return host_id + ".example";
}

// Judges with the shipped rules and groups.
class Bench {
 public:
  explicit Bench(GroupingOptions options = {}) : grouper_(options, hostname) {}

  void see(const v1::Event& event) {
    for (const auto& finding : engine().evaluate(event)) grouper_.add(finding, event);
  }
  std::vector<Change> changes() { return grouper_.take_changes(); }
  Grouper& grouper() { return grouper_; }

 private:
  static const detect::Engine& engine() {
    static const detect::Engine engine(*detect::compile_rules(test::shipped_rules()));
    return engine;
  }
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
  // Computed apart from this code: sha256 over rule, host, both tenants, object, "process", pid, start, executable,
  // boot, sequence, each after its length in eight bytes.
  CHECK(bench.changes().at(0).alert.uid() == "a6d6b1775037928cdd423b5509eebf88");
}

TEST_CASE("findings of one group inside the window are one alert") {
  Bench bench;
  bench.see(at(0, 1));
  bench.see(at(299, 2));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].alert.event_count() == 2);
  CHECK(changes[0].alert.evidence_size() == 2);
  CHECK(changes[0].alert.last_time().seconds() - changes[0].alert.first_time().seconds() == 299);
}

TEST_CASE("a finding at the window's end opens the next alert") {
  Bench bench;
  bench.see(at(0, 1));
  bench.see(at(300, 2));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].alert.uid() != changes[1].alert.uid());
}

TEST_CASE("a late finding joins the alert of its own time") {
  Bench bench;
  bench.see(at(0, 1));
  bench.see(at(400, 2));
  bench.changes();
  bench.see(at(-10, 3));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].opened);
  CHECK(changes[0].alert.evidence(0).sequence() == 1);
  CHECK(changes[0].alert.first_time().seconds() == at(-10, 0).time().seconds());
  CHECK(changes[0].alert.event_count() == 2);
}

TEST_CASE("whatever makes another group makes another alert") {
  const auto alerts_with = [](const v1::Event& other) {
    Bench bench;
    bench.see(at(0, 1));
    bench.see(other);
    return bench.changes().size();
  };
  v1::Event event = at(1, 2);
  CHECK(alerts_with(event) == 1);
  event.mutable_actor()->set_thread_id(9);
  CHECK(alerts_with(event) == 1);
  event.mutable_actor()->mutable_process()->set_pid(9);
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_actor()->mutable_process()->set_start_time_ns(9);
  CHECK(alerts_with(event) == 2);
  event = at(1, 2);
  event.mutable_actor()->mutable_process()->set_executable("/bin/x");
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
  REQUIRE(alert.evidence_size() == 8);
  CHECK(alert.evidence(0).sequence() == 1);
  CHECK(alert.evidence(7).sequence() == 21);
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

TEST_CASE("what is open is bounded, and a flooding host loses only its own") {
  Bench bench({.max_open = 10});
  bench.see(at(0, 1));
  for (std::uint32_t i = 0; i < 100; ++i) {
    v1::Event event = at(1 + i * 0.1, i + 1);
    event.set_host_id("flooder");
    event.mutable_actor()->mutable_process()->set_pid(i + 1);
    bench.see(event);
  }
  CHECK(bench.grouper().open() == 10);
  CHECK(bench.changes().size() == 101);
  bench.see(at(20, 2));
  const auto changes = bench.changes();
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].opened);
  CHECK(changes[0].alert.event_count() == 2);
}

TEST_CASE("old alerts are forgotten as time goes on") {
  Bench bench;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    v1::Event event = at(i * 60.0, i + 1);
    event.mutable_actor()->mutable_process()->set_pid(i + 1);
    bench.see(event);
  }
  CHECK(bench.grouper().open() == 32);
}

TEST_CASE("a clock that was wrong for a while does not split the alerts that follow") {
  Bench bench;
  v1::Event wrong = at(4e9, 1);
  bench.see(wrong);
  for (std::uint64_t i = 0; i < 10; ++i) bench.see(at(static_cast<double>(i), i + 2));
  CHECK(bench.changes().size() == 2);
}

TEST_CASE("grouping goes on after a restart as if there had been none") {
  std::vector<v1::Event> events;
  for (std::uint64_t i = 0; i < 240; ++i) {
    v1::Event event = at(static_cast<double>(i * 137 % 5000), i + 1, i % 7 == 0 ? frame_event() : memory_event(kRead));
    event.set_host_id("host-" + std::to_string(i % 2));
    event.mutable_actor()->mutable_process()->set_pid(static_cast<std::uint32_t>(i % 5 + 1));
    events.push_back(event);
  }
  const auto merge = [](std::map<std::string, std::string>& alerts, const std::vector<Change>& changes) {
    for (const Change& change : changes) alerts[change.alert.uid()] = change.alert.SerializeAsString();
  };
  Bench straight;
  for (const v1::Event& event : events) straight.see(event);
  std::map<std::string, std::string> expected;
  merge(expected, straight.changes());
  REQUIRE(expected.size() > 70);

  for (std::size_t cut = 1; cut < events.size(); cut += 7) {
    std::map<std::string, std::string> alerts;
    Bench before;
    for (std::size_t i = 0; i < cut; ++i) before.see(events[i]);
    merge(alerts, before.changes());

    std::vector<v1::Alert> stored;
    for (const auto& [uid, bytes] : alerts) REQUIRE(stored.emplace_back().ParseFromString(bytes));
    std::ranges::sort(stored, {}, [](const v1::Alert& alert) { return alert.first_time().seconds(); });
    Bench after;
    for (const v1::Alert& alert : stored) after.grouper().restore(alert);
    for (std::size_t i = cut; i < events.size(); ++i) after.see(events[i]);
    merge(alerts, after.changes());
    INFO("restarted after " << cut);
    CHECK(alerts == expected);
  }
}

}  // namespace bulkhead::alerts

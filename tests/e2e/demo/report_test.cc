// What the demo's verdict depends on.
#include <catch2/catch.hpp>

#include "tests/support/demo/report.h"

namespace bulkhead::demo {
namespace {

std::chrono::system_clock::time_point at(int milliseconds) {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(milliseconds));
}

stage::Alert memory_alert(pid_t actor) {
  stage::Alert alert;
  alert.uid = "1";
  alert.rule = "MEM-01";
  alert.actor_tenant = "host";
  alert.object_tenant = "acme";
  alert.actor_pid = actor;
  return alert;
}

stage::Alert frame_alert(const std::string& from, const std::string& to) {
  stage::Alert alert;
  alert.uid = "2";
  alert.rule = "NET-03";
  alert.actor_tenant = from;
  alert.object_tenant = to;
  alert.actor_pid = 77;
  return alert;
}

const Deed kBreach{&stage::act("host-reads-memory"), 100, at(10)};
const Deed kTwin{&stage::act("host-reads-own-process"), 101, at(20)};
const Deed kFrames{&stage::act("globex-reaches-acme"), 0, at(30)};

TEST_CASE("a play whose breaches alone were flagged is good") {
  CHECK(judge({kTwin, kBreach}, {memory_alert(100), memory_alert(100)}).good);
}

TEST_CASE("a breach that was not flagged is wrong") {
  CHECK_FALSE(judge({kTwin, kBreach}, {}).good);
}

TEST_CASE("an alert about another process than the one that acted is wrong") {
  CHECK_FALSE(judge({kTwin, kBreach}, {memory_alert(100), memory_alert(101)}).good);
}

TEST_CASE("an alert that came while a twin was played is held against the twin") {
  stage::Alert alert = memory_alert(101);
  alert.acted = at(25);
  const Verdict verdict = judge({kBreach, kTwin}, {memory_alert(100), alert});
  CHECK_FALSE(verdict.good);
  CHECK_THAT(verdict.table,
             Catch::Matchers::Contains("host-reads-own-process      silence   yes                 WRONG"));
}

TEST_CASE("a breach flagged by another rule is wrong") {
  stage::Alert alert = memory_alert(100);
  alert.rule = "MEM-02";
  CHECK_FALSE(judge({kBreach}, {alert}).good);
}

TEST_CASE("a breach flagged for another tenant is wrong") {
  stage::Alert alert = memory_alert(100);
  alert.object_tenant = "globex";
  CHECK_FALSE(judge({kBreach}, {alert}).good);
}

TEST_CASE("frames that answer a staged breach belong to it") {
  CHECK(judge({kFrames}, {frame_alert("globex", "acme"), frame_alert("acme", "globex")}).good);
  CHECK_FALSE(judge({kFrames}, {frame_alert("globex", "acme"), frame_alert("acme", "acme")}).good);
}

TEST_CASE("that the host runs two tenants side by side on one core is no deed of anyone's") {
  stage::Alert exposure = frame_alert("globex", "acme");
  CHECK_FALSE(judge({kTwin, kBreach}, {memory_alert(100), exposure}).good);
  exposure.rule = "MEM-12";
  CHECK(judge({kTwin, kBreach}, {memory_alert(100), exposure}).good);
}

}  // namespace
}  // namespace bulkhead::demo

#include "agent/ownership/starting_vmms.h"

#include <catch2/catch.hpp>
#include <vector>

namespace bulkhead::ownership {
namespace {

constexpr probes::ProcessKey kProcess = {.tgid = 100, .start_ns = 5};
const StartingVmms::Clock::time_point kBegin{};

const StartingVmms::Identify kNobodyKnows = [](std::uint32_t) { return std::nullopt; };

TEST_CASE("a VMM is pending until someone knows its domain") {
  StartingVmms starting;
  starting.begin(kProcess, kBegin);
  CHECK(starting.waiting());
  CHECK(starting.outcome(kProcess)->kind == StartOutcome::Kind::kPending);
  std::vector<probes::ProcessKey> settled;
  const auto note = [&](const probes::ProcessKey& process, const StartOutcome&) { settled.push_back(process); };
  starting.poll(kBegin + std::chrono::seconds(1), kNobodyKnows, note);
  CHECK(settled.empty());
  starting.poll(
      kBegin + std::chrono::seconds(2),
      [](std::uint32_t pid) {
        CHECK(pid == kProcess.tgid);
        return StartOutcome{StartOutcome::Kind::kVmm, {3, 4}};
      },
      note);
  REQUIRE(settled.size() == 1);
  CHECK_FALSE(starting.waiting());
  CHECK(starting.outcome(kProcess)->owner == probes::Owner{3, 4});
}

TEST_CASE("a VMM that nobody can name for five seconds is none") {
  StartingVmms starting;
  starting.begin(kProcess, kBegin);
  int settled = 0;
  const auto count = [&](const probes::ProcessKey&, const StartOutcome&) { ++settled; };
  starting.poll(kBegin + std::chrono::milliseconds(4999), kNobodyKnows, count);
  CHECK(settled == 0);
  starting.poll(kBegin + std::chrono::milliseconds(5000), kNobodyKnows, count);
  CHECK(settled == 1);
  CHECK(starting.outcome(kProcess)->kind == StartOutcome::Kind::kNoVmm);
}

TEST_CASE("a process that never was starting has no outcome") {
  const StartingVmms starting;
  CHECK_FALSE(starting.outcome(kProcess).has_value());
}

TEST_CASE("a process that is known by its number alone is the one that started last") {
  StartingVmms starting;
  starting.settle({.tgid = 7, .start_ns = 10}, {StartOutcome::Kind::kNoVmm, {}});
  starting.begin({.tgid = 7, .start_ns = 20}, kBegin);
  starting.settle({.tgid = 8, .start_ns = 30}, {StartOutcome::Kind::kVmm, {3, 4}});
  CHECK(starting.outcome(7)->kind == StartOutcome::Kind::kPending);
  CHECK(starting.outcome(8)->kind == StartOutcome::Kind::kVmm);
  CHECK_FALSE(starting.outcome(9).has_value());
}

TEST_CASE("a settled VMM that executes again stays settled") {
  StartingVmms starting;
  starting.settle(kProcess, {StartOutcome::Kind::kVmm, {3, 4}});
  starting.begin(kProcess, kBegin);
  CHECK_FALSE(starting.waiting());
}

TEST_CASE("outcomes are forgotten oldest first") {
  StartingVmms starting;
  for (std::uint32_t i = 1; i <= 5000; ++i) starting.settle({.tgid = i, .start_ns = i}, {});
  CHECK_FALSE(starting.outcome({.tgid = 1, .start_ns = 1}).has_value());
  CHECK(starting.outcome({.tgid = 5000, .start_ns = 5000}).has_value());
}

}  // namespace
}  // namespace bulkhead::ownership

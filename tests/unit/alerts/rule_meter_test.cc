#include "collector/alerts/rule_meter.h"

#include <catch2/catch.hpp>

#include "collector/detect/detector.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {

namespace {

const RuleStatistics* find(const std::vector<RuleStatistics>& all, const std::string& id) {
  const auto found = std::ranges::find(all, id, &RuleStatistics::id);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("some events are timed, rule by rule, and all the rules that judged them") {
  const auto rules = *detect::compile_rules(test::shipped_rules());
  detect::Detector detector(rules);
  RuleMeter meter;
  meter.set_rules(*rules);
  const v1::Event event = test::memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);
  std::size_t timed = 0;
  for (int i = 0; i < 610; ++i) {
    detect::RuleObserver* const observer = meter.observe_next();
    timed += observer != nullptr ? 1 : 0;
    auto base = detector.base(event, observer);
    detector.judge(event, std::move(base), true, observer);
  }
  CHECK(timed == 10);
  const auto statistics = meter.statistics();
  REQUIRE(find(statistics, "MEM-01") != nullptr);
  CHECK(find(statistics, "MEM-01")->sampled_evaluations == 10);
  CHECK(find(statistics, "MEM-01")->sampled_ns > 0);
  // It never sees events of memory, and a correlation that has nothing to add up takes part nevertheless.
  CHECK(find(statistics, "NET-03")->sampled_evaluations == 0);
  CHECK(find(statistics, "CORR-01")->sampled_evaluations == 10);
}

TEST_CASE("what a rule did is kept when rules are read again") {
  const auto rules = *detect::compile_rules(test::shipped_rules());
  RuleMeter meter;
  meter.set_rules(*rules);
  meter.found("MEM-01");
  meter.opened("MEM-01");
  meter.set_rules(*rules);
  const auto statistics = meter.statistics();
  CHECK(find(statistics, "MEM-01")->findings == 1);
  CHECK(find(statistics, "MEM-01")->alerts_opened == 1);
  CHECK(find(statistics, "DISK-01")->findings == 0);
}

}  // namespace bulkhead::alerts

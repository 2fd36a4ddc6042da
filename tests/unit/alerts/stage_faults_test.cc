// The stage when the log or the store fails.
#include <atomic>
#include <catch2/catch.hpp>
#include <optional>

#include "tests/unit/alerts/stage_fixture.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

// The real store behind a fault that the test can switch on.
class FailingAlerts : public store::AlertStore {
 public:
  explicit FailingAlerts(store::AlertStore& inner) : inner_(inner) {}
  absl::Status commit(std::span<const v1::Alert> changed, const store::Position& through,
                      std::span<const store::Notice> notices) override {
    ++attempts;
    if (failing) return absl::UnavailableError("disk on fire");
    return inner_.commit(changed, through, notices);
  }
  store::Position judged_through() override { return inner_.judged_through(); }
  absl::StatusOr<std::optional<v1::Alert>> find(const std::string& uid) override {
    if (unreadable) return absl::UnavailableError("disk on fire");
    return inner_.find(uid);
  }
  absl::Status for_each(const std::function<bool(const v1::Alert&)>& visit) override { return inner_.for_each(visit); }
  std::uint64_t count() override { return inner_.count(); }
  store::AlertStates count_states() override { return inner_.count_states(); }

  std::atomic<bool> failing = false;
  std::atomic<bool> unreadable = false;
  std::atomic<int> attempts = 0;

 private:
  store::AlertStore& inner_;
};

}  // namespace

TEST_CASE("a batch that cannot be unpacked is reported and skipped") {
  const TempDir dir;
  const auto store = open_store(dir);
  Host host(store->log());
  host.send({read_by(1)});
  host.send_poison();
  host.send({read_by(2)});
  DetectionStage stage(sources(*store, store->alerts()), quick());
  REQUIRE(stage.start().ok());
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stage.statistics().unreadable_batches == 1);
  CHECK(stage.statistics().findings == 2);
  REQUIRE(stage.problems().size() == 1);
  CHECK_THAT(stage.problems()[0], Catch::Contains("host host-1, boot boot-1, sequence 2"));
  CHECK(stage.lag_events() == 0);
}

TEST_CASE("while the store refuses alerts they are kept, the problem is told, and nothing is lost") {
  const TempDir dir;
  const auto store = open_store(dir);
  FailingAlerts alerts(store->alerts());
  alerts.failing = true;
  Host host(store->log());
  host.send({read_by(1)});
  DetectionStage stage(sources(*store, alerts), quick());
  REQUIRE(stage.start().ok());
  REQUIRE(eventually([&] { return alerts.attempts >= 2; }));
  REQUIRE(stage.problems().size() == 1);
  CHECK_THAT(stage.problems()[0], Catch::Contains("disk on fire"));
  CHECK(stage.lag_events() >= 1);
  CHECK(stored_alerts(store->alerts()).empty());
  alerts.failing = false;
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stage.problems().empty());
  CHECK(stored_alerts(store->alerts()).size() == 1);
}

TEST_CASE("a stop during a failure returns, and the next start judges again what was not stored") {
  const TempDir dir;
  const auto store = open_store(dir);
  FailingAlerts alerts(store->alerts());
  alerts.failing = true;
  Host host(store->log());
  host.send({read_by(1)});
  DetectionStage stage(sources(*store, alerts), quick());
  REQUIRE(stage.start().ok());
  CHECK(stage.start().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(eventually([&] { return alerts.attempts >= 1; }));
  stage.stop();
  stage.stop();
  CHECK(store->alerts().judged_through() == store::Position());
  alerts.failing = false;
  REQUIRE(stage.start().ok());
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stored_alerts(store->alerts()).size() == 1);
  CHECK(stored_alerts(store->alerts())[0].event_count() == 1);
}

TEST_CASE("while stored alerts cannot be read detection waits where it is, and counts nothing twice") {
  const TempDir dir;
  const auto store = open_store(dir);
  FailingAlerts alerts(store->alerts());
  alerts.unreadable = true;
  Host host(store->log());
  host.send({read_by(1), read_by(1), read_by(2)});
  DetectionStage stage(sources(*store, alerts), quick());
  REQUIRE(stage.start().ok());
  REQUIRE(eventually([&] { return stage.problems().size() == 1; }));
  CHECK_THAT(stage.problems()[0], Catch::Contains("disk on fire"));
  stage.stop();
  CHECK(store->alerts().judged_through() == store::Position());
  REQUIRE(stage.start().ok());
  REQUIRE(eventually([&] { return stage.problems().size() == 1; }));
  alerts.unreadable = false;
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stage.problems().empty());
  std::uint64_t events = 0;
  for (const v1::Alert& alert : stored_alerts(store->alerts())) events += alert.event_count();
  CHECK(events == 3);
}

}  // namespace bulkhead::alerts

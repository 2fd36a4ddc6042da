// What people do to alerts goes through the stage.
#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "tests/unit/alerts/stage_fixture.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

std::vector<std::string> to_all(const v1::Alert&) {
  return {"all"};
}

}  // namespace

TEST_CASE("people change alerts through the stage, and sinks and followers hear of it") {
  const TempDir dir;
  const auto store = open_store(dir);
  auto parts = sources(*store, store->alerts());
  parts.recipients = to_all;
  DetectionStage stage(std::move(parts), quick());
  v1::ChangeAlertRequest request;
  request.set_to(v1::ALERT_STATE_ACKNOWLEDGED);
  request.set_by("kim");
  request.set_why("looking");
  CHECK(absl::IsUnavailable(stage.change_alert(request).status()));
  REQUIRE(stage.start().ok());
  CHECK(absl::IsNotFound(stage.change_alert(request).status()));
  Host host(store->log());
  host.send({read_by(1)});
  REQUIRE(stage.wait_until_caught_up(10s));
  request.set_uid(stored_alerts(store->alerts()).at(0).uid());
  const auto acknowledged = stage.change_alert(request);
  REQUIRE(acknowledged.ok());
  CHECK(acknowledged->state() == v1::ALERT_STATE_ACKNOWLEDGED);
  CHECK(stored_alerts(store->alerts()).at(0).state() == v1::ALERT_STATE_ACKNOWLEDGED);
  request.set_to(v1::ALERT_STATE_CLOSED);
  request.set_why("");
  CHECK(absl::IsInvalidArgument(stage.change_alert(request).status()));
  request.set_why("a drill");
  REQUIRE(stage.change_alert(request).ok());
  // The same program again.
  host.send({read_by(1)});
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stored_alerts(store->alerts()).at(0).state() == v1::ALERT_STATE_OPEN);
  stage.stop();
  // What waits of one alert is merged, but its end does not take the place of its beginning.
  const auto waiting = store->outbox().take("all", 10);
  REQUIRE(waiting->size() == 2);
  CHECK(waiting->at(0).activity == store::Activity::kCreate);
  CHECK(waiting->at(0).alert.state() == v1::ALERT_STATE_ACKNOWLEDGED);
  CHECK(waiting->at(1).alert.state() == v1::ALERT_STATE_OPEN);
  CHECK(waiting->at(1).alert.event_count() == 2);
}

TEST_CASE("a silence keeps alerts from the sinks, not from the store, and its end tells them") {
  const TempDir dir;
  const auto store = open_store(dir);
  auto silences = Silences::open(store->table());
  REQUIRE(silences.ok());
  v1::Silence silence;
  silence.set_rule("MEM-01");
  silence.set_by("kim");
  silence.set_why("maintenance");
  silence.mutable_until()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
  const auto made = (*silences)->create(silence, absl::Now());
  REQUIRE(made.ok());
  auto parts = sources(*store, store->alerts());
  parts.silences = silences->get();
  parts.recipients = to_all;
  DetectionStage stage(std::move(parts), quick());
  REQUIRE(stage.start().ok());
  Host host(store->log());
  host.send({read_by(1), test::file_event()});
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stored_alerts(store->alerts()).size() == 2);
  const auto waiting = [&] { return store->outbox().states(); };
  REQUIRE(waiting().size() == 1);
  CHECK(waiting()[0].waiting == 1);
  REQUIRE((*silences)->end(made->id(), "kim", "done", absl::Now()).ok());
  CHECK(eventually([&] { return waiting()[0].waiting == 2; }));
  stage.stop();
  for (const v1::Alert& alert : stored_alerts(store->alerts())) CHECK(alert.silence_id().empty());
  const auto told = store->outbox().take("all", 10);
  REQUIRE(told->size() == 2);
  CHECK(told->at(0).alert.rule().id() == "DISK-01");
  CHECK(told->at(1).alert.rule().id() == "MEM-01");
  CHECK(told->at(1).activity == store::Activity::kCreate);
}

}  // namespace bulkhead::alerts

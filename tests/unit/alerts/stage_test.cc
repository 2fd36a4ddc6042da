#include <atomic>
#include <catch2/catch.hpp>
#include <memory>

#include "tests/unit/alerts/stage_fixture.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

}  // namespace

TEST_CASE("what is stored is judged, and alerts come to the store, the outbox and the followers") {
  const TempDir dir;
  const auto store = open_store(dir);
  Host host(store->log());
  host.send({read_by(1), test::file_event()});
  auto parts = sources(*store, store->alerts());
  // Who wants alerts about memory only hears of no others.
  parts.recipients = [](const v1::Alert& alert) {
    std::vector<std::string> sinks = {"all"};
    if (alert.rule().id().starts_with("MEM")) sinks.emplace_back("memory");
    return sinks;
  };
  DetectionStage stage(std::move(parts), quick());
  REQUIRE(stage.start().ok());
  const auto follower = stage.subscribe();
  REQUIRE(stage.wait_until_caught_up(10s));
  host.send({read_by(2)});
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(stage.lag_events() == 0);
  CHECK(stage.statistics().events == 3);
  CHECK(stage.statistics().findings == 3);
  CHECK(stage.statistics().alerts_opened == 3);
  CHECK(stage.problems().empty());
  stage.stop();

  CHECK(stored_alerts(store->alerts()).size() == 3);
  CHECK(stored_alerts(store->alerts())[0].hostname() == "host-1.example");
  CHECK(store->alerts().judged_through() == store->log().end());
  CHECK(store->outbox().take("all", 10)->size() == 3);
  const auto memory = store->outbox().take("memory", 10);
  REQUIRE(memory->size() == 2);
  for (const store::OutboxEntry& entry : *memory) {
    CHECK(entry.activity == store::Activity::kCreate);
    CHECK(entry.alert.rule().id() == "MEM-01");
  }
  std::size_t followed = 0;
  while (follower->try_next()) ++followed;
  CHECK(followed >= 1);
  CHECK(followed + follower->take_missed() <= 3);
  CHECK(follower->closed());
}

TEST_CASE("followers are told, in their own time, and learn what they missed") {
  const TempDir dir;
  const auto store = open_store(dir);
  DetectionStage stage(sources(*store, store->alerts()), quick());
  REQUIRE(stage.start().ok());
  const auto notified = std::make_shared<std::atomic<int>>(0);
  const auto follower = stage.subscribe([notified] { ++*notified; }, 2);
  const auto gone = stage.subscribe();
  Host host(store->log());
  host.send({read_by(1), read_by(2), read_by(3)});
  const auto first = follower->next(10s);
  REQUIRE(first);
  CHECK(first->rule().id() == "MEM-01");
  CHECK(follower->next(10s));
  REQUIRE(stage.wait_until_caught_up(10s));
  CHECK(*notified >= 1);
  const std::uint64_t missed = follower->take_missed();
  const bool third = follower->try_next().has_value();
  CHECK(missed + (third ? 1 : 0) == 1);
  CHECK_FALSE(follower->next(1ms));
  CHECK_FALSE(follower->closed());
  stage.stop();
  CHECK(follower->closed());
}

TEST_CASE("a stage that was never started has a follower that is closed, and stops") {
  const TempDir dir;
  const auto store = open_store(dir);
  DetectionStage stage(sources(*store, store->alerts()), quick());
  CHECK(stage.subscribe()->closed());
  CHECK_FALSE(stage.subscribe()->next(10s));
  stage.stop();
}

}  // namespace bulkhead::alerts

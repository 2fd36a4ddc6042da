// The same events give the same alerts, whenever and in whatever order they come.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>
#include <random>

#include "tests/unit/alerts/stage_fixture.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

std::map<std::string, std::string> by_uid(store::AlertStore& store) {
  std::map<std::string, std::string> alerts;
  for (const v1::Alert& alert : stored_alerts(store)) alerts[alert.uid()] = alert.SerializeAsString();
  return alerts;
}

}  // namespace

TEST_CASE("live, restarted at any point and replayed from the start, detection gives the same alerts") {
  std::vector<std::vector<v1::Event>> batches;
  for (std::uint32_t i = 0; i < 12; ++i) {
    batches.push_back({read_by(i % 4), test::file_event(), test::frame_event(), test::loss_event(1)});
  }
  const TempDir live_dir;
  const auto live = open_store(live_dir);
  Host live_host(live->log());
  for (const auto& events : batches) {
    // One run each: every batch meets a restart.
    DetectionStage stage(sources(*live, live->alerts()), quick());
    REQUIRE(stage.start().ok());
    live_host.send(events);
    REQUIRE(stage.wait_until_caught_up(10s));
  }
  const TempDir replay_dir;
  const auto replayed = open_store(replay_dir);
  DetectionStage stage(sources(*live, replayed->alerts()), quick());
  REQUIRE(stage.start().ok());
  REQUIRE(stage.wait_until_caught_up(10s));
  stage.stop();
  CHECK(by_uid(replayed->alerts()) == by_uid(live->alerts()));
  CHECK(by_uid(live->alerts()).size() == 8);
}

TEST_CASE(
    "in shuffled arrival, with restarts in between, the same events give byte-identical alerts and correlations") {
  // Each of a boot of its own, so that any order can be an order of arrival.
  std::vector<v1::EventBatch> batches;
  for (int i = 0; i < 200; ++i) {
    v1::Event event = i % 5 == 0   ? test::file_event()
                      : i % 7 == 0 ? test::frame_event()
                                   : test::memory_event(kRead, i % 3 == 0 ? -EPERM : 4096);
    event.set_boot_id("boot-" + std::to_string(i));
    event.set_sequence(1);
    event.mutable_actor()->set_cgroup("/user.slice/" + std::to_string(i % 4));
    if (i % 6 == 0) event.mutable_object()->set_tenant("initech");
    if (i % 11 == 0) event.mutable_object()->set_domain_uuid("22222222-2222-2222-2222-222222222222");
    test::set_time(event, i * 37 % 55);
    const auto packed = batch::pack(std::span(&event, 1));
    REQUIRE(packed.ok());
    batches.push_back(packed->front());
  }
  const auto judge = [&](std::size_t restart_every) {
    const TempDir dir;
    const auto store = open_store(dir);
    for (std::size_t next = 0; next < batches.size();) {
      DetectionStage stage(sources(*store, store->alerts()), quick());
      REQUIRE(stage.start().ok());
      const std::size_t end = std::min(batches.size(), next + restart_every);
      for (; next < end; ++next) REQUIRE(store->log().append(std::span(&batches[next], 1)).ok());
      REQUIRE(stage.wait_until_caught_up(10s));
    }
    return by_uid(store->alerts());
  };
  const auto expected = judge(1000);
  const auto correlated = std::ranges::count_if(expected, [](const auto& entry) {
    v1::Alert alert;
    return alert.ParseFromString(entry.second) && alert.rule().id().starts_with("CORR-");
  });
  CHECK(correlated >= 4);
  std::mt19937 random(11);
  for (const std::size_t restart_every : {1000, 60, 17}) {
    std::ranges::shuffle(batches, random);
    CHECK(judge(restart_every) == expected);
  }
}

}  // namespace bulkhead::alerts

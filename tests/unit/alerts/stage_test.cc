#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "collector/alerts/stage.h"
#include "collector/store/rocksdb_store.h"
#include "proto/batch/batch.h"
#include "tests/unit/alerts/temp_dir.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

constexpr auto kRead = v1::MEMORY_OPERATION_PROCESS_VM_READ;

std::shared_ptr<const detect::RuleSet> rules() {
  static const auto rules = *detect::compile_rules(test::shipped_rules());
  return rules;
}

std::unique_ptr<store::Store> open_store(const TempDir& dir) {
  auto store = store::Store::open(dir.path() / "data");
  INFO(store.status().message());
  REQUIRE(store.ok());
  return *std::move(store);
}

std::string hostname(const std::string& host_id) {
  return host_id + ".example";
}

// Sends events as one boot of one host, in order.
class Host {
 public:
  explicit Host(store::EventLog& log) : log_(log) {}

  void send(std::vector<v1::Event> events) {
    for (v1::Event& event : events) {
      event.set_sequence(next_++);
      test::set_time(event, static_cast<double>(event.sequence()));
    }
    const auto batches = batch::pack(events);
    REQUIRE(batches.ok());
    REQUIRE(log_.append(*batches).ok());
  }

  // A batch that refers to an actor that it does not have.
  void send_poison() {
    v1::EventBatch batch;
    batch.set_host_id("host-1");
    batch.set_boot_id("boot-1");
    batch.set_first_sequence(next_++);
    batch.add_strings("");
    batch.add_events()->set_actor(77);
    REQUIRE_FALSE(batch::unpack(batch).ok());
    REQUIRE(log_.append(std::span(&batch, 1)).ok());
  }

 private:
  store::EventLog& log_;
  std::uint64_t next_ = 1;
};

v1::Event read_by(std::uint32_t program) {
  v1::Event event = test::memory_event(kRead);
  event.mutable_actor()->mutable_process()->set_executable("/usr/bin/reader-" + std::to_string(program));
  return event;
}

std::vector<v1::Alert> stored_alerts(store::AlertStore& store) {
  std::vector<v1::Alert> alerts;
  REQUIRE(store
              .for_each([&](const v1::Alert& alert) {
                alerts.push_back(alert);
                return true;
              })
              .ok());
  return alerts;
}

std::map<std::string, std::string> by_uid(store::AlertStore& store) {
  std::map<std::string, std::string> alerts;
  for (const v1::Alert& alert : stored_alerts(store)) alerts[alert.uid()] = alert.SerializeAsString();
  return alerts;
}

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

StageSources sources(store::Store& store, store::AlertStore& alerts) {
  return {.log = store.log(), .alerts = alerts, .rules = rules(), .hostname = hostname};
}

std::vector<std::string> to_all(const v1::Alert&) {
  return {"all"};
}

StageOptions quick() {
  StageOptions options;
  options.retry_interval = 5ms;
  return options;
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

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

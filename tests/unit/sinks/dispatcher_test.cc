#include "collector/sinks/dispatcher.h"

#include <catch2/catch.hpp>
#include <map>

#include "collector/sinks/line_sinks.h"
#include "collector/sinks/pause.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::sinks {
namespace {

using namespace std::chrono_literals;
using test::alert_with;
using test::eventually;
using test::open_store;
using test::Pipe;
using test::tell;
using test::TempDir;
using test::uids_in;
using Uids = std::vector<std::string>;

constexpr Retry kQuick{.first = 5ms, .longest = 20ms};

std::unique_ptr<Sink> file(const TempDir& dir, const std::string& name) {
  return std::make_unique<FileSink>((dir.path() / name).string());
}

template <typename... Sinks>
std::vector<ConfiguredSink> list(Sinks... sinks) {
  std::vector<ConfiguredSink> all;
  (all.push_back(std::move(sinks)), ...);
  return all;
}

SinkStatistics statistics_of(const Dispatcher& dispatcher, const std::string& name) {
  for (const auto& one : dispatcher.statistics()) {
    if (one.name == name) return one;
  }
  FAIL("no sink " << name);
  return {};
}

bool delivered(const Dispatcher& dispatcher, const std::string& name, std::uint64_t count) {
  return eventually([&] { return statistics_of(dispatcher, name).delivered >= count; });
}

// Refuses for good what the test says, and fails as long as the test says. The queue, the feeder's thread and the store
// are the real ones.
class FaultySink : public SingleSink {
 public:
  struct Orders {
    std::atomic<bool> failing = false;
    std::atomic<std::chrono::milliseconds> pause{0ms};  // that the failure asks for
    std::string refused_uid;
    std::mutex mutex;
    std::vector<std::string> ids;  // of all attempts
    std::map<std::string, Activity> taken;
  };
  explicit FaultySink(std::shared_ptr<Orders> orders) : orders_(std::move(orders)) {}
  const std::string& description() const override { return description_; }

 protected:
  absl::Status deliver_one(const Delivery& delivery, const std::stop_token&) override {
    const std::scoped_lock lock(orders_->mutex);
    orders_->ids.push_back(delivery.id);
    if (orders_->failing) {
      absl::Status status = absl::UnavailableError("the peer is on fire");
      ask_for_pause(orders_->pause, status);
      return status;
    }
    if (delivery.alert->uid() == orders_->refused_uid) return absl::InvalidArgumentError("it is too ugly");
    orders_->taken[delivery.alert->uid()] = delivery.activity;
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Orders> orders_;
  const std::string description_ = "faulty";
};

}  // namespace

TEST_CASE("what waits is delivered in order, and nothing is told when all is well") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  Dispatcher dispatcher(store->outbox(), store->alerts(), list(ConfiguredSink{"a", {}, kQuick, file(dir, "a")}), {});
  Uids expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(std::to_string(i));
    if (i == 25) REQUIRE(dispatcher.start().ok());
    tell(*store, alert_with(expected.back()), {"a"});
  }
  REQUIRE(delivered(dispatcher, "a", 50));
  CHECK(uids_in(test::content_of(dir.path() / "a")) == expected);
  CHECK(dispatcher.problems().empty());
  CHECK(statistics_of(dispatcher, "a").connected);
  CHECK(statistics_of(dispatcher, "a").waiting == 0);
  CHECK(statistics_of(dispatcher, "a").retries == 0);
}

TEST_CASE("a sink that fails is tried again, says why, and loses nothing") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  Dispatcher dispatcher(store->outbox(), store->alerts(), list(ConfiguredSink{"a", {}, kQuick, file(dir, "later/a")}),
                        {});
  REQUIRE(dispatcher.start().ok());
  tell(*store, alert_with("one"), {"a"});
  tell(*store, alert_with("two"), {"a"});
  REQUIRE(eventually([&] { return statistics_of(dispatcher, "a").retries >= 2; }));
  REQUIRE(dispatcher.problems().size() == 1);
  CHECK_THAT(dispatcher.problems()[0],
             Catch::Contains("alert sink a: cannot open") && Catch::Contains("2 alerts wait"));
  CHECK_FALSE(statistics_of(dispatcher, "a").connected);
  std::filesystem::create_directory(dir.path() / "later");
  REQUIRE(delivered(dispatcher, "a", 2));
  CHECK(eventually([&] { return dispatcher.problems().empty(); }));
  CHECK(uids_in(test::content_of(dir.path() / "later/a")) == Uids{"one", "two"});
}

TEST_CASE("a sink that blocks for ever holds back neither other sinks nor the stop") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  Pipe pipe;
  pipe.fill();
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"a", {}, kQuick, std::make_unique<StdoutSink>(pipe.ends[1])},
                             ConfiguredSink{"b", {}, kQuick, file(dir, "b")}),
                        {});
  REQUIRE(dispatcher.start().ok());
  for (int i = 0; i < 20; ++i) tell(*store, alert_with(std::to_string(i)), {"a", "b"});
  CHECK(delivered(dispatcher, "b", 20));
  CHECK(statistics_of(dispatcher, "a").waiting == 20);
  const auto begin = std::chrono::steady_clock::now();
  dispatcher.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
}

TEST_CASE("a sink whose reader is gone is a problem, not the end of the process") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  Pipe pipe;
  close(std::exchange(pipe.ends[0], -1));
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"stdout", {}, kQuick, std::make_unique<StdoutSink>(pipe.ends[1])}), {});
  REQUIRE(dispatcher.start().ok());
  tell(*store, alert_with("a"), {"stdout"});
  REQUIRE(eventually([&] { return dispatcher.problems().size() == 1; }));
  CHECK_THAT(dispatcher.problems().at(0), Catch::Contains("stdout") && Catch::Contains("Broken pipe"));
}

TEST_CASE("what a peer refuses for good is put aside with the reason, and the queue goes on") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  const auto orders = std::make_shared<FaultySink::Orders>();
  orders->refused_uid = "b";
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"a", {}, kQuick, std::make_unique<FaultySink>(orders)}), {});
  REQUIRE(dispatcher.start().ok());
  for (const char* uid : {"a", "b", "c"}) tell(*store, alert_with(uid), {"a"});
  REQUIRE(delivered(dispatcher, "a", 2));
  CHECK(orders->taken.contains("c"));
  CHECK(statistics_of(dispatcher, "a").dead_letters == 1);
  REQUIRE(dispatcher.problems().size() == 1);
  CHECK_THAT(dispatcher.problems()[0], Catch::Contains("1 alerts were refused for good, the last: it is too ugly"));
  CHECK_THAT(dispatcher.problems()[0], Catch::Contains("(bulkheadctl sinks dead-letters a)"));
}

TEST_CASE("a dead letter that is sent again arrives once, and what was refused is a problem no more") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  const auto orders = std::make_shared<FaultySink::Orders>();
  orders->refused_uid = "b";
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"a", {}, kQuick, std::make_unique<FaultySink>(orders)}), {});
  REQUIRE(dispatcher.start().ok());
  for (const char* uid : {"a", "b"}) tell(*store, alert_with(uid), {"a"});
  REQUIRE(eventually([&] { return statistics_of(dispatcher, "a").dead_letters_kept == 1; }));
  REQUIRE(eventually([&] { return dispatcher.problems().size() == 1; }));
  {
    const std::scoped_lock lock(orders->mutex);
    orders->refused_uid.clear();
  }
  v1::DeadLetterChange change;
  change.set_sink("a");
  change.set_action(v1::DEAD_LETTER_ACTION_RESEND);
  REQUIRE(store->outbox().change_dead_letters(change, [] { return true; }).ok());
  REQUIRE(delivered(dispatcher, "a", 2));
  CHECK(eventually([&] { return dispatcher.problems().empty(); }));
  CHECK(statistics_of(dispatcher, "a").waiting == 0);
  // Ever; and still there.
  CHECK(statistics_of(dispatcher, "a").dead_letters == 1);
  CHECK(statistics_of(dispatcher, "a").dead_letters_kept == 0);
  dispatcher.stop();
  CHECK(orders->ids.size() == 3);
  CHECK(orders->ids[1] == orders->ids[2]);
}

TEST_CASE("a peer that asks for a pause is left alone for that long, which does not hold up the stop") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  const auto orders = std::make_shared<FaultySink::Orders>();
  orders->failing = true;
  orders->pause = 300ms;
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"a", {}, kQuick, std::make_unique<FaultySink>(orders)}), {});
  tell(*store, alert_with("a"), {"a"});
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(dispatcher.start().ok());
  REQUIRE(eventually([&] { return statistics_of(dispatcher, "a").retries >= 3; }));
  CHECK(std::chrono::steady_clock::now() - begin >= 600ms);
  REQUIRE(dispatcher.problems().size() == 1);
  CHECK_THAT(dispatcher.problems()[0], Catch::Contains("the peer is on fire; tried again in 1 s, as it asks"));
  orders->pause = kLongestAskedPause;
  REQUIRE(eventually([&] { return dispatcher.problems()[0].find("in 600 s") != std::string::npos; }));
  const auto stopping = std::chrono::steady_clock::now();
  dispatcher.stop();
  CHECK(std::chrono::steady_clock::now() - stopping < 1500ms);
}

TEST_CASE("a repeated delivery has the id of the first, also when the alert grew meanwhile and after a restart") {
  const TempDir dir;
  const auto orders = std::make_shared<FaultySink::Orders>();
  orders->failing = true;
  std::string id;
  {
    const auto store = open_store(dir.path() / "data");
    Dispatcher dispatcher(store->outbox(), store->alerts(),
                          list(ConfiguredSink{"a", {}, kQuick, std::make_unique<FaultySink>(orders)}), {});
    REQUIRE(dispatcher.start().ok());
    tell(*store, alert_with("a"), {"a"});
    REQUIRE(eventually([&] { return statistics_of(dispatcher, "a").retries >= 1; }));
    tell(*store, alert_with("a", 8), {"a"}, Activity::kUpdate);
    const auto before = statistics_of(dispatcher, "a").retries;
    REQUIRE(eventually([&] { return statistics_of(dispatcher, "a").retries > before + 1; }));
    id = orders->ids.front();
  }
  const auto store = open_store(dir.path() / "data");
  Dispatcher dispatcher(store->outbox(), store->alerts(),
                        list(ConfiguredSink{"a", {}, kQuick, std::make_unique<FaultySink>(orders)}), {});
  orders->failing = false;
  REQUIRE(dispatcher.start().ok());
  REQUIRE(delivered(dispatcher, "a", 2));
  CHECK(std::count(orders->ids.begin(), orders->ids.end(), id) == static_cast<long>(orders->ids.size()) - 1);
  CHECK(orders->ids.back() != id);
}

TEST_CASE("a queue whose sink is not configured any more is kept and said, until it is named again or dropped") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  tell(*store, alert_with("a"), {"old", "older"});
  {
    Dispatcher dispatcher(store->outbox(), store->alerts(), {}, {});
    REQUIRE(dispatcher.start().ok());
    REQUIRE(dispatcher.problems().size() == 2);
    CHECK_THAT(dispatcher.problems()[0],
               Catch::Contains("alert sink old: not configured any more") && Catch::Contains("1 alerts wait"));
  }
  Dispatcher dispatcher(store->outbox(), store->alerts(), list(ConfiguredSink{"old", {}, kQuick, file(dir, "a")}),
                        {"older"});
  REQUIRE(dispatcher.start().ok());
  REQUIRE(delivered(dispatcher, "old", 1));
  CHECK(dispatcher.problems().empty());
  CHECK(store->outbox().take("older", 1)->empty());
}

TEST_CASE("a sink is told only of the severities, tenants and rules that it wants, and never of authorised accesses") {
  const TempDir dir;
  const auto store = open_store(dir.path() / "data");
  const Dispatcher dispatcher(
      store->outbox(), store->alerts(),
      list(ConfiguredSink{"all", {}, kQuick, file(dir, "a")},
           ConfiguredSink{
               "high", {.min_severity = v1::SEVERITY_HIGH, .tenants = {}, .rules = {}}, kQuick, file(dir, "b")},
           ConfiguredSink{"mine", {.min_severity = {}, .tenants = {"tenant-b"}, .rules = {}}, kQuick, file(dir, "c")},
           ConfiguredSink{"rule", {.min_severity = {}, .tenants = {}, .rules = {"NET-01"}}, kQuick, file(dir, "d")}),
      {});
  v1::Alert alert = alert_with("a");
  alert.mutable_rule()->set_severity(v1::SEVERITY_MEDIUM);
  CHECK(dispatcher.recipients(alert) == Uids{"all", "mine"});
  alert.mutable_rule()->set_severity(v1::SEVERITY_HIGH);
  CHECK(dispatcher.recipients(alert) == Uids{"all", "high", "mine"});
  alert.set_object_tenant("other");
  alert.mutable_rule()->set_id("NET-01");
  CHECK(dispatcher.recipients(alert) == Uids{"all", "high", "rule"});
  alert.set_actor_tenant("tenant-b");
  CHECK(dispatcher.recipients(alert) == Uids{"all", "high", "mine", "rule"});
  alert.set_state(v1::ALERT_STATE_AUTHORISED);
  CHECK(dispatcher.recipients(alert).empty());
}

TEST_CASE("pauses double up to the longest, each at least half as long as it may be") {
  Backoff backoff({.first = 100ms, .longest = 1000ms});
  for (const auto most : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const auto pause = backoff.next();
    CHECK(pause <= most);
    CHECK(pause >= most / 2);
  }
  backoff.reset();
  CHECK(backoff.next() <= 100ms);
}

}  // namespace bulkhead::sinks

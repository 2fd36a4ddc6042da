#include "collector/store/own_events.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "proto/batch/batch.h"
#include "proto/batch/limits.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

constexpr char kCollector[] = "0f0e0d0c-0b0a-4900-8807-060504030201";

v1::Event policy_event(const std::string& version, std::int64_t seconds) {
  v1::Event event;
  event.mutable_time()->set_seconds(kBaseSeconds + seconds);
  event.mutable_object()->set_kind(v1::OBJECT_KIND_POLICY);
  event.mutable_policy_change()->set_new_version(version);
  return event;
}

std::unique_ptr<store::OwnEvents> open_own(store::Store& store) {
  auto own = store::OwnEvents::open(store.log(), store.ledger(), kCollector);
  REQUIRE(own.ok());
  return *std::move(own);
}

std::vector<v1::Event> stored_events(store::EventLog& log) {
  std::vector<v1::Event> events;
  const auto batches = log.read({}, 1000);
  REQUIRE(batches.ok());
  for (const auto& stored : *batches) {
    auto unpacked = batch::unpack(stored.batch);
    REQUIRE(unpacked.ok());
    for (auto& event : *unpacked) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

TEST_CASE("the collector's own event is in the log under its own host, with the caller's time and content") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const auto own = open_own(*store);
  v1::Event event = policy_event("one", 7);
  event.set_host_id("somebody-else");
  event.set_sequence(99);
  const auto sequence = own->append(event);
  REQUIRE(sequence.ok());
  REQUIRE(*sequence == 1);
  const auto events = stored_events(store->log());
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].host_id() == limits::kCollectorHost);
  REQUIRE(events[0].boot_id() == kCollector);
  REQUIRE(events[0].sequence() == 1);
  REQUIRE(events[0].probe() == v1::PROBE_COLLECTOR);
  REQUIRE(events[0].time().seconds() == kBaseSeconds + 7);
  REQUIRE(events[0].object().kind() == v1::OBJECT_KIND_POLICY);
  REQUIRE(events[0].policy_change().new_version() == "one");
}

TEST_CASE("the collector's own sequences go on after a restart, and past an event that cannot be packed") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    const auto own = open_own(*store);
    REQUIRE(own->append(policy_event("one", 1)).ok());
    const auto refused = own->append(policy_event("before 1970", -kBaseSeconds - 10));
    REQUIRE(absl::IsInvalidArgument(refused.status()));
    REQUIRE(own->append(policy_event("two", 2)).ok());
  }
  const auto store = open_store(dir.path());
  const auto third = open_own(*store)->append(policy_event("three", 3));
  REQUIRE(third.ok());
  REQUIRE(*third == 3);
  REQUIRE(stored_sequences(store->log()) == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("own events of many threads get each sequence once and lie in the log in its order") {
  constexpr int kThreads = 8;
  constexpr int kEvents = 25;
  const TempDir dir;
  const auto store = open_store(dir.path());
  const auto own = open_own(*store);
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEvents; ++i) failures += own->append(policy_event("v", i)).ok() ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(failures == 0);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= kThreads * kEvents; ++i) expected.push_back(i);
  REQUIRE(stored_sequences(store->log()) == expected);
}

TEST_CASE("a second writer of the collector's own events is told of, not merged") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const auto first = open_own(*store);
  const auto second = open_own(*store);
  REQUIRE(first->append(policy_event("one", 1)).ok());
  REQUIRE(absl::IsInternal(second->append(policy_event("other", 1)).status()));
}

}  // namespace bulkhead::test

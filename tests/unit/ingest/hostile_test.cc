// Peers that break the rules, are slow, or too many; and a store that fails.
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "proto/batch/limits.h"
#include "tests/unit/ingest/harness.h"

namespace bulkhead::test {

namespace {

// The store's log behind a gate that the test opens, or with an error that it sets.
class GatedLog final : public store::EventLog {
 public:
  explicit GatedLog(store::EventLog& log) : log_(log) {}

  absl::StatusOr<std::vector<store::AppendResult>> append(std::span<const v1::EventBatch> batches) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
    if (!error_.ok()) return error_;
    return log_.append(batches);
  }
  void set(bool open, absl::Status error = {}) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    error_ = std::move(error);
    changed_.notify_all();
  }

  absl::StatusOr<std::vector<store::StoredBatch>> read(const store::Position& after, std::size_t n) override {
    return log_.read(after, n);
  }
  absl::StatusOr<std::vector<store::StoredBatch>> read_before(const store::Position& p, std::size_t n) override {
    return log_.read_before(p, n);
  }
  absl::StatusOr<store::Position> before_time(std::int64_t time) override { return log_.before_time(time); }
  bool wait(const store::Position& after, std::chrono::milliseconds t) override { return log_.wait(after, t); }
  store::Position end() override { return log_.end(); }
  absl::Status trim(const store::Position& through) override { return log_.trim(through); }
  store::LogStatistics statistics() override { return log_.statistics(); }

 private:
  store::EventLog& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  absl::Status error_;
};

}  // namespace

TEST_CASE("a stream that breaks the rules is ended with INVALID_ARGUMENT, counted, and nothing of it is stored") {
  Harness harness;
  Agent agent(harness);
  v1::AgentMessage message;
  SECTION("a batch before the Hello") {
    *message.mutable_batch() = make_batch(1, 1);
  }
  SECTION("a Hello without host id") {
    message.mutable_hello()->set_boot_id(kBoot);
  }
  SECTION("the collector's own host id") {
    message.mutable_hello()->set_host_id(limits::kCollectorHost);
    message.mutable_hello()->set_boot_id(kBoot);
  }
  SECTION("a host id that would act on a terminal") {
    message.mutable_hello()->set_host_id("\x1b]0;x\a");
    message.mutable_hello()->set_boot_id(kBoot);
  }
  SECTION("after the Hello") {
    REQUIRE(agent.send_hello());
    SECTION("a second Hello") {
      message.mutable_hello()->set_host_id(kHost);
      message.mutable_hello()->set_boot_id(kBoot);
    }
    SECTION("a batch of another host") {
      *message.mutable_batch() = make_batch(1, 1, "host-b");
    }
    SECTION("a batch of no boot") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->clear_boot_id();
    }
    SECTION("an event that only the collector makes") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->mutable_events(0)->mutable_grant_change();
    }
    SECTION("the collector's own probe") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->mutable_events(0)->set_probe(v1::PROBE_COLLECTOR);
    }
    SECTION("a batch without events") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->clear_events();
    }
    SECTION("an index into nowhere") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->mutable_events(0)->set_actor(4'000'000'000);
    }
    SECTION("a sequence of 0") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->set_first_sequence(0);
    }
    SECTION("a sequence at the end of all numbers") {
      *message.mutable_batch() = make_batch(1, 1);
      message.mutable_batch()->set_first_sequence(~std::uint64_t{0});
    }
    SECTION("too many events") {
      *message.mutable_batch() = make_batch(1, 1);
      const auto event = message.batch().events(0);
      for (std::size_t i = 0; i < limits::kEventsPerBatch; ++i) *message.mutable_batch()->add_events() = event;
    }
    SECTION("a gap that ends before it begins") {
      message.mutable_gap()->set_boot_id(kBoot);
      message.mutable_gap()->set_from_sequence(5);
      message.mutable_gap()->set_through_sequence(4);
    }
    SECTION("a gap over all numbers") {
      message.mutable_gap()->set_boot_id(kBoot);
      message.mutable_gap()->set_from_sequence(1);
      message.mutable_gap()->set_through_sequence(~std::uint64_t{0});
    }
    SECTION("an endless reason in the coverage") {
      message.mutable_coverage()->add_probes()->set_reason(std::string(10'000, 'x'));
    }
  }
  agent.send(message);
  REQUIRE(agent.finish().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  REQUIRE(harness.ingest->statistics().streams_rejected == 1);
  REQUIRE(harness.store->log().end().bytes().empty());
  Agent next(harness);
  REQUIRE(next.send_hello());
  REQUIRE(next.receive()->has_welcome());
}

TEST_CASE("a message larger than the limit ends its stream and no other") {
  Harness harness;
  Agent big(harness);
  REQUIRE(big.send_hello());
  v1::AgentMessage message;
  message.mutable_inventory()->add_domains()->set_name(std::string(limits::kMessageBytes + 1, 'x'));
  big.send(message);
  REQUIRE_FALSE(big.finish().ok());
  Agent next(harness);
  REQUIRE(next.send_hello("host-b"));
  REQUIRE(next.receive()->has_welcome());
}

TEST_CASE("a stream that never says Hello is ended") {
  Harness harness({.hello_timeout = std::chrono::milliseconds(50)});
  Agent silent(harness);
  REQUIRE(silent.finish().error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_CASE("streams beyond the limit are refused until one ends") {
  Harness harness({.max_streams = 2});
  Agent first(harness);
  REQUIRE(first.send_hello("a"));
  REQUIRE(first.receive()->has_welcome());
  auto second = std::make_unique<Agent>(harness);
  REQUIRE(second->send_hello("b"));
  REQUIRE(second->receive()->has_welcome());
  REQUIRE(Agent(harness).finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  REQUIRE(harness.ingest->statistics().streams_refused == 1);
  second.reset();
  REQUIRE(Harness::eventually([&] { return harness.ingest->statistics().streams == 1; }));
  Agent third(harness);
  REQUIRE(third.send_hello("c"));
  REQUIRE(third.receive()->has_welcome());
}

TEST_CASE("a stream whose batches wait for the disk is not read further, and loses nothing") {
  const TempDir dir;
  auto store = open_store(dir.path());
  GatedLog log(store->log());
  Harness harness({.stream_batches = 4}, log, std::move(store));
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.receive()->has_welcome());
  log.set(false);
  // Small enough to fit the connection's own buffers: they wait there, not in the collector.
  for (std::uint64_t i = 1; i <= 40; ++i) REQUIRE(agent.send_batch(make_batch(i, 1)));
  REQUIRE(Harness::eventually([&] { return harness.ingest->statistics().batches >= 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // time in which a faulty ingest would read on
  REQUIRE(harness.ingest->statistics().batches == 4);
  log.set(true);
  REQUIRE(agent.receive_ack(40) == 40);
  REQUIRE(stored_sequences(log).size() == 40);
}

TEST_CASE("while the store fails nothing is acknowledged, the streams end, and a person is told") {
  const TempDir dir;
  auto store = open_store(dir.path());
  GatedLog log(store->log());
  Harness harness({}, log, std::move(store));
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.receive()->has_welcome());
  log.set(true, absl::ResourceExhaustedError("no space left"));
  REQUIRE(agent.send_batch(make_batch(1, 2)));
  REQUIRE_FALSE(agent.receive());
  REQUIRE(agent.finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  REQUIRE(harness.ingest->problems().size() == 1);
  REQUIRE(harness.ingest->problems().front().find("no space left") != std::string::npos);

  log.set(true);
  Agent back(harness);
  REQUIRE(back.send_hello());
  REQUIRE(back.send_batch(make_batch(1, 2)));
  REQUIRE(back.receive_ack(2) == 2);
  REQUIRE(harness.ingest->problems().empty());
}

}  // namespace bulkhead::test

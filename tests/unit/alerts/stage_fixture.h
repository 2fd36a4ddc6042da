// What the stage is tested with: a real log and store, a host that sends events, the rules that ship.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collector/alerts/stage.h"
#include "collector/store/rocksdb_store.h"
#include "proto/batch/batch.h"
#include "tests/unit/alerts/temp_dir.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {

inline constexpr auto kRead = v1::MEMORY_OPERATION_PROCESS_VM_READ;

inline std::shared_ptr<const detect::RuleSet> rules() {
  static const auto rules = *detect::compile_rules(test::shipped_rules());
  return rules;
}

inline std::unique_ptr<store::Store> open_store(const test::TempDir& dir) {
  auto store = store::Store::open(dir.path() / "data");
  INFO(store.status().message());
  REQUIRE(store.ok());
  return *std::move(store);
}

inline std::string hostname(const std::string& host_id) {
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

inline v1::Event read_by(std::uint32_t program) {
  v1::Event event = test::memory_event(kRead);
  event.mutable_actor()->mutable_process()->set_executable("/usr/bin/reader-" + std::to_string(program));
  return event;
}

inline std::vector<v1::Alert> stored_alerts(store::AlertStore& store) {
  std::vector<v1::Alert> alerts;
  REQUIRE(store
              .for_each([&](const v1::Alert& alert) {
                alerts.push_back(alert);
                return true;
              })
              .ok());
  return alerts;
}

inline StageSources sources(store::Store& store, store::AlertStore& alerts) {
  return {.log = store.log(), .alerts = alerts, .rules = rules(), .hostname = hostname};
}

inline StageOptions quick() {
  StageOptions options;
  options.retry_interval = std::chrono::milliseconds(5);
  return options;
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace bulkhead::alerts

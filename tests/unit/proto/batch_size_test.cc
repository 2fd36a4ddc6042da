#include <catch2/catch.hpp>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "bulkhead/v1/ingest.pb.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"
#include "tests/unit/proto/sample_events.h"

using namespace bulkhead;

namespace {

constexpr double kBytesPerEvent = 96;

// As gRPC sends it: the message and its five bytes of framing.
double bytes_per_event(const std::vector<v1::Event>& events) {
  const auto batches = batch::pack(events);
  REQUIRE(batches.ok());
  REQUIRE(batches->size() == 1);
  v1::AgentMessage message;
  *message.mutable_batch() = batches->front();
  return static_cast<double>(message.ByteSizeLong() + 5) / static_cast<double>(events.size());
}

std::vector<v1::Event> full(v1::Event (*make)(std::uint64_t)) {
  std::vector<v1::Event> events;
  for (std::uint64_t i = 1; i <= limits::kEventsPerBatch; ++i) events.push_back(make(1'000'000 + i));
  return events;
}

}  // namespace

TEST_CASE("A full batch of a busy host takes at most 96 bytes an event on the wire") {
  const auto events = full(test::sample_event);
  std::set<std::string> actors;
  std::set<std::string> objects;
  std::set<int> payloads;
  for (const v1::Event& event : events) {
    v1::Actor actor = event.actor();
    actor.clear_thread_id();
    actors.insert(actor.SerializeAsString());
    objects.insert(event.object().SerializeAsString());
    payloads.insert(event.payload_case());
  }
  CHECK(actors.size() >= 40);
  CHECK(objects.size() >= 60);
  CHECK(payloads.size() == 5);
  const double bytes = bytes_per_event(events);
  std::cout << "bytes an event, all kinds, " << actors.size() << " actors, " << objects.size() << " objects: " << bytes
            << "\n";
  CHECK(bytes <= kBytesPerEvent);
}

TEST_CASE("A full batch of any one kind of access takes at most 96 bytes an event on the wire") {
  const double memory = bytes_per_event(full(test::sample_memory_access));
  const double open = bytes_per_event(full(test::sample_file_open));
  const double delivery = bytes_per_event(full(test::sample_delivery));
  std::cout << "bytes an event, memory access: " << memory << ", file open: " << open
            << ", frame delivery: " << delivery << "\n";
  CHECK(memory <= kBytesPerEvent);
  CHECK(open <= kBytesPerEvent);
  CHECK(delivery <= kBytesPerEvent);
}

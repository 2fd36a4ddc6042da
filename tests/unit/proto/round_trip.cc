#include "tests/unit/proto/round_trip.h"

#include <google/protobuf/util/message_differencer.h>
#include <catch2/catch.hpp>

#include "proto/batch/batch.h"

namespace bulkhead::test {

std::vector<v1::Event> round_trip(const std::vector<v1::Event>& events) {
  const auto batches = batch::pack(events);
  REQUIRE(batches.ok());
  std::vector<v1::Event> result;
  for (const v1::EventBatch& packed : *batches) {
    const auto parsed = batch::parse(packed.SerializeAsString());
    REQUIRE(parsed.ok());
    const auto unpacked = batch::unpack(*parsed);
    INFO(unpacked.status());
    REQUIRE(unpacked.ok());
    result.insert(result.end(), unpacked->begin(), unpacked->end());
  }
  return result;
}

void require_same(const std::vector<v1::Event>& expected, const std::vector<v1::Event>& found) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("event " << i << ": expected " << expected[i].DebugString() << "found " << found[i].DebugString());
    REQUIRE(google::protobuf::util::MessageDifferencer::Equals(expected[i], found[i]));
  }
}

}  // namespace bulkhead::test

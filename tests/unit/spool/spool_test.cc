#include "agent/spool/spool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <google/protobuf/util/message_differencer.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "proto/batch/batch.h"
#include "tests/support/skip.h"
#include "tests/unit/proto/sample_events.h"
#include "tests/unit/spool/spool_fixture.h"

using namespace bulkhead;
using test::SpoolFixture;
using Items = std::vector<std::string>;

TEST_CASE("What is appended is read back with host, boot and sequence, else unchanged") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  auto events = test::sample_events(5);
  for (auto& event : events) event.set_sequence(999);
  REQUIRE(spool.append(events).ok());
  const auto item = spool.read(fixture.options.boot_id, 1);
  REQUIRE(item.ok());
  const auto found = batch::unpack(std::get<v1::EventBatch>((*item)->content));
  REQUIRE(found.ok());
  const auto expected = test::sample_events(5);
  REQUIRE(found->size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(google::protobuf::util::MessageDifferencer::Equals((*found)[i], expected[i]));
  }
}

TEST_CASE("A spool without events has nothing to read") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  CHECK(fixture.items().empty());
  CHECK(spool.boots() == Items{fixture.options.boot_id});
  CHECK(spool.statistics().spooled_through == 0);
  CHECK(spool.append({}).ok());
  CHECK(fixture.items().empty());
}

TEST_CASE("More events than a batch holds become several batches") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(1025, 1025);
  CHECK(fixture.items() == Items{"1-512", "513-1024", "1025-1025"});
}

TEST_CASE("Reading may begin inside a batch, and go back") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(9, 3);
  CHECK(fixture.items(5) == Items{"4-6", "7-9"});
  CHECK(fixture.items(9) == Items{"7-9"});
  CHECK(fixture.items(10).empty());
  CHECK(fixture.items(1) == Items{"1-3", "4-6", "7-9"});
}

TEST_CASE("Sequences go on after a restart within a boot") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(3);
  fixture.reopen();
  fixture.reopen();
  fixture.append(2);
  CHECK(fixture.items() == Items{"1-1", "2-2", "3-3", "4-4", "5-5"});
}

TEST_CASE("Sequences go on after a restart when everything was acknowledged") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  fixture.append(3);
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 3).ok());
  for (int i = 0; i < 3; ++i) fixture.reopen();
  fixture.append(1);
  CHECK(fixture.items(4) == Items{"4-4"});
  CHECK(fixture.spool().statistics().acknowledged_through == 3);
}

TEST_CASE("Nothing that was accepted is lost when the process is killed") {
  SpoolFixture fixture;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!fixture.open().ok()) ::_exit(1);
    for (std::uint64_t i = 0; i < 50; ++i) {
      if (!fixture.spool().append(test::sample_events(2, 2 * i + 1)).ok()) ::_exit(2);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  fixture.reopen();
  CHECK(fixture.items().size() == 50);
  CHECK(fixture.spool().statistics().unacknowledged_events == 100);
}

TEST_CASE("Acknowledged segments are deleted whole and what is not acknowledged stays") {
  SpoolFixture fixture;
  fixture.options.segment_bytes = 8192;
  auto& spool = fixture.reopen();
  fixture.append(200, 5);
  const auto before = fixture.segments();
  REQUIRE(before.size() > 3);
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  const std::uint64_t bytes = spool.statistics().bytes;
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 100).ok());
  CHECK(fixture.segments().size() < before.size());
  CHECK(spool.statistics().bytes < bytes);
  CHECK(fixture.items(101).front() == "101-105");
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 200).ok());
  CHECK(fixture.segments().size() == 1);
  CHECK(spool.statistics().unacknowledged_events == 0);
}

TEST_CASE("What was never sent cannot be acknowledged") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  fixture.append(3);
  CHECK_FALSE(spool.acknowledge(fixture.options.boot_id, 3).ok());
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  CHECK_FALSE(spool.acknowledge(fixture.options.boot_id, 4).ok());
  CHECK_FALSE(spool.acknowledge("another-boot", 1).ok());
  CHECK(spool.acknowledge(fixture.options.boot_id, 3).ok());
}

TEST_CASE("Earlier boots come first and vanish when they are acknowledged") {
  SpoolFixture fixture;
  fixture.options.boot_id = "zz-first";
  fixture.reopen();
  fixture.append(2);
  fixture.options.boot_id = "nn-empty";
  fixture.reopen();
  fixture.options.boot_id = "mm-second";
  fixture.reopen();
  fixture.append(1);
  fixture.options.boot_id = "aa-third";
  auto& spool = fixture.reopen();
  fixture.append(1);
  CHECK(spool.boots() == Items{"zz-first", "mm-second", "aa-third"});
  CHECK(fixture.items(1, "zz-first") == Items{"1-1", "2-2"});
  REQUIRE(spool.meet("zz-first", 1).ok());
  REQUIRE(spool.acknowledge("zz-first", 2).ok());
  CHECK(spool.boots() == Items{"mm-second", "aa-third"});
  CHECK(fixture.items(1, "zz-first").empty());
  CHECK(fixture.reopen().boots() == Items{"mm-second", "aa-third"});
}

TEST_CASE("A full spool refuses events, counts them by probe and states the loss when there is room again") {
  SpoolFixture fixture;
  fixture.options.max_bytes = 1 << 20;
  std::uint64_t boot_ns = 1000;
  fixture.options.clock = [&] { return spool::Moment{.wall_ns = 1'780'000'000'000'000'000, .boot_ns = ++boot_ns}; };
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  std::uint64_t accepted = 0;
  absl::Status status;
  while ((status = spool.append({test::sample_file_open(1)})).ok()) ++accepted;
  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains(fixture.options.dir.string()) && Catch::Contains("full"));
  CHECK(spool.statistics().bytes <= fixture.options.max_bytes);
  REQUIRE_FALSE(spool.append({test::sample_file_open(1), test::sample_delivery(2)}).ok());
  auto statistics = spool.statistics();
  CHECK(statistics.dropped.at(v1::PROBE_DISK_FILE_OPEN) == 2);
  CHECK(statistics.dropped.at(v1::PROBE_NETWORK_DELIVERY) == 1);
  CHECK(statistics.dropped_events == 3);
  CHECK(statistics.spooled.at(v1::PROBE_DISK_FILE_OPEN) == accepted);
  CHECK(statistics.spooled_through == accepted);
  CHECK_FALSE(statistics.error.empty());

  REQUIRE(spool.acknowledge(fixture.options.boot_id, accepted).ok());
  const auto item = spool.read(fixture.options.boot_id, accepted + 1);
  REQUIRE(item.ok());
  REQUIRE(item->has_value());
  const auto stated = batch::unpack(std::get<v1::EventBatch>((*item)->content));
  REQUIRE(stated.ok());
  REQUIRE(stated->size() == 2);
  CHECK(stated->at(0).probe() == v1::PROBE_AGENT);
  CHECK(stated->at(0).loss().probe() == v1::PROBE_DISK_FILE_OPEN);
  CHECK(stated->at(0).loss().count() == 2);
  CHECK(stated->at(0).loss().place() == v1::Loss::PLACE_SPOOL);
  CHECK(stated->at(0).loss().window_start_ns() < stated->at(0).loss().window_end_ns());
  CHECK(stated->at(0).object().id() == "disk.file_open");
  CHECK(stated->at(1).loss().probe() == v1::PROBE_NETWORK_DELIVERY);
  CHECK(stated->at(1).loss().count() == 1);
  CHECK(spool.append({test::sample_file_open(1)}).ok());
  CHECK(spool.statistics().error.empty());
}

TEST_CASE("A full spool that drops a statement of loss states that loss later") {
  SpoolFixture fixture;
  fixture.options.max_bytes = 1 << 20;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  std::uint64_t accepted = 0;
  while (spool.append({test::sample_file_open(1)}).ok()) ++accepted;
  v1::Event kernel_loss = test::sample_loss(3);
  kernel_loss.mutable_loss()->set_count(77);
  REQUIRE_FALSE(spool.append({kernel_loss}).ok());
  CHECK(spool.statistics().dropped_events == 1);
  REQUIRE(spool.acknowledge(fixture.options.boot_id, accepted).ok());
  const auto item = spool.read(fixture.options.boot_id, accepted + 1);
  const auto stated = batch::unpack(std::get<v1::EventBatch>((*item)->content));
  REQUIRE(stated.ok());
  REQUIRE(stated->size() == 2);
  CHECK(stated->at(0).loss().place() == v1::Loss::PLACE_KERNEL);
  CHECK(stated->at(0).loss().count() == 77);
}

TEST_CASE("An event that cannot be packed is counted and the others are in") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  auto events = test::sample_events(3);
  events[1].mutable_time()->set_seconds(-5);
  const absl::Status status = spool.append(events);
  CHECK(absl::IsInvalidArgument(status));
  CHECK(fixture.items() == Items{"1-2"});
  CHECK(spool.statistics().dropped_events == 1);
}

TEST_CASE("A spool whose state was lost goes on from where the collector is") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  fixture.append(700, 350);
  REQUIRE(spool.meet(fixture.options.boot_id, 501).ok());
  CHECK(spool.statistics().acknowledged_through == 500);
  CHECK(spool.statistics().spooled_through == 1200);
  CHECK(fixture.items(501) == Items{"501-850", "851-1200"});
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 850).ok());
  auto& reopened = fixture.reopen();
  fixture.append(1);
  CHECK(fixture.items(851) == Items{"851-1200", "1201-1201"});
  REQUIRE(reopened.meet(fixture.options.boot_id, 851).ok());
  CHECK(fixture.items(851) == Items{"851-1200", "1201-1201"});
}

TEST_CASE("A spool that was put back to an older copy numbers anew what it did not see acknowledged") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  fixture.append(10, 5);
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 5).ok());
  REQUIRE(spool.meet(fixture.options.boot_id, 101).ok());
  CHECK(fixture.items(101) == Items{"101-105"});
  CHECK(spool.statistics().acknowledged_through == 100);
}

TEST_CASE("A collector that lost its data is told what is gone and gets what is left") {
  SpoolFixture fixture;
  fixture.options.segment_bytes = 8192;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  fixture.append(200, 5);
  REQUIRE(spool.acknowledge(fixture.options.boot_id, 100).ok());
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  const auto items = fixture.items(1);
  REQUIRE(items.size() > 2);
  CHECK_THAT(items[0], Catch::StartsWith("gap 1-") && Catch::EndsWith(" acknowledged"));
  CHECK_THAT(items.back(), Catch::Equals("196-200"));
}

TEST_CASE("An empty spool tells a collector that lost its data that everything is gone") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 41).ok());
  CHECK(fixture.items(41).empty());
  CHECK(fixture.items(1) == Items{"gap 1-40 acknowledged"});
}

TEST_CASE("Meeting a collector with an impossible position is refused") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  CHECK_FALSE(spool.meet(fixture.options.boot_id, 0).ok());
  CHECK_FALSE(spool.meet(fixture.options.boot_id, ~0ull).ok());
  CHECK_FALSE(spool.meet("another-boot", 1).ok());
}

TEST_CASE("An earlier boot whose end the collector has already is not sent again") {
  SpoolFixture fixture;
  fixture.options.boot_id = "first";
  REQUIRE(fixture.reopen().meet("first", 1).ok());
  fixture.append(3);
  fixture.options.boot_id = "second";
  auto& spool = fixture.reopen();
  // More than is here: the power cut took the end of the file.
  REQUIRE(spool.meet("first", 9).ok());
  CHECK(spool.boots() == Items{"second"});
}

TEST_CASE("The listener hears of each append that made something readable") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  int heard = 0;
  spool.set_listener([&] {
    ++heard;
    CHECK(spool.statistics().spooled_through > 0);
  });
  fixture.append(2);
  CHECK(spool.append({}).ok());
  CHECK(heard == 2);
}

TEST_CASE("Appending, reading and acknowledging go on at once") {
  SpoolFixture fixture;
  fixture.options.segment_bytes = 16384;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 1).ok());
  constexpr std::uint64_t kEvents = 3000;
  std::atomic<int> refused = 0;
  std::thread appender([&] {
    for (std::uint64_t i = 1; i <= kEvents; i += 3) refused += spool.append(test::sample_events(3, i)).ok() ? 0 : 1;
  });
  std::uint64_t next = 1;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool in_order = true;
  while (in_order && next <= kEvents && std::chrono::steady_clock::now() < deadline) {
    const auto item = spool.read(fixture.options.boot_id, next);
    if (item.ok() && !item->has_value()) {
      std::this_thread::yield();
      continue;
    }
    in_order = item.ok() && (*item)->first_sequence == next && (*item)->content.index() == 0;
    if (!in_order) break;
    next = (*item)->last_sequence + 1;
    in_order = spool.acknowledge(fixture.options.boot_id, next - 1).ok();
  }
  appender.join();
  CHECK(in_order);
  CHECK(refused == 0);
  CHECK(next == kEvents + 1);
  CHECK(fixture.segments().size() == 1);
}

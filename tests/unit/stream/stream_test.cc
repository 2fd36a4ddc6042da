#include "agent/stream/stream.h"

#include <algorithm>
#include <iostream>
#include <mutex>
#include <utility>

#include "tests/unit/stream/stream_fixture.h"

using namespace bulkhead;
using namespace std::chrono_literals;
using test::Collected;
using test::StreamFixture;

TEST_CASE("What is spooled before and after the connection reaches the collector and leaves the spool") {
  StreamFixture fixture;
  fixture.options.collector = "127.0.0.1:0";
  fixture.start_collector();
  fixture.spool.append(1000, 300);
  fixture.start_stream();
  fixture.spool.append(20);
  REQUIRE(fixture.wait_stored(1020));
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(1020));
  const auto state = fixture.stream->state();
  CHECK(state.connected);
  CHECK(state.error.empty());
  CHECK(state.acknowledged_through == 1020);
}

TEST_CASE("The Hello names host, boot, earlier boots and the latest coverage") {
  StreamFixture fixture;
  fixture.spool.options.boot_id = "earlier";
  fixture.spool.reopen();
  fixture.spool.append(1);
  fixture.spool.options.boot_id = test::kSampleBoot;
  fixture.spool.reopen();
  fixture.options.collector = fixture.socket();
  fixture.start_stream();
  v1::Coverage coverage;
  coverage.add_probes()->set_name("memory.ptrace");
  REQUIRE(fixture.stream->set_coverage(coverage).ok());
  fixture.start_collector();
  REQUIRE(fixture.collector.wait([](const Collected& seen) { return !seen.hellos.empty(); }));
  const v1::Hello hello = fixture.collector.collected().hellos[0];
  CHECK(hello.host_id() == test::kSampleHost);
  CHECK(hello.boot_id() == test::kSampleBoot);
  REQUIRE(hello.spooled_boot_ids_size() == 1);
  CHECK(hello.spooled_boot_ids(0) == "earlier");
  REQUIRE(hello.coverage().probes_size() == 1);
  CHECK(hello.coverage().probes(0).name() == "memory.ptrace");
}

TEST_CASE("A collector that is down at the start is found when it comes") {
  StreamFixture fixture;
  fixture.options.collector = fixture.socket();
  fixture.start_stream();
  fixture.spool.append(3);
  REQUIRE(test::eventually([&] { return !fixture.stream->state().error.empty(); }));
  CHECK_FALSE(fixture.stream->state().connected);
  fixture.start_collector();
  REQUIRE(fixture.wait_stored(3));
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.stream->state().connected);
}

TEST_CASE("After the collector's restart the stream goes on where the collector is") {
  StreamFixture fixture;
  fixture.start_collector();
  fixture.start_stream();
  fixture.spool.append(50);
  REQUIRE(fixture.wait_stored(50));
  fixture.collector.stop();
  fixture.spool.append(50);
  REQUIRE(test::eventually([&] { return !fixture.stream->state().connected; }));
  fixture.start_collector();
  REQUIRE(fixture.wait_stored(100));
  fixture.spool.append(1);
  REQUIRE(fixture.wait_stored(101));
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(101));
  CHECK(fixture.collector.collected().gaps.empty());
  CHECK(fixture.stream->state().sessions == 2);
}

TEST_CASE("An agent that restarts sends what its spool still holds") {
  StreamFixture fixture;
  fixture.collector.set_hook([](const v1::AgentMessage& message, Collected&, auto*) { return message.has_batch(); });
  fixture.start_collector();
  fixture.start_stream();
  fixture.spool.append(30, 10);
  REQUIRE(test::eventually([&] { return fixture.stream->state().sent_batches == 3; }));
  fixture.stream.reset();
  fixture.spool.reopen();
  fixture.collector.set_hook(nullptr);
  fixture.start_stream();
  fixture.spool.append(1);
  REQUIRE(fixture.wait_stored(31));
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(31));
}

TEST_CASE("A policy that the collector pushes is handed on, and one before the Welcome ends the session") {
  StreamFixture fixture;
  v1::CollectorMessage pushed;
  pushed.mutable_policy()->set_version("one");
  std::mutex mutex;
  std::vector<std::string> seen;
  fixture.options.policy = [&](const v1::AgentPolicy& policy) {
    const std::lock_guard lock(mutex);
    seen.push_back(policy.version());
  };
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return seen.size();
  };
  bool first = true;
  fixture.collector.set_hook([&](const v1::AgentMessage& message, Collected&, auto* answers) {
    if (!message.has_hello()) return false;
    if (std::exchange(first, false)) {
      *answers = {pushed};
    } else {
      *answers = {test::welcome(test::kSampleBoot, 1), pushed, pushed};
    }
    return true;
  });
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(test::eventually([&] { return count() == 2; }));
  CHECK(seen == std::vector<std::string>{"one", "one"});
  fixture.spool.append(1);
  REQUIRE(fixture.wait_stored(1));
  fixture.stream.reset();
}

TEST_CASE("A collector that has part of a batch gets the rest of it") {
  StreamFixture fixture;
  fixture.spool.spool().meet(test::kSampleBoot, 1).IgnoreError();
  fixture.spool.append(10, 10);
  fixture.collector.change([](Collected& seen) { seen.next_sequence[test::kSampleBoot] = 5; });
  std::uint64_t first_sent = 0;
  fixture.collector.set_hook([&](const v1::AgentMessage& message, Collected&, auto*) {
    if (message.has_batch() && first_sent == 0) first_sent = message.batch().first_sequence();
    return false;
  });
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(6));
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(6, 5));
  CHECK(first_sent == 5);
}

TEST_CASE("A collector that lost its data is told of the gap and goes on") {
  StreamFixture fixture;
  fixture.spool.options.segment_bytes = 4096;
  fixture.spool.reopen();
  fixture.start_collector();
  fixture.start_stream();
  fixture.spool.append(100, 5);
  REQUIRE(fixture.wait_stored(100));
  REQUIRE(fixture.wait_acknowledged());
  fixture.collector.stop();
  fixture.collector.change([](Collected& seen) { seen = Collected{}; });
  fixture.start_collector();
  fixture.spool.append(5);
  REQUIRE(fixture.collector.wait([](const Collected& seen) {
    return seen.next_sequence.contains(test::kSampleBoot) && seen.next_sequence.at(test::kSampleBoot) == 106;
  }));
  const Collected seen = fixture.collector.collected();
  REQUIRE(seen.gaps.size() == 1);
  CHECK(seen.gaps[0].from_sequence() == 1);
  CHECK(seen.gaps[0].reason() == v1::SequenceGap::REASON_ACKNOWLEDGED_BEFORE);
  const std::uint64_t held = seen.gaps[0].through_sequence() + 1;
  CHECK(seen.stored == StreamFixture::ids(106 - held, held));
  CHECK(fixture.wait_acknowledged());
}

TEST_CASE("An agent that lost its state goes on behind what the collector has") {
  StreamFixture fixture;
  fixture.collector.change([](Collected& seen) { seen.next_sequence[test::kSampleBoot] = 501; });
  fixture.spool.append(700, 350);
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(700));
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(700, 501));
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.stream->state().acknowledged_through == 1200);
}

TEST_CASE("Damage in the spool reaches the collector as a gap, and the events behind it follow") {
  StreamFixture fixture;
  fixture.spool.append(9, 3);
  test::damage(fixture.spool.segments().front(), 32 + 40);
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(6));
  const Collected seen = fixture.collector.collected();
  REQUIRE(seen.gaps.size() == 1);
  CHECK(seen.gaps[0].from_sequence() == 1);
  CHECK(seen.gaps[0].through_sequence() == 3);
  CHECK(seen.gaps[0].reason() == v1::SequenceGap::REASON_SPOOL_DAMAGED);
  CHECK(seen.stored == StreamFixture::ids(6, 4));
}

TEST_CASE("A Rewind makes the stream send again from there, once, however often it is said") {
  StreamFixture fixture;
  fixture.spool.append(100);
  bool forgot = false;
  fixture.collector.set_hook([&](const v1::AgentMessage& message, Collected&, auto*) {
    // One batch is dropped: each of those behind it is answered with a Rewind.
    if (!message.has_batch() || forgot || message.batch().first_sequence() != 40) return false;
    return forgot = true;
  });
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(100));
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(100));
  CHECK(fixture.stream->state().sessions == 1);
  CHECK(fixture.stream->state().sent_batches <= 100 + 61);
}

TEST_CASE("No more batches are on their way than the window allows") {
  StreamFixture fixture;
  fixture.options.window_batches = 4;
  fixture.collector.set_hook([](const v1::AgentMessage& message, Collected& seen, auto*) {
    if (message.has_batch()) ++seen.batches;
    return message.has_batch();
  });
  int healths = 0;
  fixture.options.health_interval = 10ms;
  fixture.options.health = [&] {
    ++healths;
    return v1::Health();
  };
  fixture.start_collector();
  fixture.spool.append(20);
  fixture.start_stream();
  // Three healths later nothing more has come.
  REQUIRE(fixture.collector.wait([](const Collected& seen) { return seen.batches == 4; }));
  REQUIRE(fixture.collector.wait([](const Collected& seen) { return seen.healths.size() >= 4; }));
  CHECK(fixture.collector.collected().batches == 4);
  fixture.stream.reset();
  CHECK(healths >= 4);
}

TEST_CASE("Events of earlier boots are delivered first") {
  StreamFixture fixture;
  for (const char* boot : {"zz-oldest", "mm-older"}) {
    fixture.spool.options.boot_id = boot;
    fixture.spool.reopen();
    fixture.spool.append(2);
  }
  fixture.spool.options.boot_id = test::kSampleBoot;
  fixture.spool.reopen();
  fixture.spool.append(1);
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(5));
  CHECK(fixture.collector.collected().stored == std::vector<std::string>{"zz-oldest/1", "zz-oldest/2", "mm-older/1",
                                                                         "mm-older/2",
                                                                         std::string(test::kSampleBoot) + "/1"});
  REQUIRE(fixture.wait_acknowledged());
  CHECK(fixture.spool.spool().boots() == std::vector<std::string>{test::kSampleBoot});
}

TEST_CASE("More earlier boots than one Hello names are delivered over several sessions") {
  StreamFixture fixture;
  for (int i = 0; i < 70; ++i) {
    fixture.spool.options.boot_id = absl::StrCat("boot-", i);
    fixture.spool.reopen();
    fixture.spool.append(1);
  }
  fixture.spool.options.boot_id = test::kSampleBoot;
  fixture.spool.reopen();
  fixture.spool.append(1);
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(fixture.wait_stored(71));
  const Collected seen = fixture.collector.collected();
  CHECK(seen.stored.front() == "boot-0/1");
  CHECK(seen.stored.back() == std::string(test::kSampleBoot) + "/1");
  CHECK(seen.hellos.size() == 2);
  CHECK(seen.hellos[0].spooled_boot_ids_size() == 64);
}

TEST_CASE("Health comes at its interval, inventory and coverage on connect and on change") {
  StreamFixture fixture;
  fixture.start_collector();
  fixture.options.health_interval = 20ms;
  std::atomic<std::uint64_t> reports = 0;
  fixture.options.health = [&] {
    v1::Health health;
    health.set_resident_bytes(++reports);
    return health;
  };
  fixture.start_stream();
  v1::Inventory inventory;
  inventory.add_domains()->set_name("one");
  REQUIRE(fixture.stream->set_inventory(inventory).ok());
  REQUIRE(fixture.collector.wait(
      [](const Collected& seen) { return seen.healths.size() >= 3 && seen.inventories.size() == 1; }));
  inventory.add_domains()->set_name("two");
  REQUIRE(fixture.stream->set_inventory(inventory).ok());
  v1::Coverage coverage;
  coverage.add_probes()->set_name("disk.file_open");
  REQUIRE(fixture.stream->set_coverage(coverage).ok());
  REQUIRE(fixture.collector.wait(
      [](const Collected& seen) { return seen.inventories.size() == 2 && seen.coverages.size() == 1; }));
  CHECK(fixture.collector.collected().inventories.back().domains_size() == 2);
  fixture.collector.stop();
  fixture.start_collector();
  REQUIRE(fixture.collector.wait([](const Collected& seen) { return seen.inventories.size() == 3; }));
  const Collected seen = fixture.collector.collected();
  CHECK(seen.inventories.back().domains_size() == 2);
  CHECK(seen.hellos.back().coverage().probes_size() == 1);
  CHECK(seen.coverages.size() == 1);
}

TEST_CASE("An inventory too large for a message is refused and the one before stays") {
  StreamFixture fixture;
  fixture.options.collector = fixture.socket();
  fixture.start_stream();
  v1::Inventory inventory;
  inventory.add_domains()->set_name("small");
  REQUIRE(fixture.stream->set_inventory(inventory).ok());
  v1::Inventory huge;
  huge.add_domains()->set_name(std::string(9 << 20, 'x'));
  CHECK(absl::IsResourceExhausted(fixture.stream->set_inventory(huge)));
  fixture.start_collector();
  REQUIRE(fixture.collector.wait([](const Collected& seen) { return !seen.inventories.empty(); }));
  CHECK(fixture.collector.collected().inventories[0].domains(0).name() == "small");
}

TEST_CASE("Draining waits for the last acknowledgement and ends the stream in order") {
  StreamFixture fixture;
  fixture.start_collector();
  int healths = 0;
  fixture.options.health_interval = 1h;
  fixture.options.health = [&] {
    ++healths;
    return v1::Health();
  };
  fixture.start_stream();
  fixture.spool.append(200);
  CHECK(fixture.stream->drain(10s));
  CHECK(fixture.collector.collected().stored.size() == 200);
  CHECK(fixture.collector.wait([](const Collected& seen) { return seen.orderly_ends == 1; }));
  // The first figures and the last.
  CHECK(healths == 2);
  CHECK_FALSE(fixture.stream->state().connected);
}

TEST_CASE("Draining gives up at its timeout and keeps what is not acknowledged") {
  StreamFixture fixture;
  fixture.options.collector = fixture.socket();
  fixture.start_stream();
  fixture.spool.append(2);
  CHECK_FALSE(fixture.stream->drain(50ms));
  CHECK(fixture.spool.spool().statistics().unacknowledged_events == 2);
}

TEST_CASE("An event is at the collector within a millisecond or so of its append") {
  StreamFixture fixture;
  fixture.options.collector = "127.0.0.1:0";
  fixture.start_collector();
  fixture.start_stream();
  std::vector<double> milliseconds;
  for (std::size_t i = 1; i <= 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    fixture.spool.append(1);
    REQUIRE(fixture.wait_stored(i));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::cout << "append to collector, ms: median " << milliseconds[100] << ", 99th percentile " << milliseconds[198]
            << "\n";
  // Wide enough for sanitizers on a loaded machine; a stream that polled would not pass.
  CHECK(milliseconds[100] < 50);
}

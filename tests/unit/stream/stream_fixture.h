// A spool, a collector and the stream between them.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/stream/stream.h"
#include "tests/unit/proto/sample_events.h"
#include "tests/unit/spool/spool_fixture.h"
#include "tests/unit/stream/test_collector.h"

namespace bulkhead::test {

// Polls at most ten seconds.
template <typename Predicate>
bool eventually(Predicate predicate) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class StreamFixture {
 public:
  StreamFixture() {
    spool.reopen();
    options.hello.set_host_id(kSampleHost);
    options.hello.set_boot_id(kSampleBoot);
    options.first_backoff = std::chrono::milliseconds(5);
    options.last_backoff = std::chrono::milliseconds(20);
  }
  ~StreamFixture() { stream.reset(); }

  // A socket beside the spool: a collector can come back at the same address.
  std::string socket() const { return "unix:" + (spool.options.dir.parent_path() / "collector.sock").string(); }

  void start_collector() {
    options.collector = collector.start(options.collector.empty() ? socket() : options.collector);
  }

  void start_stream() {
    auto started = stream::Stream::start(options, spool.spool());
    INFO(started.status());
    REQUIRE(started.ok());
    stream = *std::move(started);
  }

  // "boot/1" to "boot/count".
  static std::vector<std::string> ids(std::uint64_t count, std::uint64_t first = 1,
                                      const std::string& boot = kSampleBoot) {
    std::vector<std::string> result;
    for (std::uint64_t i = first; i < first + count; ++i) result.push_back(absl::StrCat(boot, "/", i));
    return result;
  }

  bool wait_stored(std::size_t count) {
    return collector.wait([&](const Collected& seen) { return seen.stored.size() >= count; });
  }
  bool wait_acknowledged() {
    return eventually([&] { return spool.spool().statistics().unacknowledged_events == 0; });
  }

  SpoolFixture spool;
  TestCollector collector;
  stream::Options options;
  std::unique_ptr<stream::Stream> stream;
};

}  // namespace bulkhead::test

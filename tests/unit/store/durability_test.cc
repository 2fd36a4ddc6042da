// What "durable" means: the data went through fdatasync before append returned, and survives kill -9.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "tests/unit/store/fixture.h"

namespace {
std::atomic<int> syncs = 0;
std::atomic<bool> slow = false;
std::atomic<int> failing = 0;  // an errno
}  // namespace

// RocksDB finds this one before libc's: the program counts, delays or fails the disk's syncs.
extern "C" int fdatasync(int descriptor) {
  if (failing != 0) {
    errno = failing;
    return -1;
  }
  if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ++syncs;
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

namespace bulkhead::test {

TEST_CASE("an append returns only after the disk was synced") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const auto batch = make_batch(1, 1);
  const int before = syncs;
  REQUIRE(store->log().append(std::span(&batch, 1)).ok());
  REQUIRE(syncs > before);
}

TEST_CASE("an alert is synced when its commit returns, a position alone is not") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  int before = syncs;
  REQUIRE(store->alerts().commit({}, store::Position("x")).ok());
  REQUIRE(syncs == before);
  const auto alert = make_alert("a", 1);
  before = syncs;
  REQUIRE(store->alerts().commit(std::span(&alert, 1), store::Position("y")).ok());
  REQUIRE(syncs > before);
}

TEST_CASE("appends that wait for the disk together share a sync") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  slow = true;
  const int before = syncs;
  std::vector<std::thread> threads;
  std::atomic<int> stored = 0;
  for (int t = 0; t < 32; ++t) {
    threads.emplace_back([&, t] {
      v1::EventBatch batch;
      batch.set_host_id("host-" + std::to_string(t));
      batch.set_boot_id(kBoot);
      batch.set_first_sequence(1);
      batch.add_events();
      if (store->log().append(std::span(&batch, 1)).ok()) ++stored;
    });
  }
  for (auto& thread : threads) thread.join();
  slow = false;
  REQUIRE(stored == 32);
  REQUIRE(syncs - before < 16);
}

TEST_CASE("an append fails on a full disk, and succeeds once there is room") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    const auto first = make_batch(1, 1);
    REQUIRE(store->log().append(std::span(&first, 1)).ok());
    const auto batch = make_batch(2, 3);
    failing = ENOSPC;
    const auto refused = store->log().append(std::span(&batch, 1));
    failing = 0;
    INFO(std::string(refused.status().message()));
    REQUIRE(absl::IsResourceExhausted(refused.status()));
    REQUIRE(store->ledger().boot(kHost, kBoot)->next_sequence == 2);
    // RocksDB looks every few seconds whether there is room again.
    auto results = store->log().append(std::span(&batch, 1));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!results.ok() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      results = store->log().append(std::span(&batch, 1));
    }
    INFO(std::string(results.status().message()));
    REQUIRE(results.ok());
    REQUIRE(results->front().next_sequence == 5);
  }
  const auto store = open_store(dir.path());
  REQUIRE(stored_sequences(store->log()) == std::vector<std::uint64_t>{1, 2, 3, 4});
}

TEST_CASE("after a sync that failed nothing is acknowledged until the store is opened again") {
  const TempDir dir;
  const auto batch = make_batch(2, 3);
  {
    const auto store = open_store(dir.path());
    const auto first = make_batch(1, 1);
    REQUIRE(store->log().append(std::span(&first, 1)).ok());
    failing = EIO;
    const auto refused = store->log().append(std::span(&batch, 1));
    failing = 0;
    REQUIRE_FALSE(refused.ok());
    // The kernel may have dropped what it could not write: a later sync that succeeds proves nothing.
    const auto again = store->log().append(std::span(&batch, 1));
    INFO(std::string(again.status().message()));
    REQUIRE_FALSE(again.ok());
    REQUIRE(std::string(again.status().message()).find("start the collector again") != std::string::npos);
    REQUIRE(stored_sequences(store->log()).front() == 1);
  }
  const auto store = open_store(dir.path());
  const auto results = store->log().append(std::span(&batch, 1));
  REQUIRE(results.ok());
  REQUIRE(results->front().next_sequence == 5);
  REQUIRE(stored_sequences(store->log()) == std::vector<std::uint64_t>{1, 2, 3, 4});
}

TEST_CASE("what was acknowledged is there after kill -9") {
  const TempDir dir;
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[0]);
    auto store = store::Store::open(dir.path());
    if (!store.ok()) _exit(1);
    for (std::uint64_t sequence = 1;; sequence += 3) {
      v1::EventBatch batch;
      batch.set_host_id(kHost);
      batch.set_boot_id(kBoot);
      batch.set_first_sequence(sequence);
      for (int i = 0; i < 3; ++i) batch.add_events()->set_probe(v1::PROBE_AGENT);
      const auto results = (*store)->log().append(std::span(&batch, 1));
      if (!results.ok()) _exit(2);
      const std::uint64_t acknowledged = results->front().next_sequence - 1;
      if (write(pipe_ends[1], &acknowledged, sizeof acknowledged) != sizeof acknowledged) _exit(3);
    }
  }
  close(pipe_ends[1]);
  std::uint64_t acknowledged = 0;
  while (acknowledged < 300 && read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
  }
  kill(child, SIGKILL);
  while (read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(pipe_ends[0]);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(acknowledged >= 300);

  const auto store = open_store(dir.path());
  const auto sequences = stored_sequences(store->log());
  REQUIRE(sequences.size() >= acknowledged);
  for (std::size_t i = 0; i < sequences.size(); ++i) REQUIRE(sequences[i] == i + 1);
  REQUIRE(store->ledger().boot(kHost, kBoot)->next_sequence == sequences.size() + 1);
  REQUIRE(store->log().statistics().events == sequences.size());
}

}  // namespace bulkhead::test

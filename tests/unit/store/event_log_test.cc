#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "proto/batch/batch.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

std::vector<std::uint64_t> sequences(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all(last - first + 1);
  std::iota(all.begin(), all.end(), first);
  return all;
}

store::AppendResult append(store::EventLog& log, const v1::EventBatch& batch) {
  const auto results = log.append(std::span(&batch, 1));
  REQUIRE(results.ok());
  REQUIRE(results->size() == 1);
  return results->front();
}

std::uint64_t stored_count(const store::BootLedger& ledger, v1::Probe probe) {
  for (const auto& count : ledger.stored) {
    if (count.probe() == probe) return count.count();
  }
  return 0;
}

}  // namespace

TEST_CASE("the log gives back what was appended, in order and after a restart") {
  const TempDir dir;
  const auto batch = make_batch(1, 5);
  {
    const auto store = open_store(dir.path());
    REQUIRE(store->log().end().bytes().empty());
    REQUIRE(append(store->log(), batch).next_sequence == 6);
    REQUIRE(append(store->log(), make_batch(6, 3)).next_sequence == 9);
  }
  const auto store = open_store(dir.path());
  const auto read = store->log().read({}, 10);
  REQUIRE(read.ok());
  REQUIRE(read->size() == 2);
  REQUIRE(read->front().batch.SerializeAsString() == batch.SerializeAsString());
  REQUIRE(read->back().position == store->log().end());
  REQUIRE(stored_sequences(store->log()) == sequences(1, 8));
  REQUIRE(store->log().statistics().events == 8);
  REQUIRE(store->log().statistics().batches == 2);
  REQUIRE(append(store->log(), make_batch(9, 1)).next_sequence == 10);
}

TEST_CASE("what is stored already is not stored again, whether the whole batch or its beginning") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  append(store->log(), make_batch(1, 4));
  const auto again = append(store->log(), make_batch(1, 4));
  REQUIRE(again.next_sequence == 5);
  REQUIRE_FALSE(again.stored);
  const auto overlapping = append(store->log(), make_batch(3, 4));
  REQUIRE(overlapping.next_sequence == 7);
  REQUIRE(overlapping.stored);
  REQUIRE(stored_sequences(store->log()) == sequences(1, 6));
  const auto read = store->log().read({}, 10);
  const auto events = batch::unpack(read->back().batch);
  REQUIRE(events.ok());
  REQUIRE(events->front().time().seconds() == kBaseSeconds + 5);
}

TEST_CASE("a batch beyond the expected sequence is not stored and names the sequence that is") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  append(store->log(), make_batch(1, 2));
  const auto result = append(store->log(), make_batch(4, 1));
  REQUIRE(result.gap);
  REQUIRE(result.next_sequence == 3);
  REQUIRE(stored_sequences(store->log()) == sequences(1, 2));
}

TEST_CASE("one append takes batches of several boots, each in its own order") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const std::vector<v1::EventBatch> batches = {make_batch(1, 2), make_batch(1, 3, kHost, "boot-2"), make_batch(3, 2),
                                               make_batch(9, 1, "host-b"), make_batch(2, 4)};
  const auto results = store->log().append(batches);
  REQUIRE(results.ok());
  REQUIRE((*results)[0].next_sequence == 3);
  REQUIRE((*results)[1].next_sequence == 4);
  REQUIRE((*results)[2].next_sequence == 5);
  REQUIRE((*results)[3].gap);
  REQUIRE((*results)[4].next_sequence == 6);
  REQUIRE(store->log().statistics().events == 8);
}

TEST_CASE("the ledger counts stored events by probe, as many as were appended once") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    append(store->log(), make_batch(1, 5));
    append(store->log(), make_batch(4, 3));
  }
  const auto store = open_store(dir.path());
  const auto ledger = store->ledger().boot(kHost, kBoot);
  REQUIRE(ledger.ok());
  REQUIRE(ledger->next_sequence == 7);
  REQUIRE(stored_count(*ledger, v1::PROBE_MEMORY_PROCESS_VM) == 3);
  REQUIRE(stored_count(*ledger, v1::PROBE_DISK_FILE_OPEN) == 3);
  REQUIRE(store->ledger().boot(kHost, "never heard of")->next_sequence == 1);
}

TEST_CASE("a host whose id begins like another's shares nothing with it") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  REQUIRE(store->ledger().append_missing(make_missing(1, 10), 10).ok());
  REQUIRE(*store->ledger().missing(kHost) == 10);
  REQUIRE(*store->ledger().missing("host") == 0);
  REQUIRE(store->ledger().boot("host", std::string("-a") + kBoot)->next_sequence == 1);
}

TEST_CASE("missing events move the expected sequence on and leave one loss event in their place") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  append(store->log(), make_batch(1, 4));
  const auto result = store->ledger().append_missing(make_missing(3, 10), 10);
  REQUIRE(result.ok());
  REQUIRE(result->next_sequence == 11);
  REQUIRE(append(store->log(), make_batch(11, 1)).next_sequence == 12);
  REQUIRE(stored_sequences(store->log()) == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 11});
  const auto read = store->log().read({}, 10);
  REQUIRE((*read)[1].batch.events(0).loss().count() == 6);
  REQUIRE(store->ledger().boot(kHost, kBoot)->missing == 6);
  REQUIRE(stored_count(*store->ledger().boot(kHost, kBoot), v1::PROBE_AGENT) == 0);

  const auto beyond = store->ledger().append_missing(make_missing(20, 30), 30);
  REQUIRE(beyond->gap);
  const auto before = store->ledger().append_missing(make_missing(2, 9), 9);
  REQUIRE_FALSE(before->stored);
  REQUIRE(before->next_sequence == 12);
  REQUIRE_FALSE(store->ledger().append_missing(make_missing(12, 13), 11).ok());
}

TEST_CASE("a batch that cannot be placed is refused and nothing of the append is stored") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  auto bad = GENERATE(0, 1, 2);
  std::vector<v1::EventBatch> batches = {make_batch(1, 2), make_batch(3, 1)};
  if (bad == 0) batches[1].clear_host_id();
  if (bad == 1) batches[1].set_first_sequence(0);
  if (bad == 2) batches[1].clear_events();
  REQUIRE(absl::IsInvalidArgument(store->log().append(batches).status()));
  REQUIRE(store->log().end().bytes().empty());
}

TEST_CASE("appends of many threads are all stored, each host's in order") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  constexpr int kThreads = 8;
  constexpr std::uint64_t kEach = 40;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        v1::EventBatch batch;
        batch.set_host_id("host-" + std::to_string(t));
        batch.set_boot_id(kBoot);
        batch.set_first_sequence(i + 1);
        batch.add_events()->set_probe(v1::PROBE_AGENT);
        const auto results = store->log().append(std::span(&batch, 1));
        if (!results.ok() || results->front().next_sequence != i + 2) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(failures == 0);
  REQUIRE(store->log().statistics().events == kThreads * kEach);
  for (int t = 0; t < kThreads; ++t) {
    REQUIRE(store->ledger().boot("host-" + std::to_string(t), kBoot)->next_sequence == kEach + 1);
  }
}

TEST_CASE("a reader that waits is woken by an append and not before") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  REQUIRE_FALSE(store->log().wait({}, std::chrono::milliseconds(20)));
  std::thread writer([&] {
    const auto batch = make_batch(1, 1);
    store->log().append(std::span(&batch, 1)).IgnoreError();
  });
  REQUIRE(store->log().wait({}, std::chrono::seconds(30)));
  writer.join();
  REQUIRE_FALSE(store->log().wait(store->log().end(), std::chrono::milliseconds(20)));
}

TEST_CASE("the log can be read backwards") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (std::uint64_t i = 0; i < 5; ++i) append(store->log(), make_batch(1 + 2 * i, 2));
  const auto newest = store->log().read_before({}, 2);
  REQUIRE(newest.ok());
  REQUIRE(newest->size() == 2);
  REQUIRE((*newest)[0].batch.first_sequence() == 9);
  REQUIRE((*newest)[1].batch.first_sequence() == 7);
  const auto rest = store->log().read_before((*newest)[1].position, 10);
  REQUIRE(rest->size() == 3);
  REQUIRE((*rest)[2].batch.first_sequence() == 1);
  REQUIRE(store->log().read_before((*rest)[2].position, 10)->empty());
}

TEST_CASE("a search by time begins where nothing so new is passed over, also behind late arrivals") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  append(store->log(), make_batch(1, 10));               // through second 10
  append(store->log(), make_batch(100, 0 + 1, "late"));  // a gap: not stored
  append(store->log(), make_batch(1, 2, "late"));        // second 2, arrived after second 10
  append(store->log(), make_batch(11, 10));              // through second 20
  const auto at = [&](std::int64_t second) {
    const auto position = store->log().before_time((kBaseSeconds + second) * 1'000'000'000);
    REQUIRE(position.ok());
    const auto page = store->log().read(*position, 1);
    return page->empty() ? std::string("end")
                         : page->front().batch.host_id() + " " + std::to_string(page->front().batch.first_sequence());
  };
  REQUIRE(at(0) == "host-a 1");
  REQUIRE(at(10) == "host-a 1");
  REQUIRE(at(11) == "host-a 11");
  REQUIRE(at(20) == "host-a 11");
  REQUIRE(at(21) == "end");
  REQUIRE(store->log().before_time(0)->bytes().empty());
}

TEST_CASE("trim removes what is at or before a position, and positions are not reused") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    for (std::uint64_t i = 1; i <= 4; ++i) append(store->log(), make_batch(i, 1));
    const auto page = store->log().read({}, 2);
    REQUIRE(store->log().trim(page->back().position).ok());
    REQUIRE(stored_sequences(store->log()) == sequences(3, 4));
    REQUIRE(store->log().statistics().events == 2);
    const auto end = store->log().end();
    REQUIRE(store->log().trim(end).ok());
    REQUIRE(store->log().end() == end);
    REQUIRE(store->log().statistics().bytes == 0);
    REQUIRE(store->log().before_time(kBaseSeconds * 1'000'000'000).ok());
  }
  const auto store = open_store(dir.path());
  const auto end = store->log().end();
  REQUIRE(append(store->log(), make_batch(5, 1)).next_sequence == 6);
  REQUIRE(end < store->log().end());
  REQUIRE(stored_sequences(store->log()) == sequences(5, 5));
}

TEST_CASE("a position of another log is refused") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  REQUIRE(absl::IsInvalidArgument(store->log().read(store::Position("abc"), 1).status()));
}

}  // namespace bulkhead::test

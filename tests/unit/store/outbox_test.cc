#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

using store::Activity;
using store::Notice;

constexpr char kSink[] = "siem";

void commit(store::Store& store, const std::vector<Notice>& notices) {
  std::vector<v1::Alert> alerts;
  for (const Notice& notice : notices) alerts.push_back(notice.alert);
  const auto status = store.alerts().commit(alerts, store::Position("p"), notices);
  INFO(status.message());
  REQUIRE(status.ok());
}

Notice notice(const std::string& uid, Activity activity = Activity::kCreate, std::uint64_t events = 1,
              std::vector<std::string> sinks = {kSink}) {
  return {.alert = make_alert(uid, 1, events), .activity = activity, .sinks = std::move(sinks)};
}

std::vector<store::OutboxEntry> take(store::Store& store, std::size_t max = 100, const std::string& sink = kSink) {
  auto entries = store.outbox().take(sink, max);
  INFO(entries.status().message());
  REQUIRE(entries.ok());
  return *std::move(entries);
}

// "uid activity events", in order.
std::vector<std::string> words(const std::vector<store::OutboxEntry>& entries) {
  std::vector<std::string> words;
  for (const auto& entry : entries) {
    words.push_back(entry.alert.uid() + " " + std::to_string(static_cast<int>(entry.activity)) + " " +
                    std::to_string(entry.alert.event_count()));
  }
  return words;
}

store::QueueState state(store::Store& store, const std::string& sink = kSink) {
  for (const auto& one : store.outbox().states()) {
    if (one.sink == sink) return one;
  }
  return {};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("what is committed for a sink waits for it, in order, until it is confirmed") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    commit(*store, {notice("a"), notice("b", Activity::kUpdate, 4), notice("c", Activity::kCreate, 1, {"other"})});
    commit(*store, {notice("d", Activity::kClose, 2, {kSink, "other"})});
    REQUIRE(words(take(*store)) == Words{"a 1 1", "b 2 4", "d 3 2"});
    REQUIRE(state(*store).waiting == 3);
    REQUIRE(state(*store).oldest_ns > 0);
    const auto first = take(*store, 1);
    REQUIRE(words(first) == Words{"a 1 1"});
    REQUIRE(store->outbox().confirm(kSink, first).ok());
  }
  const auto store = open_store(dir.path());
  REQUIRE(words(take(*store)) == Words{"b 2 4", "d 3 2"});
  REQUIRE(words(take(*store, 100, "other")) == Words{"c 1 1", "d 3 2"});
  REQUIRE(store->outbox().confirm(kSink, take(*store)).ok());
  REQUIRE(take(*store).empty());
  REQUIRE(state(*store).waiting == 0);
  REQUIRE(state(*store).waiting_bytes == 0);
  REQUIRE(state(*store).oldest_ns == 0);
}

TEST_CASE("a newer state of an alert that waits takes its place, and who was not told of it is told it is new") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  commit(*store, {notice("a"), notice("b", Activity::kUpdate, 2)});
  commit(*store, {notice("b", Activity::kUpdate, 8), notice("a", Activity::kUpdate, 16)});
  commit(*store, {notice("b", Activity::kClose, 8)});
  REQUIRE(state(*store).waiting == 2);
  REQUIRE(words(take(*store)) == Words{"a 1 16", "b 3 8"});
  REQUIRE(state(*store).waiting_bytes == make_alert("a", 1, 16).ByteSizeLong() + make_alert("b", 1, 8).ByteSizeLong());
}

TEST_CASE("two states of one alert in one commit are one entry") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  commit(*store, {notice("a"), notice("a", Activity::kUpdate, 2)});
  REQUIRE(state(*store).waiting == 1);
  REQUIRE(words(take(*store)) == Words{"a 1 2"});
}

TEST_CASE("an alert that closes before it was told is told first and closed after") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  commit(*store, {notice("a")});
  commit(*store, {notice("a", Activity::kClose, 1)});
  commit(*store, {notice("a", Activity::kUpdate, 2)});
  REQUIRE(words(take(*store)) == Words{"a 1 1", "a 2 2"});
}

TEST_CASE("an entry that was given out stays as it is, and what comes next of its alert is queued behind it") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  commit(*store, {notice("a"), notice("b")});
  const auto under_way = take(*store, 1);
  commit(*store, {notice("a", Activity::kUpdate, 2), notice("b", Activity::kUpdate, 2)});
  REQUIRE(words(take(*store)) == Words{"a 1 1", "b 1 2", "a 2 2"});
  // The confirmation is of what was delivered, not of what came meanwhile.
  REQUIRE(store->outbox().confirm(kSink, under_way).ok());
  REQUIRE(words(take(*store)) == Words{"b 1 2", "a 2 2"});
  commit(*store, {notice("a", Activity::kUpdate, 4)});
  REQUIRE(words(take(*store)) == Words{"b 1 2", "a 2 2", "a 2 4"});
}

TEST_CASE("a refused entry becomes a dead letter with its reason, and the queue goes on") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    commit(*store, {notice("a"), notice("b")});
    REQUIRE(store->outbox().bury(kSink, take(*store, 1).front(), "HTTP status 400").ok());
    REQUIRE(words(take(*store)) == Words{"b 1 1"});
  }
  const auto store = open_store(dir.path());
  REQUIRE(state(*store).dead_letters == 1);
  const auto letters = store->outbox().dead_letters(kSink, 0, 10);
  REQUIRE(letters.ok());
  REQUIRE(letters->size() == 1);
  REQUIRE(letters->front().alert.uid() == "a");
  REQUIRE(letters->front().reason == "HTTP status 400");
  REQUIRE(letters->front().time_ns > 0);
}

TEST_CASE("beyond its limit a queue's oldest become dead letters, of which the newest are kept") {
  const TempDir dir;
  auto opened = store::Store::open(dir.path(), {.waiting = 3, .waiting_bytes = 1u << 20, .dead_letters = 2});
  REQUIRE(opened.ok());
  auto& store = **opened;
  commit(store, {notice("a"), notice("b"), notice("c")});
  REQUIRE(words(take(store, 1)) == Words{"a 1 1"});
  commit(store, {notice("d"), notice("e"), notice("f")});
  // The first is under way to the peer.
  REQUIRE(words(take(store)) == Words{"a 1 1", "e 1 1", "f 1 1"});
  REQUIRE(state(store).dead_letters == 3);
  REQUIRE(state(store).dead_letters_kept == 2);
  const auto dead = store.outbox().dead_letters(kSink, 0, 10);
  REQUIRE(dead.ok());
  REQUIRE(dead->size() == 2);
  REQUIRE(dead->front().alert.uid() == "c");
  REQUIRE(dead->back().alert.uid() == "d");
}

TEST_CASE("a queue is bounded in bytes, too") {
  const TempDir dir;
  auto opened = store::Store::open(dir.path(), {.waiting = 100, .waiting_bytes = 3000, .dead_letters = 10});
  REQUIRE(opened.ok());
  auto& store = **opened;
  for (const char* uid : {"a", "b", "c"}) {
    Notice large = notice(uid);
    large.alert.set_message(std::string(1200, 'm'));
    commit(store, {large});
  }
  REQUIRE(words(take(store)) == Words{"b 1 1", "c 1 1"});
  REQUIRE(state(store).dead_letters == 1);
}

TEST_CASE("a dropped queue is empty, its dead letters are gone, and sinks of a longer name keep theirs") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  commit(*store, {notice("a", Activity::kCreate, 1, {"s", "s2"}), notice("b", Activity::kCreate, 1, {"s"})});
  REQUIRE(store->outbox().bury("s", take(*store, 1, "s").front(), "x").ok());
  const auto last = take(*store, 1, "s").front().sequence;
  REQUIRE(store->outbox().drop("s").ok());
  REQUIRE(take(*store, 10, "s").empty());
  REQUIRE(state(*store, "s").dead_letters == 0);
  REQUIRE(take(*store, 10, "s2").size() == 1);
  commit(*store, {notice("a", Activity::kUpdate, 2, {"s"})});
  REQUIRE(take(*store, 10, "s").front().sequence > last);
}

TEST_CASE("who waits for alerts is woken by a commit, and by a stop") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  std::stop_source stop;
  REQUIRE_FALSE(store->outbox().wait(kSink, stop.get_token(), std::chrono::milliseconds(1)));
  bool woken = false;
  std::thread waiter([&] { woken = store->outbox().wait(kSink, stop.get_token(), std::chrono::seconds(60)); });
  commit(*store, {notice("a")});
  waiter.join();
  REQUIRE(woken);
  REQUIRE(store->outbox().confirm(kSink, take(*store)).ok());
  std::thread idle([&] { woken = store->outbox().wait(kSink, stop.get_token(), std::chrono::seconds(60)); });
  stop.request_stop();
  idle.join();
  REQUIRE_FALSE(woken);
}

// The alert, the position and the entry are one write: whatever moment the process dies at, what is stored is queued.
TEST_CASE("after kill -9 every stored alert waits in the outbox") {
  const TempDir dir;
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[0]);
    auto store = store::Store::open(dir.path());
    if (!store.ok()) _exit(1);
    for (std::uint64_t number = 1;; ++number) {
      const Notice one = notice(std::to_string(number));
      const store::Position through(std::to_string(number));
      if (!(*store)->alerts().commit(std::span(&one.alert, 1), through, std::span(&one, 1)).ok()) _exit(2);
      if (write(pipe_ends[1], &number, sizeof number) != sizeof number) _exit(3);
    }
  }
  close(pipe_ends[1]);
  std::uint64_t committed = 0;
  while (committed < 200 && read(pipe_ends[0], &committed, sizeof committed) == sizeof committed) {
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(pipe_ends[0]);
  REQUIRE(WIFSIGNALED(status));
  const auto store = open_store(dir.path());
  REQUIRE(store->alerts().count() >= 200);
  REQUIRE(state(*store).waiting == store->alerts().count());
  REQUIRE(take(*store, 100000).size() == store->alerts().count());
  REQUIRE(store->alerts().judged_through().bytes() == std::to_string(store->alerts().count()));
}

}  // namespace bulkhead::test

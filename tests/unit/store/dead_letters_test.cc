// What a sink refused, read, sent again and dropped.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

using store::Activity;
using Words = std::vector<std::string>;

constexpr char kSink[] = "siem";

void commit(store::Store& store, v1::Alert alert, Activity activity = Activity::kCreate,
            v1::AlertState state = v1::ALERT_STATE_OPEN) {
  alert.set_state(state);
  const store::Notice notice{.alert = alert, .activity = activity, .sinks = {kSink}};
  const auto status = store.alerts().commit(std::span(&alert, 1), store::Position("p"), std::span(&notice, 1));
  INFO(status.message());
  REQUIRE(status.ok());
}

// "uid activity events", in order.
Words waiting(store::Store& store) {
  const auto entries = store.outbox().take(kSink, 10000);
  REQUIRE(entries.ok());
  Words words;
  for (const auto& entry : *entries) {
    words.push_back(entry.alert.uid() + " " + std::to_string(static_cast<int>(entry.activity)) + " " +
                    std::to_string(entry.alert.event_count()));
  }
  return words;
}

// The peer refuses all that waits.
void refuse(store::Store& store) {
  const auto entries = store.outbox().take(kSink, 10000);
  REQUIRE(entries.ok());
  for (const auto& entry : *entries) REQUIRE(store.outbox().bury(kSink, entry, "HTTP status 400").ok());
}

void deliver(store::Store& store) {
  const auto entries = store.outbox().take(kSink, 10000);
  REQUIRE(entries.ok());
  REQUIRE(store.outbox().confirm(kSink, *entries).ok());
}

// "number uid", in order.
Words letters(store::Store& store, std::uint64_t above = 0, std::size_t max = 10000) {
  const auto found = store.outbox().dead_letters(kSink, above, max);
  REQUIRE(found.ok());
  Words words;
  for (const auto& letter : *found) words.push_back(std::to_string(letter.number) + " " + letter.alert.uid());
  return words;
}

v1::DeadLetterChange asked(v1::DeadLetterAction action, std::vector<std::uint64_t> numbers = {},
                           const std::string& uid = "") {
  v1::DeadLetterChange change;
  change.set_sink(kSink);
  change.set_action(action);
  change.set_by("kim");
  change.set_why("the receiver is mended");
  change.set_alert_uid(uid);
  for (const std::uint64_t number : numbers) change.add_numbers(number);
  return change;
}

absl::StatusOr<v1::DeadLetterChange> change(store::Store& store, const v1::DeadLetterChange& change) {
  return store.outbox().change_dead_letters(change, [] { return true; });
}

absl::StatusOr<v1::DeadLetterChange> resend(store::Store& store, std::vector<std::uint64_t> numbers = {},
                                            const std::string& uid = "") {
  return change(store, asked(v1::DEAD_LETTER_ACTION_RESEND, std::move(numbers), uid));
}

store::QueueState state(store::Store& store) {
  const auto states = store.outbox().states();
  REQUIRE(states.size() == 1);
  return states.front();
}

}  // namespace

TEST_CASE("a dead letter that is sent again is at the end of the queue, once, and no dead letter any more") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    for (const char* uid : {"a", "b", "c"}) commit(*store, make_alert(uid, 1));
    refuse(*store);
    commit(*store, make_alert("d", 1));
    const auto done = resend(*store, {2});
    REQUIRE(done.ok());
    CHECK(done->letters() == 1);
    CHECK(done->time().seconds() > 0);
    CHECK(absl::IsNotFound(resend(*store, {2}).status()));
  }
  const auto store = open_store(dir.path());
  CHECK(waiting(*store) == Words{"d 1 1", "b 1 1"});
  CHECK(letters(*store) == Words{"1 a", "3 c"});
  CHECK(state(*store).waiting == 2);
  const auto entries = store->outbox().take(kSink, 10);
  CHECK(state(*store).waiting_bytes == entries->at(0).alert.ByteSizeLong() + entries->at(1).alert.ByteSizeLong());
  // All that ever were, and what is still there.
  CHECK(state(*store).dead_letters == 3);
  CHECK(state(*store).dead_letters_kept == 2);
  refuse(*store);
  CHECK(letters(*store) == Words{"1 a", "3 c", "4 d", "5 b"});
  CHECK(state(*store).dead_letters == 5);
}

TEST_CASE("all dead letters are sent again, in their order, or those of one alert") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (int i = 0; i < 600; ++i) commit(*store, make_alert(std::to_string(i), 1));
  refuse(*store);
  const auto one = resend(*store, {}, "599");
  REQUIRE(one.ok());
  CHECK(one->letters() == 1);
  CHECK(waiting(*store) == Words{"599 1 1"});
  const auto done = resend(*store);
  REQUIRE(done.ok());
  CHECK(done->letters() == 599);
  const Words again = waiting(*store);
  REQUIRE(again.size() == 600);
  CHECK(again[1] == "0 1 1");
  CHECK(again[599] == "598 1 1");
  CHECK(letters(*store).empty());
  CHECK(state(*store).dead_letters_kept == 0);
  CHECK(state(*store).waiting == 600);
  CHECK(absl::IsNotFound(resend(*store).status()));
  CHECK(absl::IsNotFound(resend(*store, {}, "599").status()));
}

TEST_CASE("who is sent a dead letter of before is left with the state in which the alert is now") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const auto kClosed = v1::ALERT_STATE_CLOSED;
  for (const char* uid : {"same", "grown", "closed"}) commit(*store, make_alert(uid, 1));
  refuse(*store);
  commit(*store, make_alert("grown", 1, 4), Activity::kUpdate);
  commit(*store, make_alert("closed", 1, 2), Activity::kClose, kClosed);

  SECTION("when what is new was delivered already") {
    deliver(*store);
    REQUIRE(resend(*store).ok());
    CHECK(waiting(*store) == Words{"same 1 1", "grown 1 4", "closed 1 1", "closed 3 2"});
  }
  SECTION("when what is new still waits") {
    REQUIRE(resend(*store).ok());
    CHECK(waiting(*store) == Words{"grown 1 4", "closed 1 1", "same 1 1", "closed 3 2"});
  }
  SECTION("when what is new is under way") {
    REQUIRE(waiting(*store).size() == 2);
    REQUIRE(resend(*store).ok());
    CHECK(waiting(*store) == Words{"grown 2 4", "closed 3 2", "same 1 1", "grown 1 4", "closed 1 1", "closed 3 2"});
  }
  SECTION("when it was refused as well") {
    refuse(*store);
    REQUIRE(resend(*store).ok());
    CHECK(waiting(*store) == Words{"same 1 1", "grown 1 4", "closed 1 1", "closed 3 2"});
  }
  CHECK(letters(*store).empty());
}

TEST_CASE("a change that names a dead letter which is not there changes nothing") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (const char* uid : {"a", "b"}) commit(*store, make_alert(uid, 1));
  refuse(*store);
  const auto refused = resend(*store, {1, 7});
  CHECK(absl::IsNotFound(refused.status()));
  CHECK(std::string(refused.status().message()) == "sink 'siem' has no dead letter 7");
  CHECK(letters(*store) == Words{"1 a", "2 b"});
  CHECK(waiting(*store).empty());
  v1::DeadLetterChange other = asked(v1::DEAD_LETTER_ACTION_DROP);
  other.set_sink("other");
  CHECK(absl::IsNotFound(change(*store, other).status()));
  // A number that is named twice is one letter.
  CHECK(resend(*store, {1, 1})->letters() == 1);
}

TEST_CASE("dropped letters are gone, and who did what to letters is kept with them") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    for (const char* uid : {"a", "b", "c"}) commit(*store, make_alert(uid, 1));
    refuse(*store);
    REQUIRE(change(*store, asked(v1::DEAD_LETTER_ACTION_DROP, {1, 3})).ok());
    REQUIRE(resend(*store, {}, "b").ok());
  }
  const auto store = open_store(dir.path());
  CHECK(letters(*store).empty());
  CHECK(waiting(*store) == Words{"b 1 1"});
  CHECK(state(*store).dead_letters == 3);
  std::vector<v1::DeadLetterChange> changes;
  const auto collect = [&](const v1::DeadLetterChange& one) {
    changes.push_back(one);
    return true;
  };
  REQUIRE(store->outbox().for_each_dead_letter_change("", collect).ok());
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].action() == v1::DEAD_LETTER_ACTION_DROP);
  CHECK(changes[0].letters() == 2);
  CHECK(changes[0].by() == "kim");
  CHECK(changes[0].why() == "the receiver is mended");
  CHECK(changes[0].numbers_size() == 2);
  CHECK(changes[1].action() == v1::DEAD_LETTER_ACTION_RESEND);
  CHECK(changes[1].alert_uid() == "b");
  changes.clear();
  REQUIRE(store->outbox().for_each_dead_letter_change("other", collect).ok());
  CHECK(changes.empty());
}

TEST_CASE("dead letters are read in pages, and the newest are found") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (const char* uid : {"a", "b", "c", "d"}) commit(*store, make_alert(uid, 1));
  refuse(*store);
  REQUIRE(resend(*store, {3}).ok());
  CHECK(letters(*store, 0, 2) == Words{"1 a", "2 b"});
  CHECK(letters(*store, 2, 2) == Words{"4 d"});
  CHECK(letters(*store, 4, 2).empty());
  CHECK(*store->outbox().below_newest_dead_letters(kSink, 2) == 1);
  CHECK(*store->outbox().below_newest_dead_letters(kSink, 3) == 0);
  CHECK(*store->outbox().below_newest_dead_letters(kSink, 100) == 0);
  CHECK(*store->outbox().below_newest_dead_letters("other", 1) == 0);
}

TEST_CASE("the newest dead letters are kept also where letters between them were sent again") {
  const TempDir dir;
  auto opened = store::Store::open(dir.path(), {.waiting = 100, .waiting_bytes = 1u << 20, .dead_letters = 3});
  REQUIRE(opened.ok());
  auto& store = **opened;
  for (const char* uid : {"a", "b", "c"}) commit(store, make_alert(uid, 1));
  refuse(store);
  REQUIRE(resend(store, {2}).ok());
  deliver(store);
  for (const char* uid : {"d", "e"}) commit(store, make_alert(uid, 1));
  refuse(store);
  CHECK(letters(store) == Words{"3 c", "4 d", "5 e"});
  CHECK(state(store).dead_letters_kept == 3);
}

TEST_CASE("a change of many letters can be ended between two writes, and what was done stays done") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (int i = 0; i < 600; ++i) commit(*store, make_alert(std::to_string(i), 1));
  refuse(*store);
  int asked_to_go_on = 0;
  const auto ended =
      store->outbox().change_dead_letters(asked(v1::DEAD_LETTER_ACTION_DROP), [&] { return asked_to_go_on++ < 1; });
  CHECK(absl::IsCancelled(ended.status()));
  CHECK(letters(*store).size() == 600 - store::kDeadLettersAtOnce);
  std::uint64_t recorded = 0;
  REQUIRE(store->outbox()
              .for_each_dead_letter_change("",
                                           [&](const v1::DeadLetterChange& one) {
                                             recorded += one.letters();
                                             return true;
                                           })
              .ok());
  CHECK(recorded == store::kDeadLettersAtOnce);
}

// The peer refuses again at once; what it refuses meanwhile is a new letter, not part of the change.
TEST_CASE("letters that are refused again while all are sent again do not go round and round") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (int i = 0; i < 600; ++i) commit(*store, make_alert(std::to_string(i), 1));
  refuse(*store);
  const auto done = store->outbox().change_dead_letters(asked(v1::DEAD_LETTER_ACTION_RESEND), [&] {
    refuse(*store);
    return true;
  });
  REQUIRE(done.ok());
  CHECK(done->letters() == 600);
  refuse(*store);
  CHECK(letters(*store).size() == 600);
  CHECK(state(*store).dead_letters == 1200);
}

}  // namespace bulkhead::test

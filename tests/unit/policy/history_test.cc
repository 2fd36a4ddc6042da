#include "collector/policy/history.h"

#include <atomic>
#include "collector/policy/source.h"
#include "proto/batch/batch.h"
#include "tests/unit/policy/policies.h"
#include "tests/unit/store/fixture.h"

#include <fstream>
#include <thread>

#include "collector/store/own_events.h"

namespace bulkhead::test {

namespace {

const absl::Time kStart = absl::FromUnixSeconds(kBaseSeconds);

// A history over a real store, with its events in the store's log.
struct Kept {
  explicit Kept(const std::filesystem::path& dir) : store(open_store(dir)) {
    auto opened = store::OwnEvents::open(store->log(), store->ledger(), "collector-1");
    REQUIRE(opened.ok());
    own = *std::move(opened);
    auto history_opened = policy::PolicyHistory::open(store->table(), [this](v1::Event event) {
      if (!refuse.ok()) return refuse;
      return own->append(std::move(event)).status();
    });
    REQUIRE(history_opened.ok());
    history = *std::move(history_opened);
  }

  bool take_up(const std::string& text, absl::Time now) {
    const auto taken = history->take_up(parsed(text), now);
    REQUIRE(taken.ok());
    return *taken;
  }

  std::string version_at(absl::Time time) const {
    const auto policy = history->at(time);
    REQUIRE(policy.ok());
    return *policy == nullptr ? "none" : (*policy)->version();
  }

  std::vector<v1::Event> events() const {
    std::vector<v1::Event> all;
    const auto batches = store->log().read({}, 100);
    REQUIRE(batches.ok());
    for (const auto& stored : *batches) {
      const auto unpacked = batch::unpack(stored.batch);
      REQUIRE(unpacked.ok());
      all.insert(all.end(), unpacked->begin(), unpacked->end());
    }
    return all;
  }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::OwnEvents> own;
  absl::Status refuse;
  std::unique_ptr<policy::PolicyHistory> history;
};

}  // namespace

TEST_CASE("each policy is in force from when it was taken up until the next one, also after a restart") {
  const TempDir dir;
  {
    Kept kept(dir.path());
    CHECK(kept.history->current() == nullptr);
    CHECK(kept.version_at(kStart) == "none");
    CHECK(absl::IsNotFound(kept.history->text_at(kStart).status()));
    CHECK(kept.take_up("version: one\n", kStart));
    CHECK(kept.take_up("version: two\n", kStart + absl::Seconds(10)));
    CHECK(kept.take_up("version: three # again\n", kStart + absl::Seconds(20)));
  }
  const Kept kept(dir.path());
  REQUIRE(kept.history->current() != nullptr);
  CHECK(kept.history->current()->version() == "three");
  CHECK(kept.history->current()->valid_from().seconds() == kBaseSeconds + 20);
  CHECK(kept.version_at(kStart - absl::Nanoseconds(1)) == "none");
  CHECK(kept.version_at(kStart) == "one");
  CHECK(kept.version_at(kStart + absl::Seconds(10) - absl::Nanoseconds(1)) == "one");
  CHECK(kept.version_at(kStart + absl::Seconds(10)) == "two");
  CHECK(kept.version_at(kStart + absl::Hours(1000)) == "three");
  const auto text = kept.history->text_at(kStart + absl::Seconds(30));
  REQUIRE(text.ok());
  CHECK(text->text() == "version: three # again\n");
}

TEST_CASE("the file that is in force already makes no new entry, one that was in force before does") {
  const TempDir dir;
  Kept kept(dir.path());
  CHECK(kept.take_up("version: one\n", kStart));
  CHECK_FALSE(kept.take_up("version: one\n", kStart + absl::Seconds(5)));
  CHECK(kept.take_up("version: two\n", kStart + absl::Seconds(10)));
  CHECK(kept.take_up("version: one\n", kStart + absl::Seconds(20)));
  std::vector<std::string> versions;
  REQUIRE(kept.history
              ->for_each([&](const v1::PolicyText& text) {
                versions.push_back(text.policy().version());
                return true;
              })
              .ok());
  CHECK(versions == std::vector<std::string>{"one", "two", "one"});
  const auto newest = kept.history->text_of("one");
  REQUIRE(newest.ok());
  CHECK(newest->policy().valid_from().seconds() == kBaseSeconds + 20);
  CHECK(kept.history->text_of(newest->policy().sha256()).ok());
  CHECK(absl::IsNotFound(kept.history->text_of("three").status()));
}

TEST_CASE("a clock that is set back does not put the next policy before the last one") {
  const TempDir dir;
  Kept kept(dir.path());
  kept.take_up("version: one\n", kStart);
  kept.take_up("version: two\n", kStart - absl::Hours(1));
  CHECK(kept.history->current()->version() == "two");
  CHECK(kept.version_at(kStart) == "one");
  CHECK(kept.version_at(kStart + absl::Nanoseconds(1)) == "two");
}

TEST_CASE("a policy that is taken up is an event of the collector") {
  const TempDir dir;
  Kept kept(dir.path());
  kept.take_up("version: one\n", kStart);
  kept.take_up("version: two\n", kStart + absl::Seconds(10));
  const auto events = kept.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].policy_change().old_version().empty());
  CHECK(events[0].policy_change().new_version() == "one");
  CHECK(events[1].host_id() == "collector");
  CHECK(events[1].probe() == v1::PROBE_COLLECTOR);
  CHECK(events[1].object().kind() == v1::OBJECT_KIND_POLICY);
  CHECK(events[1].object().id() == "two");
  CHECK(events[1].time().seconds() == kBaseSeconds + 10);
  CHECK(events[1].policy_change().old_version() == "one");
  CHECK(events[1].policy_change().sha256() == kept.history->current()->sha256());
}

TEST_CASE("a policy whose event cannot be stored is not in force, now or after a restart") {
  const TempDir dir;
  {
    Kept kept(dir.path());
    kept.take_up("version: one\n", kStart);
    kept.refuse = absl::ResourceExhaustedError("no space left");
    const auto taken = kept.history->take_up(parsed("version: two\n"), kStart + absl::Seconds(1));
    CHECK(absl::IsResourceExhausted(taken.status()));
    CHECK(kept.history->current()->version() == "one");
    CHECK(kept.version_at(kStart + absl::Hours(1)) == "one");
  }
  CHECK(Kept(dir.path()).history->current()->version() == "one");
}

TEST_CASE("a policy that was kept but not told of, for a crash in between, is told of at the next start") {
  const TempDir dir;
  {
    Kept kept(dir.path());
    kept.take_up("version: one\n", kStart);
    REQUIRE(kept.store->table().erase("policy_announced").ok());
  }
  CHECK(Kept(dir.path()).events().size() == 2);
  CHECK(Kept(dir.path()).events().size() == 2);
}

TEST_CASE("a history that cannot be understood is no empty one") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  REQUIRE(store->table().put("policy/0000000000000001", "\xff").ok());
  const auto opened = policy::PolicyHistory::open(store->table(), [](v1::Event) { return absl::OkStatus(); });
  CHECK(absl::IsDataLoss(opened.status()));
}

TEST_CASE("readers see a whole policy at any time while others take up new ones") {
  const TempDir dir;
  Kept kept(dir.path());
  kept.take_up("version: v0\n", kStart);
  std::atomic<bool> over = false;
  std::atomic<int> faults = 0;
  std::thread reader([&] {
    while (!over) {
      const auto now = kept.history->current();
      const auto old = kept.history->at(kStart);
      if (now == nullptr || now->version().empty()) ++faults;
      if (!old.ok() || *old == nullptr || (*old)->version() != "v0") ++faults;
    }
  });
  for (int i = 1; i <= 50; ++i) kept.take_up("version: v" + std::to_string(i) + "\n", kStart + absl::Seconds(i));
  over = true;
  reader.join();
  CHECK(faults == 0);
  CHECK(kept.history->current()->version() == "v50");
}

TEST_CASE("a bad file is refused whole, told as a problem until it is good, and the policy in force stays") {
  const TempDir dir;
  Kept kept(dir.path());
  const std::string path = dir.path() / "policy.yaml";
  int told = 0;
  policy::PolicySource source(path, *kept.history, [&](const policy::PolicyHistory::Pointer&) { ++told; });
  const auto reload = [&] {
    auto file = source.read();
    return file.ok() ? source.take_up(*std::move(file), kStart) : file.status();
  };
  std::ofstream(path) << "version: one\n";
  REQUIRE(reload().ok());
  CHECK(told == 1);
  CHECK(source.problems().empty());

  std::ofstream(path) << "version: two\npeerings: 7\n";
  CHECK(absl::IsInvalidArgument(reload()));
  CHECK(kept.history->current()->version() == "one");
  CHECK(source.problems() == std::vector<std::string>{"the policy file is refused and the policy in force stays: " +
                                                      path + ":2:11: peerings must be a list, not '7'"});
  std::ofstream(path) << "version: one\n";
  REQUIRE(reload().ok());
  CHECK(source.problems().empty());
  CHECK(told == 1);
}

}  // namespace bulkhead::test

#include "collector/grants/grant_book.h"

#include <catch2/catch.hpp>

#include "collector/store/rocksdb_store.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"
#include "tests/unit/alerts/temp_dir.h"
#include "tests/unit/grants/grant_fixture.h"

namespace bulkhead::grants {
namespace {

using test::grant;
using test::moment;
using test::read_at;

// The real table, which refuses on demand.
class FailingTable final : public store::Table {
 public:
  explicit FailingTable(store::Table& inner) : inner_(inner) {}
  absl::Status put(std::string_view key, std::string_view value) override {
    return failing ? absl::UnavailableError("disk on fire") : inner_.put(key, value);
  }
  absl::Status erase(std::string_view key) override { return inner_.erase(key); }
  absl::StatusOr<std::optional<std::string>> get(std::string_view key) override { return inner_.get(key); }
  absl::Status for_each(std::string_view prefix,
                        const std::function<bool(std::string_view, std::string_view)>& visit) override {
    return inner_.for_each(prefix, visit);
  }
  bool failing = false;

 private:
  store::Table& inner_;
};

// A collector's store with a book in it.
class Desk {
 public:
  explicit Desk(const test::TempDir& dir) : store_(*store::Store::open(dir.path() / "data")), table(store_->table()) {
    own_ = *store::OwnEvents::open(store_->log(), store_->ledger(), "collector-1");
    auto opened = GrantBook::open({table, *own_, store_->log(), store_->alerts()});
    INFO(opened.status().message());
    REQUIRE(opened.ok());
    book_ = *std::move(opened);
  }
  GrantBook* operator->() { return book_.get(); }
  store::Store& store() { return *store_; }
  store::OwnEvents& own() { return *own_; }

  std::vector<v1::GrantChange> history() {
    std::vector<v1::GrantChange> changes;
    const auto batches = store_->log().read({}, 1000);
    REQUIRE(batches.ok());
    for (const auto& stored : *batches) {
      const auto events = batch::unpack(stored.batch);
      REQUIRE(events.ok());
      for (const v1::Event& event : *events) {
        CHECK(event.host_id() == limits::kCollectorHost);
        if (event.has_grant_change()) changes.push_back(event.grant_change());
      }
    }
    return changes;
  }

 private:
  std::unique_ptr<store::Store> store_;

 public:
  FailingTable table;

 private:
  std::unique_ptr<store::OwnEvents> own_;
  std::unique_ptr<GrantBook> book_;
};

std::string create(Desk& desk, const v1::Grant& asked = grant(), std::uint32_t approvals = 0, double now = -10) {
  const auto made = desk->create(asked, {.approvals_needed = approvals}, moment(now));
  INFO(made.status().message());
  REQUIRE(made.ok());
  return made->id();
}

v1::ListGrantsRequest everything() {
  v1::ListGrantsRequest request;
  request.set_all(true);
  return request;
}

std::vector<std::string> bytes_of(const std::vector<v1::GrantSummary>& list) {
  std::vector<std::string> bytes;
  for (const auto& summary : list) bytes.push_back(summary.SerializeAsString());
  return bytes;
}

}  // namespace

TEST_CASE("an access inside a grant is authorised by it, and one outside says what is against it") {
  const test::TempDir dir;
  Desk desk(dir);
  CHECK(desk->judge(read_at(10)).grant_id.empty());
  const std::string id = create(desk);
  CHECK(id.starts_with("G-"));
  CHECK(id.size() == 14);
  CHECK(desk->judge(read_at(10)).allowed());
  CHECK(desk->judge(read_at(10)).grant_id == id);
  const auto late = desk->judge(read_at(3600));
  CHECK_FALSE(late.allowed());
  CHECK(late.grant_id == id);
  CHECK(late.deviation == "it expired at 2026-01-02T04:04:05Z");

  v1::Event event = read_at(10);
  event.mutable_object()->set_tenant("globex");
  CHECK(desk->judge(event).grant_id.empty());
  // A customer's own VMM is not whom a grant is for.
  event = read_at(10);
  event.mutable_actor()->set_tenant("globex");
  CHECK(desk->judge(event).grant_id.empty());
  // Two things stand against it: no one thought that it was covered.
  event = read_at(3600);
  event.mutable_actor()->set_login_uid(5);
  CHECK(desk->judge(event).grant_id.empty());
  // Before it was made it did not exist.
  CHECK(desk->judge(read_at(-11)).grant_id.empty());
  // Long over.
  CHECK(desk->judge(read_at(3600 * 24 * 40)).grant_id.empty());
}

TEST_CASE("of several grants the one that covers counts, else the newest that nearly does") {
  const test::TempDir dir;
  Desk desk(dir);
  v1::Grant other = grant();
  other.set_domains(0, "db");
  create(desk, other);
  const std::string covering = create(desk, grant(), 0, -9);
  other.set_domains(0, "mail");
  const std::string newest = create(desk, other, 0, -8);
  CHECK(desk->judge(read_at(10)).grant_id == covering);
  v1::Event event = read_at(10);
  event.mutable_object()->set_domain_name("shop");
  CHECK(desk->judge(event).grant_id == newest);
}

TEST_CASE("two persons: a grant counts once another one approved it") {
  const test::TempDir dir;
  Desk desk(dir);
  const std::string id = create(desk, grant(), 1);
  CHECK(desk->judge(read_at(10)).deviation == "it was not approved");
  CHECK(desk->list({}, moment(5)).at(0).state() == v1::GRANT_STATE_PENDING);
  CHECK(absl::IsFailedPrecondition(desk->approve(id, "kim", moment(5)).status()));
  CHECK(absl::IsInvalidArgument(desk->approve(id, "", moment(5)).status()));
  CHECK(absl::IsNotFound(desk->approve("G-X", "lee", moment(5)).status()));
  REQUIRE(desk->approve(id, "lee", moment(5)).ok());
  CHECK(absl::IsFailedPrecondition(desk->approve(id, "lee", moment(6)).status()));
  CHECK(absl::IsFailedPrecondition(desk->approve(id, "max", moment(6)).status()));
  CHECK(desk->judge(read_at(10)).allowed());
  CHECK_FALSE(desk->judge(read_at(4)).allowed());
  CHECK(desk->list({}, moment(6)).at(0).state() == v1::GRANT_STATE_ACTIVE);
  CHECK(desk->active(moment(6)) == 1);
}

TEST_CASE("a revoked grant authorises nothing from then on, and stays on record") {
  const test::TempDir dir;
  Desk desk(dir);
  const std::string id = create(desk);
  REQUIRE(desk->revoke(id, "lee", "done early", moment(100)).ok());
  CHECK(desk->judge(read_at(99)).allowed());
  CHECK_FALSE(desk->judge(read_at(100)).allowed());
  CHECK(absl::IsFailedPrecondition(desk->revoke(id, "lee", "again", moment(101)).status()));
  CHECK(desk->list({}, moment(101)).empty());
  const auto all = desk->list(everything(), moment(101));
  REQUIRE(all.size() == 1);
  CHECK(all[0].state() == v1::GRANT_STATE_REVOKED);
  CHECK(all[0].history_size() == 2);
  CHECK(all[0].history(1).why() == "done early");
}

TEST_CASE("an expiry is recorded once, with how often the grant was used") {
  const test::TempDir dir;
  Desk desk(dir);
  const std::string used = create(desk);
  const std::string unused = create(desk, grant(), 0, -9);
  v1::Alert record;
  record.set_uid("u1");
  record.set_grant_id(used);
  record.set_state(v1::ALERT_STATE_AUTHORISED);
  record.set_event_count(3);
  desk->note({{.alert = record}});
  record.set_event_count(4);
  desk->note({{.alert = record}});
  REQUIRE(desk->record_expiries(moment(3604), absl::Seconds(5)).ok());
  CHECK(desk.history().size() == 2);
  REQUIRE(desk->record_expiries(moment(3605), absl::Seconds(5)).ok());
  REQUIRE(desk->record_expiries(moment(3606), absl::Seconds(5)).ok());
  const auto history = desk.history();
  REQUIRE(history.size() == 4);
  CHECK(history[2].kind() == v1::GRANT_CHANGE_KIND_EXPIRED);
  CHECK(history[2].grant().id() == used);
  CHECK(history[2].uses() == 4);
  CHECK(history[3].grant().id() == unused);
  CHECK(history[3].uses() == 0);
}

TEST_CASE("a restart brings back every grant, every step and every use") {
  const test::TempDir dir;
  std::vector<std::string> before;
  {
    Desk desk(dir);
    const std::string id = create(desk, grant(), 1);
    REQUIRE(desk->approve(id, "lee", moment(1)).ok());
    create(desk, grant(), 0, -9);
    v1::Alert record;
    record.set_uid("u1");
    record.set_grant_id(id);
    record.set_state(v1::ALERT_STATE_AUTHORISED);
    record.set_event_count(3);
    REQUIRE(desk.store().alerts().commit(std::span(&record, 1), {}).ok());
    desk->note({{.alert = record}});
    before = bytes_of(desk->list(everything(), moment(10)));
    CHECK(desk->list(everything(), moment(10)).at(0).uses() == 3);
  }
  Desk again(dir);
  CHECK(bytes_of(again->list(everything(), moment(10))) == before);
  CHECK(again->judge(read_at(10)).allowed());
}

TEST_CASE("what the table lost comes back from the log") {
  const test::TempDir dir;
  std::vector<std::string> before;
  {
    Desk desk(dir);
    create(desk);
    desk.table.failing = true;
    const std::string id = create(desk, grant(), 0, -9);
    REQUIRE(desk->revoke(id, "lee", "no", moment(2)).ok());
    // Another of the collector's own events after it.
    v1::Event event;
    *event.mutable_time() = test::stamp(3);
    event.mutable_policy_change()->set_new_version("2");
    REQUIRE(desk.own().append(event).ok());
    before = bytes_of(desk->list(everything(), moment(10)));
    REQUIRE(before.size() == 2);
  }
  Desk again(dir);
  CHECK(bytes_of(again->list(everything(), moment(10))) == before);
  // A change after a failure stores what the failure left out.
  const auto first = again->list(everything(), moment(10)).at(0).grant().id();
  REQUIRE(again->revoke(first, "lee", "no", moment(11)).ok());
}

TEST_CASE("what no grant may say is refused before anything is written") {
  const test::TempDir dir;
  Desk desk(dir);
  v1::Grant endless = grant();
  *endless.mutable_until() = test::stamp(3600 * 25);
  CHECK(absl::IsInvalidArgument(desk->create(endless, {}, moment(0)).status()));
  CHECK(desk.history().empty());
}

}  // namespace bulkhead::grants

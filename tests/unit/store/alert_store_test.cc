#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

std::vector<std::string> uids(store::AlertStore& alerts) {
  std::vector<std::string> found;
  REQUIRE(alerts
              .for_each([&](const v1::Alert& alert) {
                found.push_back(alert.uid() + " " + std::to_string(alert.event_count()));
                return true;
              })
              .ok());
  return found;
}

}  // namespace

TEST_CASE("alerts come back oldest first, each once in its last state, with the position they were judged through") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    REQUIRE(store->alerts().judged_through().bytes().empty());
    const std::vector<v1::Alert> first = {make_alert("b", 20), make_alert("a", 30), make_alert("c", 10)};
    REQUIRE(store->alerts().commit(first, store::Position("p1")).ok());
    const std::vector<v1::Alert> grown = {make_alert("b", 20, 5), make_alert("d", 40), make_alert("d", 35, 2)};
    REQUIRE(store->alerts().commit(grown, store::Position("p2")).ok());
    REQUIRE(store->alerts().count() == 4);
  }
  const auto store = open_store(dir.path());
  REQUIRE(uids(store->alerts()) == std::vector<std::string>{"c 1", "b 5", "a 1", "d 2"});
  REQUIRE(store->alerts().count() == 4);
  REQUIRE(store->alerts().judged_through().bytes() == "p2");
}

TEST_CASE("an alert whose beginning moves is not there twice") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  for (const std::int64_t second : {50, 10, 70}) {
    const auto alert = make_alert("a", second, static_cast<std::uint64_t>(second));
    REQUIRE(store->alerts().commit(std::span(&alert, 1), store::Position("p")).ok());
  }
  REQUIRE(uids(store->alerts()) == std::vector<std::string>{"a 70"});
}

TEST_CASE("an alert is found by its uid, in its last state") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  REQUIRE_FALSE((*store->alerts().find("a")).has_value());
  for (const std::int64_t second : {50, 10}) {
    const std::vector<v1::Alert> alerts = {make_alert("a", second, static_cast<std::uint64_t>(second)),
                                           make_alert("b", second)};
    REQUIRE(store->alerts().commit(alerts, store::Position("p")).ok());
  }
  const auto found = store->alerts().find("a");
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  REQUIRE((*found)->event_count() == 10);
  REQUIRE_FALSE((*store->alerts().find("aa")).has_value());
}

TEST_CASE("a listing of alerts ends when its visitor has enough") {
  const TempDir dir;
  const auto store = open_store(dir.path());
  const std::vector<v1::Alert> alerts = {make_alert("a", 1), make_alert("b", 2)};
  REQUIRE(store->alerts().commit(alerts, store::Position("p")).ok());
  int visited = 0;
  REQUIRE(store->alerts().for_each([&](const v1::Alert&) { return ++visited > 5; }).ok());
  REQUIRE(visited == 1);
}

TEST_CASE("the table keeps values over a restart and lists a prefix only") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    REQUIRE(store->table().put("host/a", "1").ok());
    REQUIRE(store->table().put("host/b", "2").ok());
    REQUIRE(store->table().put("host0", "3").ok());
    REQUIRE(store->table().put("gone", "4").ok());
    REQUIRE(store->table().erase("gone").ok());
  }
  const auto store = open_store(dir.path());
  std::string seen;
  REQUIRE(store->table()
              .for_each("host/",
                        [&](std::string_view key, std::string_view value) {
                          seen.append(key).append("=").append(value).append(" ");
                          return true;
                        })
              .ok());
  REQUIRE(seen == "host/a=1 host/b=2 ");
  REQUIRE(*store->table().get("host/b") == "2");
  REQUIRE_FALSE(store->table().get("gone")->has_value());
}

}  // namespace bulkhead::test

// What people do to alerts, silences, grants and rules, through bulkheadctl and the whole collector.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/time/clock.h"
#include "proto/batch/batch.h"
#include "proto/batch/event_time.h"
#include "tests/unit/api/whole_collector.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;
using Json = nlohmann::json;

// gdb of login uid 1000 reads memory of acme's domain "web", now.
class Reader {
 public:
  explicit Reader(const std::string& address) : address_(address) {}

  void read(const std::function<void(v1::Event&)>& change = [](v1::Event&) {}) {
    v1::Event event = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);
    event.set_sequence(++sequence_);
    batch::set_nanoseconds(absl::GetCurrentTimeNanos(), event.mutable_time());
    change(event);
    const auto batches = batch::pack(std::span(&event, 1));
    REQUIRE(batches.ok());
    send_as_agent(address_, batches->front());
  }

 private:
  const std::string address_;
  std::uint64_t sequence_ = 0;
};

std::vector<Json> objects(const Answer& answer) {
  INFO(answer.errors);
  REQUIRE(answer.exit_status == 0);
  std::vector<Json> found;
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) found.push_back(Json::parse(line));
  return found;
}

std::vector<Json> alerts(const std::string& address, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"alerts", "--format", "json"};
  words.insert(words.end(), more.begin(), more.end());
  return objects(ask(address, words));
}

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

std::string grant_id(const Answer& created) {
  INFO(created.errors);
  REQUIRE(created.exit_status == 0);
  return Json::parse(created.out)["id"];
}

const std::vector<std::string> kGrant = {"grants",      "create",      "--tenant",    "acme",   "--domain", "web",
                                         "--operation", "memory-read", "--login-uid", "1000",   "--ticket", "ACME-17",
                                         "--approver",  "ann",         "--why",       "a dump", "--format", "json"};

std::vector<std::string> grant_for(const std::string& span) {
  auto words = kGrant;
  words.insert(words.end(), {"--for", span});
  return words;
}

}  // namespace

TEST_CASE("bulkheadctl acknowledges, closes and shows alerts, and says why it cannot") {
  const TempDir dir;
  const auto collector = start(options_for(dir));
  const std::string address = collector->listen_address();
  Reader(address).read();
  REQUIRE(eventually([&] { return alerts(address).size() == 1; }));
  const std::string uid = alerts(address)[0]["finding_info"]["uid"];
  CHECK(ask(address, {"alerts", "ack", uid}).exit_status == 2);
  CHECK(ask(address, {"alerts", "ack", uid, "--why", "on it", "--by", "kim"}).exit_status == 0);
  CHECK(alerts(address)[0]["status"] == "In Progress");
  CHECK(alerts(address)[0]["comment"] == "kim: on it");
  const Answer again = ask(address, {"alerts", "ack", uid, "--why", "on it"});
  CHECK(again.exit_status == 1);
  CHECK_THAT(again.errors, Contains("acknowledged already"));
  CHECK(ask(address, {"alerts", "close", uid, "--why", "a drill"}).exit_status == 0);
  CHECK(alerts(address, {"--state", "open"}).empty());
  CHECK(alerts(address, {"--state", "closed", "--state", "open"}).size() == 1);
  CHECK_THAT(ask(address, {"alerts", "show", uid}).out, Contains("acknowledged to closed") && Contains("a drill"));
  CHECK(ask(address, {"alerts", "show", "no-such"}).exit_status == 1);
  CHECK(ask(address, {"alerts", "close", "no-such", "--why", "x"}).exit_status == 1);
  CHECK_THAT(ask(address, {"alerts", "--state", "opne"}).errors, Contains("expected open"));
  CHECK_THAT(ask(address, {"status"}).out, Contains("0 open, 0 acknowledged, of 1"));
}

TEST_CASE("a grant makes an access authorised, and each way to exceed it an alert that says so") {
  const TempDir dir;
  const auto collector = start(options_for(dir));
  const std::string address = collector->listen_address();
  Reader reader(address);
  // Without authorisation.
  reader.read();
  REQUIRE(eventually([&] { return alerts(address).size() == 1; }));

  const std::string id = grant_id(ask(address, grant_for("1h")));
  reader.read();
  REQUIRE(eventually([&] { return alerts(address, {"--state", "authorised"}).size() == 1; }));
  CHECK(alerts(address).size() == 1);
  CHECK(alerts(address, {"--grant", id})[0]["is_alert"] == false);
  // On another VM of that customer, and by another person.
  reader.read([](v1::Event& event) { event.mutable_object()->set_domain_name("db"); });
  reader.read([](v1::Event& event) { event.mutable_actor()->set_login_uid(1001); });
  REQUIRE(eventually([&] { return alerts(address).size() == 3; }));
  std::string messages;
  for (const Json& alert : alerts(address)) messages += alert["message"].get<std::string>() + "\n";
  CHECK_THAT(messages, Contains("grant " + id + " does not cover it: domain db is out of its scope"));
  CHECK_THAT(messages, Contains("grant " + id + " does not cover it: it is for login uid 1000"));

  CHECK_THAT(ask(address, {"grants"}).out, Contains(id) && Contains("active") && Contains("ACME-17"));
  REQUIRE(ask(address, {"grants", "revoke", id, "--why", "done"}).exit_status == 0);
  reader.read();
  REQUIRE(eventually([&] { return alerts(address).size() == 4; }));
  CHECK(objects(ask(address, {"grants", "--format", "json"})).empty());
  const auto shown = objects(ask(address, {"grants", "show", id, "--format", "json"}));
  REQUIRE(shown.size() == 1);
  CHECK(shown[0]["state"] == "GRANT_STATE_REVOKED");
  CHECK(shown[0]["uses"] == "1");
  CHECK(ask(address, {"grants", "revoke", id, "--why", "again"}).exit_status == 1);
  CHECK(ask(address, {"grants", "show", "G-0"}).exit_status == 1);
}

TEST_CASE("an expired grant is an alert when someone acts on it, and is on record") {
  const TempDir dir;
  std::string id;
  {
    const auto collector = start(options_for(dir));
    const std::string address = collector->listen_address();
    Reader reader(address);
    id = grant_id(ask(address, grant_for("1s")));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    reader.read();
    REQUIRE(eventually([&] { return alerts(address).size() == 1; }));
    CHECK_THAT(alerts(address)[0]["message"].get<std::string>(), Contains(id) && Contains("it expired at"));
  }
  // The record of its end comes after a restart, too.
  const auto collector = start(options_for(dir));
  const std::string address = collector->listen_address();
  REQUIRE(eventually([&] {
    const auto events = objects(ask(address, {"events", "--format", "json"}));
    return std::ranges::any_of(events, [&](const Json& event) {
      return event.contains("grantChange") && event["grantChange"]["kind"] == "GRANT_CHANGE_KIND_EXPIRED" &&
             event["grantChange"]["grant"]["id"] == id;
    });
  }));
}

TEST_CASE("what a grant needs and does not have is asked for by name") {
  const TempDir dir;
  const auto collector = start(options_for(dir));
  const std::string address = collector->listen_address();
  const auto error = [&](std::vector<std::string> words) {
    const Answer answer = ask(address, std::move(words));
    CHECK(answer.exit_status == 2);
    return answer.errors;
  };
  CHECK_THAT(error({"grants", "create"}), Contains("--tenant, --operation, --ticket, --approver, --why"));
  CHECK_THAT(error(kGrant), Contains("--until or --for"));
  CHECK_THAT(error(grant_for("25h")), Contains("policy"));
  CHECK_THAT(error(grant_for("soon")), Contains("--for: 'soon'"));
  auto words = grant_for("1h");
  words[7] = "memory-pick";
  CHECK_THAT(error(words), Contains("memory-pick") && Contains("volume-write"));
  words = grant_for("1h");
  words[9] = "root";
  CHECK_THAT(error(words), Contains("'root' is no user id"));
  CHECK_THAT(error({"grants", "approve"}), Contains("approve ID"));
  CHECK_THAT(error({"alerts", "--ticket", "x"}), Contains("alerts does not take --ticket"));
}

TEST_CASE("silences are made, listed and ended") {
  const TempDir dir;
  auto options = options_for(dir);
  const std::string file = (dir.path() / "alerts.json").string();
  options.sinks.push_back({.name = "file", .filter = {}, .retry = {}, .target = sinks::FileTarget{file}});
  const auto collector = start(options);
  const std::string address = collector->listen_address();
  CHECK(ask(address, {"silences", "create", "--for", "1h", "--why", "x"}).exit_status == 2);
  const Answer made =
      ask(address, {"silences", "create", "--rule", "MEM-01", "--for", "1h", "--why", "a drill", "--format", "json"});
  REQUIRE(made.exit_status == 0);
  const std::string id = Json::parse(made.out)["id"];
  Reader(address).read();
  REQUIRE(eventually([&] { return alerts(address).size() == 1; }));
  CHECK(alerts(address)[0]["status"] == "Suppressed");
  CHECK_THAT(ask(address, {"silences"}).out, Contains(id) && Contains("rule MEM-01") && Contains("a drill"));
  CHECK_THAT(ask(address, {"status"}).out, Contains("1 in force"));
  CHECK_FALSE(std::filesystem::exists(file));
  REQUIRE(ask(address, {"silences", "end", id, "--why", "over"}).exit_status == 0);
  CHECK(ask(address, {"silences", "end", id, "--why", "over"}).exit_status == 1);
  CHECK(eventually([&] { return std::filesystem::exists(file); }));
  CHECK_THAT(ask(address, {"silences"}).out, Contains("no silences"));
  CHECK_THAT(ask(address, {"silences", "--all"}).out, Contains(id));
}

TEST_CASE("rules are read again without a hole, and wrong ones leave those that run") {
  const TempDir dir;
  auto options = options_for(dir);
  options.rules = (dir.path() / "rules.yaml").string();
  const auto write = [&](const std::string& text) { std::ofstream(options.rules) << text; };
  const auto rule = [](const std::string& id) {
    return "- {rule: " + id + ", desc: d, condition: event.cross_tenant, output: x, priority: LOW}\n";
  };
  write(rule("A-1"));
  const auto collector = start(options);
  const std::string address = collector->listen_address();
  Reader reader(address);
  write(rule("A-1") + "- {rule: broken}\n");
  const Answer refused = ask(address, {"reload"});
  CHECK(refused.exit_status == 2);
  CHECK_THAT(refused.errors, Contains("rules.yaml:2"));
  CHECK_THAT(ask(address, {"status"}).out, Contains("rules were not taken up") && Contains("1 rules"));
  reader.read();
  REQUIRE(eventually([&] { return alerts(address, {"--rule", "A-1"}).size() == 1; }));
  write(rule("A-1") + rule("A-2"));
  CHECK_THAT(ask(address, {"reload"}).out, Contains("2 rules are in force"));
  CHECK_THAT(ask(address, {"status"}).out, Contains("problems    none"));
  reader.read();
  REQUIRE(eventually([&] { return alerts(address, {"--rule", "A-2"}).size() == 1; }));
  write(rule("A-3"));
  collector->hang_up();
  reader.read();
  CHECK(eventually([&] { return alerts(address, {"--rule", "A-3"}).size() == 1; }));
}

}  // namespace bulkhead::test

// What sinks refused, through bulkheadctl and the whole collector.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "bulkhead/v1/control.pb.h"
#include "tests/unit/api/whole_collector.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;
using Json = nlohmann::json;

// The store of a collector whose sink "file" refused alerts "a", "b" and "c".
void refuse_three(const TempDir& dir) {
  const auto store = open_store(dir.path() / "data");
  for (const char* uid : {"a", "b", "c"}) {
    v1::Alert alert = make_alert(uid, 1);
    alert.mutable_rule()->set_id("MEM-01");
    const store::Notice notice{.alert = alert, .activity = store::Activity::kCreate, .sinks = {"file"}};
    REQUIRE(store->alerts().commit(std::span(&alert, 1), {}, std::span(&notice, 1)).ok());
  }
  const auto waiting = store->outbox().take("file", 10);
  REQUIRE(waiting.ok());
  for (const auto& entry : *waiting) {
    REQUIRE(store->outbox().bury("file", entry, "HTTP status 400: \x1b[31mno").ok());
  }
}

std::string with_file_sink(const TempDir& dir, collector::Options& options) {
  const std::string file = (dir.path() / "alerts.json").string();
  options.sinks.push_back({.name = "file", .filter = {}, .retry = {}, .target = sinks::FileTarget{file}});
  return file;
}

std::vector<Json> objects(const Answer& answer) {
  INFO(answer.errors);
  REQUIRE(answer.exit_status == 0);
  std::vector<Json> found;
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) found.push_back(Json::parse(line));
  return found;
}

// Lines that contain the alert's uid, once there is one.
std::size_t arrivals(const std::string& file, const std::string& uid) {
  std::size_t found = 0;
  for (int i = 0; i < 500 && found == 0; ++i) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      found += line.find("\"uid\":\"" + uid + "\"") != std::string::npos ? 1 : 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return found;
}

}  // namespace

TEST_CASE("bulkheadctl lists what a sink refused, sends it again and drops it, and keeps who did so") {
  const TempDir dir;
  refuse_three(dir);
  auto options = options_for(dir);
  const std::string file = with_file_sink(dir, options);
  const auto collector = start(options);
  const std::string address = collector->listen_address();

  const auto sinks = objects(ask(address, {"sinks", "--format", "json"}));
  REQUIRE(sinks.size() == 1);
  CHECK(sinks[0]["status"]["name"] == "file");
  CHECK(sinks[0]["deadLettersKept"] == "3");
  CHECK(sinks[0]["configured"] == true);
  CHECK_THAT(ask(address, {"sinks"}).out, Contains("DEAD LETTERS") && Contains("nothing was sent yet  file /"));

  const auto letters = objects(ask(address, {"sinks", "dead-letters", "file", "--format", "json"}));
  REQUIRE(letters.size() == 3);
  CHECK(letters[0]["number"] == "1");
  CHECK(letters[0]["alertUid"] == "a");
  CHECK(letters[0]["ruleId"] == "MEM-01");
  CHECK(letters[0]["activity"] == "ALERT_ACTIVITY_CREATE");
  CHECK(letters[0]["time"].get<std::string>().starts_with("20"));
  const Answer table = ask(address, {"sinks", "dead-letters", "file", "--limit", "2"});
  CHECK_THAT(table.out, Contains("HTTP status 400: ?[31mno") && Contains("\n2 ") && !Contains("\n1 "));
  CHECK(objects(ask(address, {"sinks", "dead-letters", "file", "--alert", "b", "--format", "json"})).size() == 1);

  const Answer sent = ask(address, {"sinks", "resend", "file", "--letter", "2", "--by", "kim"});
  CHECK(sent.exit_status == 0);
  CHECK_THAT(sent.out, Contains("1 dead letter of file wait"));
  CHECK(arrivals(file, "b") == 1);
  CHECK(ask(address, {"sinks", "resend", "file", "--letter", "2"}).exit_status == 1);
  CHECK(ask(address, {"sinks", "drop", "file", "--alert", "a", "--why", "a drill", "--by", "ann"}).exit_status == 0);
  CHECK(ask(address, {"sinks", "resend", "file", "--all"}).exit_status == 0);
  CHECK(arrivals(file, "c") == 1);
  CHECK(arrivals(file, "b") == 1);
  CHECK_THAT(ask(address, {"sinks", "dead-letters", "file"}).out, Contains("no dead letters"));

  const auto history = objects(ask(address, {"sinks", "history", "--format", "json"}));
  REQUIRE(history.size() == 3);
  CHECK(history[0]["by"] == "kim");
  CHECK(history[0]["numbers"] == Json{"2"});
  CHECK(history[1]["action"] == "DEAD_LETTER_ACTION_DROP");
  CHECK(history[1]["by"] == "ann");
  CHECK(history[1]["why"] == "a drill");
  CHECK(history[2]["letters"] == "1");
  CHECK_THAT(ask(address, {"sinks", "history"}).out, Contains("sent again") && Contains("dropped") && Contains("ann"));
}

TEST_CASE("what a command about dead letters lacks, or names that is not there, is said with the way out") {
  const TempDir dir;
  refuse_three(dir);
  auto options = options_for(dir);
  const auto collector = start(options);
  const std::string address = collector->listen_address();
  const auto error = [&](std::vector<std::string> words, int status) {
    const Answer answer = ask(address, std::move(words));
    CHECK(answer.exit_status == status);
    return answer.errors;
  };
  CHECK_THAT(error({"sinks", "dead-letters", "siem"}, 1), Contains("there is no sink 'siem'; see bulkheadctl sinks"));
  CHECK_THAT(error({"sinks", "resend", "siem", "--all"}, 1), Contains("there is no sink 'siem'"));
  CHECK_THAT(error({"sinks", "resend", "file", "--letter", "9"}, 1), Contains("has no dead letter 9"));
  CHECK_THAT(error({"sinks", "resend", "file", "--alert", "z"}, 1), Contains("has no dead letters of alert z"));
  CHECK_THAT(error({"sinks", "resend", "file"}, 2), Contains("--letter, --alert and --all"));
  CHECK_THAT(error({"sinks", "resend", "file", "--all", "--letter", "1"}, 2), Contains("one of"));
  CHECK_THAT(error({"sinks", "resend", "file", "--letter", "one"}, 2), Contains("'one' is no number"));
  CHECK_THAT(error({"sinks", "drop", "file", "--all"}, 2), Contains("--why"));
  CHECK_THAT(error({"sinks", "drop", "file", "--all", "--why", "a\nb"}, 2), Contains("control characters"));
  CHECK_THAT(error({"sinks", "drop"}, 2), Contains("'sinks drop SINK'"));
  CHECK_THAT(error({"sinks", "dead-letters", "file", "--limit", "1", "--alert", "a"}, 2), Contains("--limit"));
  // Not configured, and yet its dead letters are there: to be dropped, or sent once it is configured again.
  CHECK_THAT(ask(address, {"sinks"}).out, Contains("not configured any more"));
  CHECK(ask(address, {"sinks", "drop", "file", "--all", "--why", "x"}).exit_status == 0);
  CHECK_THAT(ask(address, {"sinks"}).out, Contains("no sinks"));
}

}  // namespace bulkhead::test

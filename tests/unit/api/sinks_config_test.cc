#include <catch2/catch.hpp>
#include <fstream>

#include "collector/figures.h"
#include "collector/options.h"
#include "collector/report_sinks.h"
#include "collector/sinks/make_sinks.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

absl::StatusOr<collector::Command> parse(const TempDir& dir, const std::string& text,
                                         std::vector<std::string> more = {}) {
  const auto path = dir.path() / "c.yaml";
  std::ofstream(path) << text;
  std::vector<std::string> arguments = {"--data-dir", "d", "--config", path.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return collector::parse_command_line(arguments);
}

// From the file's name on; "none" when there is none.
std::string error_of(const std::string& text) {
  const TempDir dir;
  const auto command = parse(dir, text);
  if (command.ok()) return "none";
  REQUIRE(absl::IsInvalidArgument(command.status()));
  const std::string message(command.status().message());
  REQUIRE(message.find('\n') == std::string::npos);
  const auto at = message.find("c.yaml");
  return at == std::string::npos ? message : message.substr(at);
}

// What making the sinks says of a configuration that can be read.
std::string make_error(const std::string& text) {
  const TempDir dir;
  const auto command = parse(dir, text);
  INFO(command.status().message());
  REQUIRE(command.ok());
  const auto made = sinks::make_sinks(command->options.sinks);
  return made.ok() ? "none" : std::string(made.status().message());
}

}  // namespace

TEST_CASE("sinks are read with all that the configuration says of them") {
  const TempDir dir;
  const auto command =
      parse(dir,
            "sinks:\n"
            "  - {name: siem, type: syslog, address: 'siem.example:6514', format: cef, facility: authpriv,\n"
            "     tls: {server_name: other.example}, min_severity: high, tenants: [acme], rules: [MEM-01]}\n"
            "  - {name: am, type: alertmanager, url: 'http://127.0.0.1:9093/am/', resend_seconds: 5}\n"
            "  - {name: bus, type: kafka, brokers: ['a:9092', 'b:9092'], topic: t, timeout_seconds: 3,\n"
            "     retry: {first_seconds: 2, longest_seconds: 5}}\n"
            "  - {name: gone, type: drop}\n");
  INFO(command.status().message());
  REQUIRE(command.ok());
  const auto& all = command->options.sinks;
  REQUIRE(all.size() == 4);
  CHECK(all[0].name == "siem");
  CHECK(all[0].filter.min_severity == v1::SEVERITY_HIGH);
  CHECK(all[0].filter.tenants == std::set<std::string>{"acme"});
  CHECK(all[0].filter.rules == std::set<std::string>{"MEM-01"});
  const auto& syslog = std::get<sinks::SyslogTarget>(all[0].target);
  CHECK(syslog.host == "siem.example");
  CHECK(syslog.port == 6514);
  CHECK(syslog.cef);
  CHECK(syslog.facility == 10);
  REQUIRE(syslog.tls);
  CHECK(syslog.tls->verify);
  CHECK(syslog.tls->server_name == "other.example");
  CHECK(std::get<sinks::AlertmanagerTarget>(all[1].target).resend == std::chrono::seconds(5));
  const auto& kafka = std::get<sinks::KafkaTarget>(all[2].target);
  CHECK(kafka.brokers == "a:9092,b:9092");
  CHECK(kafka.timeout == std::chrono::seconds(3));
  CHECK_FALSE(kafka.tls);
  CHECK(all[2].retry.longest == std::chrono::seconds(5));
  const auto made = sinks::make_sinks(all);
  REQUIRE(made.ok());
  CHECK(made->sinks.size() == 3);
  CHECK(made->dropped == std::vector<std::string>{"gone"});
}

TEST_CASE("the flags for standard output and a file are sinks, and their names are theirs") {
  const TempDir dir;
  const std::string list = "sinks: [{name: siem, type: stdout}]\n";
  const auto command = parse(dir, list, {"--alerts-stdout", "--alerts-file", "a.jsonl"});
  REQUIRE(command.ok());
  REQUIRE(command->options.sinks.size() == 3);
  CHECK(command->options.sinks[1].name == "stdout");
  CHECK(std::get<sinks::FileTarget>(command->options.sinks[2].target).path == "a.jsonl");
  const auto taken = parse(dir, "sinks: [{name: stdout, type: file, path: x}]\n", {"--alerts-stdout"});
  REQUIRE_FALSE(taken.ok());
  CHECK_THAT(std::string(taken.status().message()), Catch::Contains("a sink is named 'stdout'"));
}

TEST_CASE("a wrong sink is one line with the file, the line, and what is near") {
  CHECK(error_of("sinks:\n  - name: a\n    type: syslog\n    adress: x\n") ==
        "c.yaml:4: unknown key 'adress'; did you mean 'address'?");
  CHECK(error_of("sinks:\n  - {name: a, type: sislog}\n") ==
        "c.yaml:2: sink 'a': 'sislog' is no type of sink; did you mean 'syslog'?");
  CHECK(error_of("sinks:\n  - {name: a, type: file, url: x}\n").starts_with("c.yaml:2: unknown key 'url'"));
  CHECK(error_of("sinks:\n  - {name: a, type: file, path: p, min_severity: hihg}\n") ==
        "c.yaml:2: sink 'a': 'hihg' is no severity; did you mean 'high'?");
  CHECK(error_of("sinks:\n  - {name: a, type: file}\n") == "c.yaml:2: sink 'a': 'path' is missing");
  CHECK(error_of("sinks: [{type: stdout}]\n").starts_with("c.yaml:1: 'name' is missing"));
  CHECK(error_of("sinks: [{name: a}]\n") == "c.yaml:1: sink 'a': 'type' is missing");
  CHECK(error_of("sinks: [{name: 'a b', type: stdout}]\n").find("a name is at most 64") != std::string::npos);
  CHECK(error_of("sinks:\n  - {name: a, type: stdout}\n  - {name: a, type: stdout}\n") ==
        "c.yaml:3: sink 'a' is there twice");
  CHECK(error_of("sinks: {name: a}\n") == "c.yaml:1: 'sinks' must be a list");
  CHECK(error_of("sinks: [a]\n").find("a sink must be a mapping") != std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: webhook, url: 'http://a', timeout_seconds: 0}]\n") ==
        "c.yaml:1: 'timeout_seconds' must be a whole number from 1 to 600");
  CHECK(error_of("sinks: [{name: a, type: webhook, url: 'gopher://a'}]\n").find("must begin with http://") !=
        std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: webhook, url: 'http://a', tls: {}}]\n").find("begins with http://") !=
        std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: webhook, url: 'http://a', hmac_keyfile: s}]\n")
            .find("did you mean 'hmac_key_file'") != std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: syslog, address: nowhere}]\n").find("nowhere") != std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: stdout, retry: {first_seconds: 9, longest_seconds: 3}}]\n")
            .find("retry.longest_seconds") != std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: stdout, tenants: acme}]\n").find("must be a list") != std::string::npos);
  CHECK(error_of("sinks: [{name: a, type: drop, path: x}]\n").find("unknown key 'path'") != std::string::npos);
}

TEST_CASE("files that a sink names are checked before anything starts") {
  const TempDir dir;
  const auto file = [&](const std::string& name) { return (dir.path() / name).string(); };
  std::ofstream(file("empty")) << "\nsecret\n";
  std::ofstream(file("password")) << "secret\n";
  const std::string hook = "sinks: [{name: a, type: webhook, url: 'https://a.example/'";
  CHECK_THAT(make_error(hook + ", hmac_key_file: /nonexistent}]\n"),
             Catch::Contains("sink 'a': hmac_key_file /nonexistent: No such file"));
  CHECK_THAT(make_error(hook + ", hmac_key_file: " + file("empty") + "}]\n"), Catch::Contains("first line is empty"));
  CHECK_THAT(make_error(hook + ", tls: {ca_file: /nonexistent}}]\n"), Catch::Contains("ca_file /nonexistent"));
  CHECK_THAT(make_error(hook + ", tls: {ca_file: " + file("password") + "}}]\n"), Catch::Contains("ca_file"));
  CHECK_THAT(make_error(hook + ", tls: {cert_file: x}}]\n"), Catch::Contains("belong together"));
  CHECK_THAT(make_error(hook + ", username: u}]\n"), Catch::Contains("belong together"));
  CHECK(make_error(hook + ", username: u, password_file: " + file("password") + "}]\n") == "none");
  CHECK_THAT(make_error("sinks: [{name: a, type: webhook, url: 'http://a.example/', username: u, password_file: " +
                        file("password") + "}]\n"),
             Catch::Contains("use https"));
  CHECK_THAT(make_error("sinks: [{name: a, type: alertmanager, url: 'http://a/', expire_seconds: 90}]\n"),
             Catch::Contains("at least twice"));
  CHECK_THAT(make_error("sinks: [{name: a, type: kafka, brokers: ['b:1'], topic: t, username: u}]\n"),
             Catch::Contains("belong together"));
  CHECK_THAT(make_error("sinks: [{name: a, type: kafka, brokers: ['b:1'], topic: t, tls: {ca_file: /nonexistent}}]\n"),
             Catch::Contains("sink 'a': ca_file /nonexistent"));
}

TEST_CASE("metrics and status have each sink's figures under its name") {
  sinks::SinkStatistics one;
  one.name = "siem";
  one.waiting = 7;
  one.oldest_waiting = std::chrono::seconds(61);
  one.dead_letters = 3;
  one.delivered = 5;
  one.retries = 2;
  one.connected = true;
  one.problem = "down";
  monitoring::Figures figures;
  collector::add_sink_figures({one}, figures);
  const auto text = figures.text();
  CHECK_THAT(text, Catch::Contains(
                       "# TYPE bulkhead_sink_waiting_alerts gauge\nbulkhead_sink_waiting_alerts{sink=\"siem\"} 7\n"));
  CHECK_THAT(text, Catch::Contains("bulkhead_sink_oldest_waiting_seconds{sink=\"siem\"} 61\n"));
  CHECK_THAT(text, Catch::Contains("bulkhead_sink_connected{sink=\"siem\"} 1\n"));
  CHECK_THAT(text, Catch::Contains("bulkhead_sink_delivered_alerts_total{sink=\"siem\"} 5\n"));
  CHECK_THAT(text, Catch::Contains("bulkhead_sink_retries_total{sink=\"siem\"} 2\n"));
  CHECK_THAT(
      text,
      Catch::Contains(
          "# TYPE bulkhead_sink_dead_letters_total counter\nbulkhead_sink_dead_letters_total{sink=\"siem\"} 3\n"));
  v1::Status status;
  collector::add_sinks({one}, status);
  REQUIRE(status.sinks_size() == 1);
  CHECK(status.sinks(0).waiting() == 7);
  CHECK(status.sinks(0).problem() == "down");
}

}  // namespace bulkhead::test

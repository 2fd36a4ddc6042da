#include "collector/options.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

std::string error_of(const std::vector<std::string>& arguments) {
  const auto command = collector::parse_command_line(arguments);
  if (command.ok()) return "none";
  REQUIRE(absl::IsInvalidArgument(command.status()));
  std::string message(command.status().message());
  REQUIRE(message.find('\n') == std::string::npos);
  return message;
}

std::string config_error(const std::string& text) {
  const TempDir dir;
  const auto path = dir.path() / "collector.yaml";
  std::ofstream(path) << text;
  const auto error = error_of({"--data-dir", "d", "--config", path.string()});
  const auto at = error.find("collector.yaml");
  return at == std::string::npos ? error : error.substr(at);
}

}  // namespace

TEST_CASE("flags have the documented defaults") {
  const auto command = collector::parse_command_line({"--data-dir", "d"});
  REQUIRE(command.ok());
  CHECK(command->options.data_dir == "d");
  CHECK(command->options.listen.text() == "127.0.0.1:7400");
  CHECK(command->options.http->text() == "127.0.0.1:7480");
  CHECK_FALSE(command->options.alerts_stdout);
}

TEST_CASE("a flag goes before the configuration file, and the file before the default") {
  const TempDir dir;
  const auto path = dir.path() / "c.yaml";
  std::ofstream(path) << "data_dir: from-file\nlisten: 127.0.0.1:1\nhttp: 'off'\nrules_dir: r\n"
                         "alerts: {stdout: true, file: a.json}\n";
  const auto command = collector::parse_command_line({"--config", path.string(), "--listen", "127.0.0.1:2"});
  REQUIRE(command.ok());
  CHECK(command->options.data_dir == "from-file");
  CHECK(command->options.listen.port == 2);
  CHECK_FALSE(command->options.http);
  CHECK(command->options.rules == "r");
  CHECK(command->options.alerts_stdout);
  CHECK(command->options.alerts_file == "a.json");
}

TEST_CASE("wrong flags are one line that names them") {
  CHECK(error_of({}).find("--data-dir is missing") != std::string::npos);
  CHECK(error_of({"--data-dir", "d", "--lisen", "x"}).find("lisen") != std::string::npos);
  CHECK(error_of({"--data-dir", "d", "--listen", "nowhere"}).find("nowhere") != std::string::npos);
  CHECK(error_of({"--data-dir", "d", "--listen", "0.0.0.0:7400"}).find("plaintext") != std::string::npos);
  CHECK(error_of({"--data-dir", "d", "--http", "0.0.0.0:7480"}).find("plaintext") != std::string::npos);
  CHECK(error_of({"--data-dir", "d", "--listen", "0.0.0.0:7400", "--allow-plaintext"}) == "none");
  CHECK(error_of({"--data-dir", "d", "stray"}).find("positional") != std::string::npos);
  CHECK(error_of({"--check-config"}) == "none");
}

TEST_CASE("a wrong configuration file is one line with the file, the line, and what is near") {
  CHECK(config_error("listen: 127.0.0.1:1\nlissten: x\n") ==
        "collector.yaml:2: unknown key 'lissten'; did you mean 'listen'?");
  CHECK(config_error("alerts:\n  stdot: true\n") ==
        "collector.yaml:2: unknown key 'alerts.stdot'; did you mean 'stdout'?");
  CHECK(config_error("alerts:\n  stdout: perhaps\n") == "collector.yaml:2: 'alerts.stdout' must be true or false");
  CHECK(config_error("listen: a:1\nlisten: b:1\n") == "collector.yaml:2: 'listen' is there twice");
  CHECK(config_error("listen: [a]\n") == "collector.yaml:1: 'listen' must be a text");
  CHECK(config_error("- a\n").starts_with("collector.yaml:1: "));
  CHECK(config_error("a: [\n").starts_with("collector.yaml:"));
  CHECK(config_error("") == "none");
  CHECK(error_of({"--data-dir", "d", "--config", "/nonexistent/x"}).find("/nonexistent/x") != std::string::npos);
}

}  // namespace bulkhead::test

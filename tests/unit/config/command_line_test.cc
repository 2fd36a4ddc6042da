#include "agent/config/command_line.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/config/temp_dir.h"

using namespace bulkhead::config;
using bulkhead::config::test::TempDir;

namespace {

CommandLine accept(const std::vector<std::string>& arguments) {
  const auto command_line = parse_command_line(arguments);
  INFO(command_line.status());
  REQUIRE(command_line.ok());
  return *command_line;
}

std::string refusal(const std::vector<std::string>& arguments) {
  const auto command_line = parse_command_line(arguments);
  REQUIRE_FALSE(command_line.ok());
  return std::string(command_line.status().message());
}

std::string load_error(const std::vector<std::string>& arguments) {
  return std::string(load_config(accept(arguments)).status().message());
}

}  // namespace

TEST_CASE("the contract's command line is understood") {
  const CommandLine line = accept({"--collector", "127.0.0.1:7400", "--state-dir=/s", "--libvirt", "test:///default",
                                   "--config", "/c", "--check-config"});
  CHECK(line.command == Command::kRun);
  CHECK(line.collector == "127.0.0.1:7400");
  CHECK(line.state_dir == "/s");
  CHECK(line.libvirt_uri == "test:///default");
  CHECK(line.config_file == "/c");
  CHECK(line.check_config);
}

TEST_CASE("the commands and their formats are understood") {
  CHECK(accept({"probes"}).command == Command::kProbes);
  CHECK(accept({"probes"}).format == Format::kTable);
  const CommandLine line = accept({"inventory", "--format", "json", "--libvirt", "test:///default"});
  CHECK(line.command == Command::kInventory);
  CHECK(line.format == Format::kJson);
  CHECK(accept({"-h"}).help);
  CHECK(accept({"--version"}).version);
}

TEST_CASE("what is not understood is refused in one line") {
  CHECK(refusal({"--colector", "x:1"}) == "unknown option '--colector'; did you mean '--collector'?");
  CHECK(refusal({"--collect", "x:1"}) == "unknown option '--collect'; did you mean '--collector'?");
  CHECK(refusal({"inventry"}) == "unknown command 'inventry'; did you mean 'inventory'?");
  CHECK(refusal({"probes", "now"}) == "unexpected argument 'now'");
  CHECK(refusal({"probes", "--format", "jsn"}) == "--format: unknown value 'jsn'; did you mean 'json'?");
  CHECK(refusal({"--collector"}).find("--collector") != std::string::npos);
  CHECK(refusal({"--collector", "a:1", "--collector", "b:1"}).find("--collector") != std::string::npos);
}

TEST_CASE("usage names every option") {
  for (const char* option : {"--collector", "--state-dir", "--libvirt", "--config", "--check-config", "--log-level",
                             "--allow-plaintext", "--format", "--version", "--help"}) {
    CHECK(usage().find(option) != std::string::npos);
  }
}

TEST_CASE("the command line goes over the file and the file over the defaults") {
  const TempDir dir;
  const std::string file =
      dir.write("a.yaml", "collector: file:1\nstate_dir: /file\nhost_id: from-file\nlog_level: debug\n");
  const auto config = load_config(accept({"--config", file, "--collector", "line:2", "--log-level", "error",
                                          "--libvirt", "test:///default", "--allow-plaintext"}));
  INFO(config.status());
  REQUIRE(config.ok());
  CHECK(config->collector == "line:2");
  CHECK(config->state_dir == "/file");
  CHECK(config->host_id == "from-file");
  CHECK(config->log_level == LogLevel::kError);
  CHECK(config->libvirt.uri == "test:///default");
  CHECK(config->allow_plaintext);
}

TEST_CASE("a relative state folder is made absolute") {
  const auto config = load_config(accept({"--collector", "a:1", "--state-dir", "./state"}));
  REQUIRE(config.ok());
  CHECK(config->state_dir == (std::filesystem::current_path() / "state").string());
}

TEST_CASE("values of the command line are checked like the file's") {
  CHECK(load_error({"--collector", "nowhere"}).starts_with("--collector: address 'nowhere': no port"));
  CHECK(load_error({"--collector", "a:1", "--libvirt", "x"}).starts_with("libvirt.uri: 'x' is not"));
  CHECK(load_error({"--collector", "a:1", "--log-level", "loud"}).starts_with("--log-level: unknown value 'loud'"));
  CHECK(load_error({"--collector", "a:1", "--state-dir", ""}).starts_with("state_dir: "));
}

TEST_CASE("to run needs a collector, to look does not") {
  CHECK(load_error({}).starts_with("no collector: "));
  CHECK(load_config(accept({"inventory"})).ok());
  CHECK(load_config(accept({"probes"})).ok());
}

TEST_CASE("the tenant mapping is read and checked with the configuration") {
  const TempDir dir;
  const std::string mapping = dir.write("t.yaml", "- match: {name: a}\n  tenant: acme\n");
  const std::string file = dir.write("a.yaml", "collector: a:1\ntenants: {file: " + mapping + "}\n");
  const auto config = load_config(accept({"--config", file}));
  INFO(config.status());
  REQUIRE(config.ok());
  REQUIRE(config->tenants.rules.size() == 1);
  CHECK(config->tenants.rules[0].tenant == "acme");

  dir.write("t.yaml", "- match: {name: a}\n  tenant: unknown:x\n");
  CHECK(load_error({"--config", file}).starts_with(mapping + ":2:11: "));
}

TEST_CASE("a configuration file that is not there is named") {
  CHECK(absl::IsNotFound(load_config(accept({"--config", "/nowhere/a.yaml"})).status()));
  CHECK(load_error({"--config", "/nowhere/a.yaml"}).starts_with("/nowhere/a.yaml: cannot open"));
}

// The whole collector in one process, with the rules that ship, an agent's stream and bulkheadctl.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/unit/api/whole_collector.h"

namespace bulkhead::test {

TEST_CASE("an event that an agent sends becomes an alert that bulkheadctl lists, also after a restart") {
  const TempDir dir;
  const auto options = options_for(dir);
  {
    const auto collector = start(options);
    const auto address = collector->listen_address();
    std::string written;
    std::getline(std::ifstream(std::filesystem::path(options.data_dir) / "listen.addr"), written);
    REQUIRE(written == address);
    REQUIRE(ask(address, {"alerts"}).out == "no alerts, and nothing is watched: no agent has connected\n");

    send_as_agent(address, make_batch(1, 2));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (ask(address, {"alerts", "--format", "json"}).out.empty() && std::chrono::steady_clock::now() < deadline) {
    }
    collector->stop();
    REQUIRE_FALSE(std::filesystem::exists(std::filesystem::path(options.data_dir) / "listen.addr"));
  }
  const auto collector = start(options);
  const auto address = collector->listen_address();
  const auto alerts = ask(address, {"alerts", "--format", "json", "--rule", "MEM-01"});
  INFO(alerts.out);
  REQUIRE(alerts.exit_status == 0);
  REQUIRE(alerts.out.find("\"class_uid\":2004") != std::string::npos);
  REQUIRE(std::count(alerts.out.begin(), alerts.out.end(), '\n') == 1);
  const auto table = ask(address, {"alerts", "--host", "alpha"});
  REQUIRE(table.out.find("MEM-01") != std::string::npos);
  REQUIRE(table.out.find("gcore") != std::string::npos);

  const auto hosts = ask(address, {"hosts"});
  REQUIRE(hosts.out.find("silent for") != std::string::npos);
  REQUIRE(hosts.out.find("1/2 probes") != std::string::npos);
  const auto events = ask(address, {"events", "--format", "json", "--limit", "1"});
  REQUIRE(events.out.find("\"sequence\":\"2\"") != std::string::npos);
  const auto none = ask(address, {"alerts", "--rule", "NET-03"});
  REQUIRE(none.out ==
          "no alerts that match, from 0 of 2 probes on 1 host, 0 records lost; 1 of them silent now (bulkheadctl "
          "hosts)\n");
  REQUIRE(ask(address, {"status"}).out.find("problems    none") != std::string::npos);
}

TEST_CASE("a collector that is not there cannot be reached: one line and exit status 3") {
  const TempDir dir;
  const auto answer = ask("unix:" + (dir.path() / "nobody").string(), {"hosts"});
  REQUIRE(answer.exit_status == 3);
  REQUIRE(answer.out.empty());
  REQUIRE(answer.errors.find("cannot reach the collector") != std::string::npos);
  REQUIRE(std::count(answer.errors.begin(), answer.errors.end(), '\n') == 1);
}

TEST_CASE("rules that cannot be read keep the collector from starting, and leave its data directory alone") {
  const TempDir dir;
  auto options = options_for(dir);
  options.rules = (dir.path() / "bad.yaml").string();
  std::ofstream(options.rules) << "- rule: X-01\n  conditoin: true\n";
  const auto collector = collector::Collector::start(options);
  REQUIRE(absl::IsInvalidArgument(collector.status()));
  REQUIRE(std::string(collector.status().message()).find("bad.yaml:2") != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(options.data_dir));
}

}  // namespace bulkhead::test

// The whole collector in one process, with the rules that ship, an agent's stream and bulkheadctl.
#include "collector/collector.h"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "bulkhead/v1/ingest.grpc.pb.h"
#include "collector/ctl/commands.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

collector::Options options_for(const TempDir& dir) {
  collector::Options options;
  options.data_dir = (dir.path() / "data").string();
  options.listen = {.host = "127.0.0.1", .port = 0, .path = ""};
  options.http = options.listen;
  return options;
}

std::unique_ptr<collector::Collector> start(const collector::Options& options) {
  auto collector = collector::Collector::start(options);
  if (!collector.ok()) FAIL(std::string(collector.status().message()));
  return *std::move(collector);
}

struct Answer {
  int exit_status = 0;
  std::string out;
  std::string errors;
};

Answer ask(const std::string& address, std::vector<std::string> words) {
  words.insert(words.begin(), {"--collector", address});
  std::ostringstream out;
  std::ostringstream errors;
  const int status = ctl::run(words, out, errors, 120);
  return {status, out.str(), errors.str()};
}

// Sends one batch, and returns once it is acknowledged.
void send_as_agent(const std::string& address, const v1::EventBatch& batch) {
  const auto stub = v1::Ingest::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stream = stub->Stream(&context);
  v1::AgentMessage message;
  auto* hello = message.mutable_hello();
  hello->set_host_id(batch.host_id());
  hello->set_boot_id(batch.boot_id());
  hello->set_hostname("alpha");
  for (const auto state : {v1::PROBE_STATE_ATTACHED, v1::PROBE_STATE_MISSING}) {
    auto* probe = hello->mutable_coverage()->add_probes();
    probe->set_name("memory.process_vm");
    probe->set_state(state);
  }
  REQUIRE(stream->Write(message));
  *message.mutable_batch() = batch;
  REQUIRE(stream->Write(message));
  v1::CollectorMessage answer;
  do {
    REQUIRE(stream->Read(&answer));
  } while (!answer.has_ack());
  stream->WritesDone();
  while (stream->Read(&answer)) {
  }
  REQUIRE(stream->Finish().ok());
}

}  // namespace

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

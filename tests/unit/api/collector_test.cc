#include <grpcpp/grpcpp.h>

// The whole collector in one process, with the rules that ship, an agent's stream and bulkheadctl.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "bulkhead/v1/control.grpc.pb.h"
#include "bulkhead/v1/ingest.grpc.pb.h"
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

TEST_CASE("a policy is in force from the start, is changed by a reload, and a bad file changes nothing") {
  const TempDir dir;
  auto options = options_for(dir);
  options.policy = (dir.path() / "policy.yaml").string();
  const auto write = [&](const std::string& text) { std::ofstream(options.policy) << text; };
  write("version: one # as it was\n");
  const auto collector = start(options);
  const auto address = collector->listen_address();
  REQUIRE(ask(address, {"policy", "show"}).out == "version: one # as it was\n");

  write("version: two\ntenants: [{id: acme}]\n");
  const auto reloaded = collector->reload("a test");
  REQUIRE(reloaded.ok());
  REQUIRE(reloaded->policy_version() == "two");
  REQUIRE(reloaded->rules() > 0);
  REQUIRE(ask(address, {"policy", "show", "--version", "one"}).out == "version: one # as it was\n");
  REQUIRE(ask(address, {"policy", "show", "--format", "json"}).out.find("\"id\":\"acme\"") != std::string::npos);
  const auto before = ask(address, {"policy", "show", "--at", "1h"});
  REQUIRE(before.exit_status == 1);
  REQUIRE(before.errors.find("no policy was in force then") != std::string::npos);
  const auto list = ask(address, {"policy", "list", "--format", "json"});
  REQUIRE(std::count(list.out.begin(), list.out.end(), '\n') == 2);
  const auto diff = ask(address, {"policy", "diff", "one", "two"});
  REQUIRE(diff.exit_status == 1);
  REQUIRE(diff.out == "+ tenants acme\n");
  REQUIRE(ask(address, {"policy", "diff", "two", options.policy}).exit_status == 0);
  const auto events = ask(address, {"events", "--host", "collector", "--format", "json"});
  REQUIRE(events.out.find("\"newVersion\":\"two\"") != std::string::npos);

  write("version: three\ntenants: 7\n");
  REQUIRE(absl::IsInvalidArgument(collector->reload("a test").status()));
  REQUIRE(ask(address, {"policy", "show", "--version", "three"}).exit_status == 1);
  REQUIRE(ask(address, {"status"}).out.find("policy.yaml:2:10: tenants must be a list") != std::string::npos);
  write("version: two\ntenants: [{id: acme}]\n");
  REQUIRE(collector->reload("a test").ok());
  REQUIRE(ask(address, {"status"}).out.find("problems    none") != std::string::npos);
}

TEST_CASE("the last policy stays in force over a restart, also without a policy file, and agents are sent it") {
  const TempDir dir;
  auto options = options_for(dir);
  options.policy = (dir.path() / "policy.yaml").string();
  std::ofstream(options.policy) << "version: one\ntenants: [{id: acme, domains: [{name: a}]}]\n";
  start(options)->stop();
  options.policy.clear();
  const auto collector = start(options);
  const auto address = collector->listen_address();
  REQUIRE(ask(address, {"policy", "show"}).out.starts_with("version: one"));
  REQUIRE(collector->reload("a test")->policy_version() == "one");

  const auto stub = v1::Ingest::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stream = stub->Stream(&context);
  v1::AgentMessage message;
  message.mutable_hello()->set_host_id("host-a");
  message.mutable_hello()->set_boot_id("boot-1");
  REQUIRE(stream->Write(message));
  v1::CollectorMessage answer;
  REQUIRE(stream->Read(&answer));
  REQUIRE(answer.has_welcome());
  REQUIRE(stream->Read(&answer));
  REQUIRE(answer.policy().version() == "one");
  REQUIRE(answer.policy().tenants(0).domains(0).name() == "a");
  REQUIRE(ask(address, {"hosts"}).out.find("  none\n") != std::string::npos);
  message.mutable_health()->set_policy_sha256(answer.policy().sha256());
  REQUIRE(stream->Write(message));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (ask(address, {"hosts"}).out.find("  in force\n") == std::string::npos) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
  context.TryCancel();
}

TEST_CASE("a reload is asked for through the API, by someone") {
  const TempDir dir;
  const auto collector = start(options_for(dir));
  const auto stub =
      v1::Control::NewStub(grpc::CreateChannel(collector->listen_address(), grpc::InsecureChannelCredentials()));
  const auto reload = [&](const std::string& by) {
    grpc::ClientContext context;
    v1::ReloadRequest request;
    request.set_by(by);
    v1::ReloadResponse response;
    const auto status = stub->Reload(&context, request, &response);
    REQUIRE((!status.ok() || response.policy_version().empty()));
    return status.error_code();
  };
  REQUIRE(reload("ann") == grpc::StatusCode::OK);
  REQUIRE(reload("") == grpc::StatusCode::INVALID_ARGUMENT);
  REQUIRE(reload("ann\nforged line") == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("a policy that is refused keeps the collector from starting, and leaves its data directory alone") {
  const TempDir dir;
  auto options = options_for(dir);
  options.policy = (dir.path() / "bad.yaml").string();
  std::ofstream(options.policy) << "version: 1\ntenats: []\n";
  const auto collector = collector::Collector::start(options);
  REQUIRE(absl::IsInvalidArgument(collector.status()));
  REQUIRE(std::string(collector.status().message()).find("bad.yaml:2:1: unknown key 'tenats'") != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(options.data_dir));
}

}  // namespace bulkhead::test

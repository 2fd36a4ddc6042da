#include "tests/unit/api/whole_collector.h"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "bulkhead/v1/ingest.grpc.pb.h"
#include "collector/ctl/commands.h"

namespace bulkhead::test {

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

}  // namespace bulkhead::test

#include "tests/unit/ingest/harness.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

namespace bulkhead::test {

Harness::Harness(ingest::Options options) : store(open_store(dir.path())) {
  start(std::move(options), store->log());
}

Harness::Harness(ingest::Options options, store::EventLog& log, std::unique_ptr<store::Store> opened)
    : store(std::move(opened)) {
  start(std::move(options), log);
}

void Harness::start(ingest::Options options, store::EventLog& log) {
  options.collector_id = "collector-1";
  auto opened = directory::Directory::open(store->table());
  REQUIRE(opened.ok());
  directory = *std::move(opened);
  ingest = std::make_unique<ingest::Ingest>(log, store->ledger(), *directory, std::move(options));
  auto started = api::RpcServer::start({.host = "127.0.0.1", .port = 0, .path = ""}, {&ingest->service()});
  REQUIRE(started.ok());
  server = *std::move(started);
}

Harness::~Harness() {
  ingest->stop(std::chrono::milliseconds(1000));
  server->stop(std::chrono::milliseconds(1000));
}

std::unique_ptr<v1::Ingest::Stub> Harness::stub() const {
  return v1::Ingest::NewStub(grpc::CreateChannel(server->address().text(), grpc::InsecureChannelCredentials()));
}

bool Harness::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

Agent::Agent(const Harness& harness) : stub_(harness.stub()) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  stream_ = stub_->Stream(&context_);
}

Agent::~Agent() {
  context_.TryCancel();
  if (!finished_) finish();
}

bool Agent::send_hello(const std::string& host, const std::string& boot) {
  v1::AgentMessage message;
  message.mutable_hello()->set_host_id(host);
  message.mutable_hello()->set_boot_id(boot);
  return send(message);
}

bool Agent::send_batch(const v1::EventBatch& batch) {
  v1::AgentMessage message;
  *message.mutable_batch() = batch;
  return send(message);
}

std::optional<v1::CollectorMessage> Agent::receive() {
  v1::CollectorMessage message;
  if (!stream_->Read(&message)) return std::nullopt;
  return message;
}

std::optional<std::uint64_t> Agent::receive_ack(std::uint64_t through) {
  while (const auto message = receive()) {
    if (message->has_ack() && message->ack().through_sequence() >= through) return message->ack().through_sequence();
  }
  return std::nullopt;
}

grpc::Status Agent::finish() {
  while (receive()) {
  }
  finished_ = true;
  return stream_->Finish();
}

}  // namespace bulkhead::test

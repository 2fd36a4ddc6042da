// A real ingest over a real store, behind a real gRPC server on a loopback port.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "bulkhead/v1/ingest.grpc.pb.h"
#include "collector/api/rpc_server.h"
#include "collector/ingest/ingest.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

class Harness {
 public:
  explicit Harness(ingest::Options options = {});
  // With another log before the store's, which outlives the harness.
  Harness(ingest::Options options, store::EventLog& log, std::unique_ptr<store::Store> store);
  ~Harness();

  std::unique_ptr<v1::Ingest::Stub> stub() const;
  // Bounded wait for what other threads bring about.
  static bool eventually(const std::function<bool()>& condition);

  TempDir dir;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<ingest::Ingest> ingest;
  std::unique_ptr<api::RpcServer> server;

 private:
  void start(ingest::Options options, store::EventLog& log);
};

// One agent's stream, spoken by hand. Every call is bounded by a deadline of 30 s.
class Agent {
 public:
  explicit Agent(const Harness& harness);
  ~Agent();

  bool send(const v1::AgentMessage& message) { return stream_->Write(message); }
  bool send_hello(const std::string& host = kHost, const std::string& boot = kBoot);
  bool send_batch(const v1::EventBatch& batch);
  // Nothing at the end of the stream.
  std::optional<v1::CollectorMessage> receive();
  // Skips what comes before it.
  std::optional<std::uint64_t> receive_ack(std::uint64_t through);
  void half_close() { stream_->WritesDone(); }
  void cancel() { context_.TryCancel(); }
  // Reads to the end.
  grpc::Status finish();

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::Ingest::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> stream_;
  bool finished_ = false;
};

}  // namespace bulkhead::test

// The peer: a real gRPC server that keeps events as the contract in ingest.proto says, in memory. Tests make it
// misbehave by a hook.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bulkhead/v1/ingest.grpc.pb.h"

namespace bulkhead::test {

// What a collector has, and what it saw. Survives its restarts.
struct Collected {
  std::vector<v1::Hello> hellos;
  std::map<std::string, std::uint64_t> next_sequence;
  // Event ids in the order of their storing: "boot/sequence".
  std::vector<std::string> stored;
  std::vector<v1::SequenceGap> gaps;
  std::vector<v1::Health> healths;
  std::vector<v1::Inventory> inventories;
  std::vector<v1::Coverage> coverages;
  std::size_t batches = 0;
  // Streams that the agent ended in order.
  std::size_t orderly_ends = 0;
  // What an agent must not do. wait() and collected() fail the test over it: Catch2 knows one thread only.
  std::string fault;
};

class TestCollector final : public v1::Ingest::Service {
 public:
  using Answers = std::vector<v1::CollectorMessage>;
  // Returns true when it dealt with the message itself. Called with the lock held.
  using Hook = std::function<bool(const v1::AgentMessage&, Collected&, Answers*)>;

  ~TestCollector() override { stop(); }

  // "127.0.0.1:0" or "unix:/path". Returns where it listens.
  std::string start(const std::string& address);
  // Cuts all streams.
  void stop();

  void set_hook(Hook hook);
  // Waits at most ten seconds; what it returns is checked by the caller.
  bool wait(const std::function<bool(const Collected&)>& predicate);
  Collected collected();
  void change(const std::function<void(Collected&)>& change);

  grpc::Status Stream(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>* stream) override;

 private:
  Answers answer(const v1::AgentMessage& message);

  std::mutex mutex_;
  std::condition_variable changed_;
  Collected collected_;
  Hook hook_;
  std::unique_ptr<grpc::Server> server_;
};

v1::CollectorMessage ack(const std::string& boot_id, std::uint64_t through);
v1::CollectorMessage rewind(const std::string& boot_id, std::uint64_t next);
v1::CollectorMessage welcome(const std::string& boot_id, std::uint64_t next);

}  // namespace bulkhead::test

// One agent's stream, on gRPC's callback API: no thread of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bulkhead/v1/ingest.pb.h"
#include "collector/ingest/hub.h"

namespace bulkhead::ingest {

grpc::Status to_grpc(const absl::Status& status);

// Thread safe. Owned by the hub until gRPC is done with it; work under way holds it too.
class Stream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>,
                     public std::enable_shared_from_this<Stream> {
 public:
  // `hub` outlives the stream.
  Stream(Hub& hub, grpc::CallbackServerContext& context);

  void start(directory::Directory::Connection connection);
  // As soon as gRPC allows it; what waits to be sent is dropped.
  void end(const absl::Status& status);
  // Reads no more, and ends once what was read is stored and answered.
  void end_when_done(const absl::Status& status);
  // The hub's policy goes to the peer as soon as it reads; does nothing before the Hello.
  void send_policy();
  // Cuts off who does not say Hello, or does not take its end.
  void tick(std::chrono::steady_clock::time_point now);

  const std::string& peer() const { return peer_; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Called by the reading side only, without the mutex. A bad status ends the stream.
  absl::Status handle();
  absl::Status take_hello();
  absl::Status take_batch();
  absl::Status take_gap();
  void submit(v1::EventBatch batch, std::uint64_t missing_through, std::size_t bytes);

  void committed(const std::string& boot_id, std::size_t bytes, const absl::StatusOr<store::AppendResult>& result);

  // With the mutex held.
  void answer(const std::string& boot_id, const store::AppendResult& result);
  void push(v1::CollectorMessage message);
  void push_policy();
  void proceed();
  void begin_end(const absl::Status& status, bool drain);
  bool may_read() const;

  Hub& hub_;
  grpc::CallbackServerContext& context_;
  const std::string peer_;
  const std::chrono::steady_clock::time_point opened_;
  directory::Directory::Connection connection_ = 0;  // constant after start()

  // The reading side's: between OnReadDone and the next StartRead.
  v1::AgentMessage incoming_;
  v1::Hello hello_;

  std::mutex mutex_;
  bool greeted_ = false;
  bool reading_ = false;
  bool handling_ = false;
  bool writing_ = false;
  bool finished_ = false;
  std::optional<absl::Status> ending_;
  bool drain_ = false;
  std::chrono::steady_clock::time_point ending_since_;
  std::size_t waiting_batches_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::deque<v1::CollectorMessage> outbox_;
  v1::CollectorMessage outgoing_;
  // The Rewind that was asked for last and has not been followed yet: batches that were under way meanwhile need no
  // further one.
  std::optional<std::pair<std::string, std::uint64_t>> rewound_;
};

}  // namespace bulkhead::ingest

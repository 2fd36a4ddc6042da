// One connection to a collector, from Hello to its end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "agent/spool/spool.h"
#include "agent/stream/feed.h"
#include "agent/stream/progress.h"
#include "agent/stream/stream.h"
#include "agent/stream/wakeup.h"
#include "bulkhead/v1/ingest.grpc.pb.h"

namespace bulkhead::stream {

class Session {
 public:
  // Called on the session's threads.
  struct Observer {
    std::function<void()> welcomed;
    std::function<void()> sent_batch;
    std::function<void()> acknowledged;
  };
  // All of them must outlive the session. `stopping` asks for an orderly end, `wakeup` makes it and new events noticed.
  struct Context {
    const Options& options;
    spool::Spool& spool;
    const Feed& feed;
    Wakeup& wakeup;
    const std::atomic<bool>& stopping;
    Observer observer;
  };

  explicit Session(Context context);

  // Until it ends; OK for an orderly end. To be called once.
  absl::Status run();
  // From any thread: ends run() at once.
  void cancel() { call_context_.TryCancel(); }

  // After run(): the collector acknowledged something.
  bool advanced() const { return progress_.advanced(); }

 private:
  using Call = grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>;

  absl::Status converse();
  absl::Status await_welcome();
  absl::Status send_all();
  absl::Status send_news();
  absl::Status send(const v1::AgentMessage& message);
  // The thread that reads.
  void receive();
  absl::Status handle(const v1::CollectorMessage& message);

  void fail(absl::Status status);
  absl::Status failure() const;
  absl::Status ended_by(const grpc::Status& status) const;
  void end_orderly();

  const Context context_;
  Progress progress_;
  grpc::ClientContext call_context_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Ingest::Stub> stub_;
  std::unique_ptr<Call> call_;

  std::uint64_t inventory_seen_ = 0;
  std::uint64_t coverage_seen_ = 0;
  std::chrono::steady_clock::time_point next_health_;

  mutable std::mutex mutex_;
  // Of the reading thread's side.
  absl::Status failure_;
  std::atomic<bool> welcomed_ = false;
  std::atomic<bool> reading_ended_ = false;
};

}  // namespace bulkhead::stream

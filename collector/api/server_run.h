// What the synchronous services share: errors in gRPC's words, a bound on calls at once, and a stream of answers.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "collector/api/query_run.h"

namespace bulkhead::api {

inline grpc::Status to_grpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

// A place among the calls that run at once.
class Place {
 public:
  Place(std::atomic<std::size_t>& taken, std::size_t limit) : taken_(taken), granted_(++taken <= limit) {}
  ~Place() { --taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool granted() const { return granted_; }

 private:
  std::atomic<std::size_t>& taken_;
  const bool granted_;
};

// What a query needs of its stream: an answer is sent, or the client is gone.
template <typename Message>
class ServerRun final : public QueryRun<Message> {
 public:
  ServerRun(grpc::ServerContext& context, grpc::ServerWriter<Message>& writer, const std::atomic<bool>& stopping)
      : context_(context), writer_(writer), stopping_(stopping) {}

  bool send(const Message& message) override { return !stopping_ && writer_.Write(message); }
  bool is_over() const override { return stopping_ || context_.IsCancelled(); }

 private:
  grpc::ServerContext& context_;
  grpc::ServerWriter<Message>& writer_;
  const std::atomic<bool>& stopping_;
};

}  // namespace bulkhead::api

// The collector's end of the ingest stream (proto/bulkhead/v1/ingest.proto): takes agents' events, stores them, and
// acknowledges them once they survive a power cut.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bulkhead/v1/policy.pb.h"
#include "collector/directory/directory.h"
#include "collector/store/event_log.h"
#include "collector/store/sequence_ledger.h"

namespace grpc {
class Service;
}

namespace bulkhead::ingest {

struct Options {
  std::string collector_id = {};
  // Streams at once; a further one is refused. An agent has one.
  std::size_t max_streams = 2000;
  // A stream that has not said Hello by then is ended.
  std::chrono::milliseconds hello_timeout{10'000};
  // A peer that does not read what ends its stream is cut off after this.
  std::chrono::milliseconds close_timeout{5'000};
  // A stream is not read further while this much of it waits to be stored.
  std::size_t stream_batches = 16;
  std::size_t stream_bytes = 4u << 20;
  // Nor while this much waits in all, but for one batch of each stream.
  std::size_t queue_bytes = 64u << 20;
};

// Since the start, but for `streams`.
struct Statistics {
  std::uint64_t streams = 0;
  std::uint64_t streams_opened = 0;
  // Refused because there were too many.
  std::uint64_t streams_refused = 0;
  // Taken over by a newer stream of the same host.
  std::uint64_t streams_replaced = 0;
  // Ended because of what the peer sent.
  std::uint64_t streams_rejected = 0;
  std::uint64_t batches = 0;
  std::uint64_t batch_bytes = 0;
  // Of the batches: nothing of it was new.
  std::uint64_t batches_duplicate = 0;
  // Of the batches: began beyond the expected sequence and was answered with a Rewind.
  std::uint64_t batches_beyond = 0;
  std::uint64_t gaps_stated = 0;
  std::uint64_t commits = 0;
  std::uint64_t commit_failures = 0;
};

// Thread safe.
class Ingest {
 public:
  // What is referred to outlives the ingest, and the ingest outlives the server that its service is registered with.
  Ingest(store::EventLog& log, store::SequenceLedger& ledger, directory::Directory& directory, Options options);
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  grpc::Service& service();

  // Sent to each agent after its Welcome, and now to those that are connected, in the place of one that still waits to
  // be sent. Without a call, agents are sent none. It must fit a message (limits::kMessageBytes).
  void set_policy(v1::AgentPolicy policy);

  // Ends every stream once what it sent is stored and acknowledged, within about `timeout`; new ones are refused.
  // The server is shut down after this.
  void stop(std::chrono::milliseconds timeout);

  Statistics statistics() const;
  // What needs a person now, a line each.
  std::vector<std::string> problems() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::ingest

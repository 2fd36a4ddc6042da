// All sinks of a collector: says which of them want an alert, and feeds each from its queue in the outbox.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/sinks/backoff.h"
#include "collector/sinks/filter.h"
#include "collector/sinks/sink.h"
#include "collector/store/alert_store.h"
#include "collector/store/outbox.h"

namespace bulkhead::sinks {

class Feeder;

// A sink as the configuration has it.
struct ConfiguredSink {
  // Of its queue. Unique; a sink that is configured under the name later goes on with what waits.
  std::string name;
  Filter filter;
  Retry retry;
  std::unique_ptr<Sink> sink;
};

struct SinkStatistics {
  std::string name;
  // Named by the configuration; else a queue of before.
  bool configured = false;
  // Sink::description(); empty when not configured.
  std::string description;
  // On disk, also from before this start.
  std::uint64_t waiting = 0;
  std::chrono::seconds oldest_waiting{0};
  // Ever since the store began: refused for good by the peer, or pushed out of a full queue.
  std::uint64_t dead_letters = 0;
  // Those of them that are still there.
  std::uint64_t dead_letters_kept = 0;
  // Since start().
  std::uint64_t delivered = 0;
  std::uint64_t retries = 0;
  // The last attempt reached the peer. Always false for a sink that is not configured any more.
  bool connected = false;
  // Empty when all is well.
  std::string problem;
};

// Thread safe, but start() and stop() are for one thread at a time.
class Dispatcher {
 public:
  // The stores outlive the dispatcher. The queues of the sinks in `dropped` are forgotten at the start.
  Dispatcher(store::Outbox& outbox, store::AlertStore& alerts, std::vector<ConfiguredSink> sinks,
             std::vector<std::string> dropped);
  // Stops.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Fails when a queue cannot be dropped or the alert store cannot be read.
  absl::Status start();
  // Returns within about a second whatever the peers do. Safe to repeat.
  void stop();

  // Names of the sinks that want the alert in its present state: for store::Notice. Needs no start.
  std::vector<std::string> recipients(const v1::Alert& alert) const;

  // For log rotation.
  void reopen();

  // Each configured sink, then those that are configured no more and for which alerts wait or dead letters are kept; by
  // name.
  std::vector<SinkStatistics> statistics() const;
  // What needs a person now, a line each; empty when all is well.
  std::vector<std::string> problems() const;

 private:
  struct Channel {
    Filter filter;
    std::unique_ptr<Feeder> feeder;
  };

  absl::Status remember_open_alerts();
  const Channel* channel(const std::string& name) const;

  store::Outbox& outbox_;
  store::AlertStore& alerts_;
  std::vector<Channel> channels_;
  const std::vector<std::string> dropped_;
};

}  // namespace bulkhead::sinks

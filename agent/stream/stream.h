// The agent's end of the ingest stream: what the spool holds goes to the collector, what the collector acknowledges
// leaves the spool. Connects, resumes and reconnects by itself, on threads of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/spool.h"
#include "bulkhead/v1/host.pb.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead::stream {

struct Options {
  // "host:port", "[v6]:port" or "unix:/path".
  std::string collector;
  // Sent as it is at each connect, with the latest coverage and the spool's boots filled in. Its host_id and boot_id
  // must be those of the spool.
  v1::Hello hello;
  // Without it, an address that is neither loopback nor a unix socket is refused: events name tenants and would travel
  // in the clear.
  bool allow_plaintext = false;
  // Called on the stream's thread every health_interval while connected; must not call the stream's drain() or stop().
  std::function<v1::Health()> health;
  std::chrono::milliseconds health_interval{2000};
  // Called on a thread of the stream's with each policy that the collector sends; as `health` otherwise. Nothing of it
  // is checked. May be empty.
  std::function<void(v1::AgentPolicy)> policy;
  // Unacknowledged batches on their way. More hides a longer round trip and makes a reconnect send more twice.
  std::size_t window_batches = 256;
  std::size_t window_bytes = 4u << 20;
  // Wait before the next attempt: doubles from the first to the last, each time with up to half of it taken off at
  // random, so that a fleet does not come back as one.
  std::chrono::milliseconds first_backoff{200};
  std::chrono::milliseconds last_backoff{15000};
  // For the connection, and then again for the collector's Welcome.
  std::chrono::milliseconds connect_timeout{10000};
};

struct State {
  bool connected = false;
  // Why it is not connected; empty before the first attempt and while connected.
  std::string error;
  // Sessions that a collector welcomed.
  std::uint64_t sessions = 0;
  std::uint64_t sent_batches = 0;
  // Highest acknowledged sequence of this boot, as the spool knows it.
  std::uint64_t acknowledged_through = 0;
};

// All members may be called from any thread.
class Stream {
 public:
  // Nothing is connected or started when this fails: kInvalidArgument names the option. `spool` must outlive the
  // stream; it has no other reader, and its listener is taken.
  static absl::StatusOr<std::unique_ptr<Stream>> start(Options options, spool::Spool& spool);
  // Stops without waiting for acknowledgements.
  ~Stream();

  // The latest of each is sent at each connect and when it changes; those between may be left out.
  // kResourceExhausted when it is larger than a message may be: the one before stays.
  absl::Status set_inventory(v1::Inventory inventory);
  absl::Status set_coverage(v1::Coverage coverage);

  State state() const;

  // Waits until the collector has everything that the spool holds, then stops. False when the time did not suffice: the
  // rest stays in the spool.
  bool drain(std::chrono::milliseconds timeout);
  // Ends the stream within about two seconds. May be called twice.
  void stop();

 private:
  class Implementation;
  explicit Stream(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::stream

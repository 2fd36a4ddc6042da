// Sends alerts to a syslog server over TCP or TLS.
//
// Syslog has no acknowledgements: what lies in the peer's receive buffer is lost when it is killed, and the sender is
// told only afterwards, by the connection's end. So an alert counts as delivered when the peer's kernel has it and the
// connection has stayed up for a settling time after that; what was sent within that time before the connection ended
// is sent again, with the same id.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "collector/sinks/peer.h"
#include "collector/sinks/sink.h"
#include "collector/sinks/syslog_message.h"

namespace bulkhead::sinks {

struct SyslogSettings {
  SyslogIdentity identity;
  SyslogPayload payload = SyslogPayload::kOcsf;
  // Of one connection or one batch.
  std::chrono::milliseconds timeout{10000};
  std::chrono::milliseconds settle{1000};
  // Larger messages are refused for good: servers cut what is too large for them, or lose their place in the stream.
  std::size_t max_message_bytes = 192u << 10;
};

class Connection;

class SyslogSink : public Sink {
 public:
  SyslogSink(PeerSettings peer, SyslogSettings settings);
  ~SyslogSink() override;
  const std::string& description() const override { return description_; }
  std::size_t batch_size() const override { return 512; }
  std::vector<absl::Status> deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) override;

 private:
  absl::Status send(const std::string& frames, const std::stop_token& stop);

  const SyslogSettings settings_;
  const std::string description_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace bulkhead::sinks

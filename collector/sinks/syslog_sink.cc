#include "collector/sinks/syslog_sink.h"

#include <fmt/format.h>

#include <utility>

#include "collector/sinks/connection.h"

namespace bulkhead::sinks {

SyslogSink::SyslogSink(PeerSettings peer, SyslogSettings settings)
    : settings_(std::move(settings)),
      description_(fmt::format("syslog {}:{}", peer.host, peer.port)),
      connection_(std::make_unique<Connection>(std::move(peer))) {}

SyslogSink::~SyslogSink() = default;

std::vector<absl::Status> SyslogSink::deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) {
  std::vector<absl::Status> results(deliveries.size());
  std::string frames;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const std::string message = to_syslog(deliveries[i], settings_.identity, settings_.payload);
    if (message.size() > settings_.max_message_bytes) {
      results[i] = absl::InvalidArgumentError(
          fmt::format("a message of {} bytes; at most {} are sent", message.size(), settings_.max_message_bytes));
      continue;
    }
    frames += frame(message);
  }
  if (frames.empty()) return results;
  const absl::Status sent = send(frames, stop);
  if (sent.ok()) return results;
  for (absl::Status& result : results) result.Update(sent);
  return results;
}

absl::Status SyslogSink::send(const std::string& frames, const std::stop_token& stop) {
  const Deadline deadline = std::chrono::steady_clock::now() + settings_.timeout;
  // A server that was started anew since is no failure of this delivery.
  if (!connection_->is_open() || connection_->is_broken()) {
    if (auto status = connection_->open(deadline, stop); !status.ok()) return status;
  }
  if (auto status = connection_->write(frames, deadline, stop); !status.ok()) return status;
  return connection_->settle(settings_.settle, deadline, stop);
}

}  // namespace bulkhead::sinks

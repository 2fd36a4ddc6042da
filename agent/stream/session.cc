#include "agent/stream/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/batch/limits.h"

namespace bulkhead::stream {
namespace {

using std::chrono::steady_clock;

// A collector that takes batches and acknowledges none for so long is as good as gone.
constexpr std::chrono::seconds kAcknowledgeTimeout{60};
// For the collector to end its side after this one did.
constexpr std::chrono::seconds kEndTimeout{1};

std::shared_ptr<grpc::Channel> make_channel(const Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytes));
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, limits::kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limits::kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // The time that one attempt to connect may take; the waits in between are the stream's own.
  const int timeout = static_cast<int>(options.connect_timeout.count());
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, timeout);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A proxy of the environment's would see, and could answer for, the collector.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const bool is_socket = options.collector.starts_with("unix:");
  return grpc::CreateCustomChannel(is_socket ? options.collector : "dns:///" + options.collector,
                                   grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Session::Session(Context context)
    : context_(std::move(context)),
      progress_(context_.spool, {.batches = context_.options.window_batches, .bytes = context_.options.window_bytes}),
      channel_(make_channel(context_.options)),
      stub_(v1::Ingest::NewStub(channel_)) {}

absl::Status Session::run() {
  call_ = stub_->Stream(&call_context_);
  std::thread reader([this] { receive(); });
  const absl::Status status = converse();
  if (status.ok()) {
    end_orderly();
  } else if (!absl::IsUnavailable(status)) {
    // Our own verdict. The collector's end of the call says no more.
    call_context_.TryCancel();
  }
  reader.join();
  const grpc::Status end = call_->Finish();
  if (status.ok()) return status;
  if (absl::Status own = failure(); !own.ok()) return own;
  return absl::IsUnavailable(status) ? ended_by(end) : status;
}

absl::Status Session::converse() {
  v1::AgentMessage hello;
  *hello.mutable_hello() = context_.options.hello;
  if (auto coverage = context_.feed.coverage.newer_than(&coverage_seen_)) {
    *hello.mutable_hello()->mutable_coverage() = *std::move(coverage);
  }
  for (std::string& id : progress_.earlier_boots()) hello.mutable_hello()->add_spooled_boot_ids(std::move(id));
  if (auto status = send(hello); !status.ok()) return status;
  if (auto status = await_welcome(); !status.ok()) return status;
  if (context_.stopping && !welcomed_) return absl::OkStatus();
  context_.observer.welcomed();
  return send_all();
}

absl::Status Session::await_welcome() {
  const auto deadline = steady_clock::now() + context_.options.connect_timeout;
  while (!welcomed_ && !reading_ended_ && !context_.stopping) {
    if (steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("no Welcome from the collector within ", context_.options.connect_timeout.count(), " ms"));
    }
    context_.wakeup.wait_until(deadline);
  }
  return reading_ended_ ? absl::UnavailableError("ended") : absl::OkStatus();
}

absl::Status Session::send_all() {
  next_health_ = steady_clock::now();
  while (!context_.stopping) {
    if (reading_ended_) return absl::UnavailableError("ended");
    if (auto status = send_news(); !status.ok()) return status;
    auto message = progress_.next();
    if (!message.ok()) return message.status();
    if (message->has_value()) {
      if (auto status = send(**message); !status.ok()) return status;
      context_.observer.sent_batch();
      continue;
    }
    if (progress_.finished()) return absl::OkStatus();
    auto deadline = next_health_;
    if (const auto since = progress_.waiting_since()) {
      if (steady_clock::now() - *since > kAcknowledgeTimeout) {
        return absl::DeadlineExceededError(
            absl::StrCat("the collector acknowledged nothing for ", kAcknowledgeTimeout.count(), " s"));
      }
      deadline = std::min(deadline, *since + kAcknowledgeTimeout);
    }
    context_.wakeup.wait_until(deadline);
  }
  // The last figures, so that the collector can balance them against what it stored.
  next_health_ = steady_clock::now();
  return send_news();
}

absl::Status Session::send_news() {
  v1::AgentMessage message;
  if (auto inventory = context_.feed.inventory.newer_than(&inventory_seen_)) {
    *message.mutable_inventory() = *std::move(inventory);
    if (auto status = send(message); !status.ok()) return status;
  }
  if (auto coverage = context_.feed.coverage.newer_than(&coverage_seen_)) {
    *message.mutable_coverage() = *std::move(coverage);
    if (auto status = send(message); !status.ok()) return status;
  }
  if (context_.options.health == nullptr) {
    next_health_ = steady_clock::now() + std::chrono::hours(24);
    return absl::OkStatus();
  }
  if (steady_clock::now() < next_health_) return absl::OkStatus();
  next_health_ = steady_clock::now() + context_.options.health_interval;
  *message.mutable_health() = context_.options.health();
  return send(message);
}

absl::Status Session::send(const v1::AgentMessage& message) {
  return call_->Write(message) ? absl::OkStatus() : absl::UnavailableError("ended");
}

void Session::receive() {
  v1::CollectorMessage message;
  while (call_->Read(&message)) {
    if (absl::Status status = handle(message); !status.ok()) {
      fail(std::move(status));
      break;
    }
    context_.wakeup.signal();
  }
  reading_ended_ = true;
  context_.wakeup.signal();
}

absl::Status Session::handle(const v1::CollectorMessage& message) {
  if (message.message_case() != v1::CollectorMessage::kWelcome && !welcomed_) {
    return absl::InvalidArgumentError("the collector sent something else before its Welcome");
  }
  switch (message.message_case()) {
    case v1::CollectorMessage::kWelcome:
      if (welcomed_) return absl::InvalidArgumentError("the collector sent a second Welcome");
      if (auto status = progress_.begin(message.welcome()); !status.ok()) return status;
      welcomed_ = true;
      return absl::OkStatus();
    case v1::CollectorMessage::kAck:
      if (auto status = progress_.acknowledge(message.ack()); !status.ok()) return status;
      context_.observer.acknowledged();
      return absl::OkStatus();
    case v1::CollectorMessage::kRewind:
      return progress_.rewind(message.rewind());
    case v1::CollectorMessage::kPolicy:
      if (context_.options.policy != nullptr) context_.options.policy(message.policy());
      return absl::OkStatus();
    case v1::CollectorMessage::kLedger:
      // What other hosts kept: this agent has the ledgers of its own alone.
      return absl::OkStatus();
    case v1::CollectorMessage::MESSAGE_NOT_SET:
      return absl::InvalidArgumentError("the collector sent a message that this agent does not know");
  }
  return absl::InvalidArgumentError("the collector sent a message that this agent does not know");
}

void Session::fail(absl::Status status) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(status);
  }
  call_context_.TryCancel();
}

absl::Status Session::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

absl::Status Session::ended_by(const grpc::Status& status) const {
  if (status.ok()) return absl::UnavailableError("the collector ended the stream");
  return absl::UnavailableError(status.error_message().empty()
                                    ? absl::StrCat("the stream ended with gRPC status ", status.error_code())
                                    : status.error_message());
}

void Session::end_orderly() {
  call_->WritesDone();
  const auto deadline = steady_clock::now() + kEndTimeout;
  while (!reading_ended_ && steady_clock::now() < deadline) context_.wakeup.wait_until(deadline);
  if (!reading_ended_) call_context_.TryCancel();
}

}  // namespace bulkhead::stream

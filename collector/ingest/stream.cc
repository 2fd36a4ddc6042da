#include "collector/ingest/stream.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/directory/checks.h"
#include "collector/ingest/missing.h"
#include "proto/batch/batch.h"

namespace bulkhead::ingest {

namespace {
// Answers that a peer may leave unread before it is not read further. Acks of one boot are merged, so a peer that
// reads never comes near.
constexpr std::size_t kOutbox = 64;

// An agent that could state grants or policy could excuse what it did.
bool is_collectors_own(const v1::PackedEvent& event) {
  return event.probe() == v1::PROBE_COLLECTOR || event.has_grant_change() || event.has_policy_change();
}

}  // namespace

grpc::Status to_grpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

Stream::Stream(Hub& hub, grpc::CallbackServerContext& context)
    : hub_(hub), context_(context), peer_(context.peer()), opened_(std::chrono::steady_clock::now()) {}

void Stream::start(directory::Directory::Connection connection) {
  const std::lock_guard lock(mutex_);
  connection_ = connection;
  proceed();
}

void Stream::end(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  begin_end(status, false);
}

void Stream::end_when_done(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  begin_end(status, true);
}

void Stream::send_policy() {
  const std::lock_guard lock(mutex_);
  if (!greeted_ || ending_) return;
  push_policy();
  proceed();
}

void Stream::tick(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!greeted_ && !ending_ && now - opened_ > hub_.options().hello_timeout) {
    ++hub_.counters().streams_rejected;
    begin_end(absl::DeadlineExceededError("no Hello came"), false);
  }
  if (ending_ && !finished_ && now - ending_since_ > hub_.options().close_timeout) {
    drain_ = false;
    if (writing_) context_.TryCancel();
    proceed();
  }
}

void Stream::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok) return begin_end(absl::OkStatus(), true);
    if (ending_) return proceed();
    handling_ = true;
  }
  const absl::Status status = handle();
  const std::lock_guard lock(mutex_);
  handling_ = false;
  if (status.ok()) return proceed();
  if (absl::IsInvalidArgument(status)) {
    ++hub_.counters().streams_rejected;
    spdlog::warn("stream of {} from {} ended: {}", greeted_ ? hello_.host_id() : "an unknown host", peer_,
                 std::string(status.message()));
  }
  begin_end(status, false);
}

void Stream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) return begin_end(absl::CancelledError("the peer is gone"), false);
  proceed();
}

void Stream::OnCancel() {
  end(absl::CancelledError("the stream was cancelled"));
}

void Stream::OnDone() {
  if (greeted_) spdlog::info("host {} disconnected", hello_.host_id());
  // The last use of this object by gRPC: it may end in here.
  hub_.remove(connection_, hello_.host_id());
}

absl::Status Stream::handle() {
  if (!hello_.host_id().empty()) hub_.directory().seen(hello_.host_id(), connection_);
  const bool greeted = !hello_.host_id().empty();
  if (!greeted && incoming_.message_case() != v1::AgentMessage::kHello) {
    return absl::InvalidArgumentError("the first message must be a Hello");
  }
  switch (incoming_.message_case()) {
    case v1::AgentMessage::kHello:
      if (greeted) return absl::InvalidArgumentError("a second Hello");
      return take_hello();
    case v1::AgentMessage::kBatch:
      return take_batch();
    case v1::AgentMessage::kGap:
      return take_gap();
    case v1::AgentMessage::kHealth:
      return hub_.directory().set_health(hello_.host_id(), connection_, incoming_.health());
    case v1::AgentMessage::kInventory:
      return hub_.directory().set_inventory(hello_.host_id(), connection_, incoming_.inventory());
    case v1::AgentMessage::kCoverage:
      return hub_.directory().set_coverage(hello_.host_id(), connection_, incoming_.coverage());
    case v1::AgentMessage::kLedger:
    case v1::AgentMessage::MESSAGE_NOT_SET:
      // A newer agent's message that this version does not know.
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Stream::take_hello() {
  if (auto status = hub_.claim(incoming_.hello(), connection_); !status.ok()) return status;
  v1::CollectorMessage message;
  auto* welcome = message.mutable_welcome();
  welcome->set_collector_id(hub_.options().collector_id);
  std::set<std::string> boots(incoming_.hello().spooled_boot_ids().begin(), incoming_.hello().spooled_boot_ids().end());
  boots.insert(incoming_.hello().boot_id());
  for (const auto& boot_id : boots) {
    const auto ledger = hub_.ledger().boot(incoming_.hello().host_id(), boot_id);
    if (!ledger.ok()) return ledger.status();
    auto* position = welcome->add_positions();
    position->set_boot_id(boot_id);
    position->set_next_sequence(ledger->next_sequence);
  }
  const std::lock_guard lock(mutex_);
  hello_.Swap(incoming_.mutable_hello());
  hello_.clear_coverage();
  greeted_ = true;
  spdlog::info("host {} connected from {}", hello_.host_id(), peer_);
  push(std::move(message));
  push_policy();
  return absl::OkStatus();
}

absl::Status Stream::take_batch() {
  v1::EventBatch& batch = *incoming_.mutable_batch();
  if (batch.host_id() != hello_.host_id())
    return absl::InvalidArgumentError("a batch of another host than the Hello's");
  if (auto status = directory::check_id(batch.boot_id(), "batch.boot_id"); !status.ok()) return status;
  if (auto status = batch::validate(batch); !status.ok()) return status;
  if (std::ranges::any_of(batch.events(), is_collectors_own)) {
    return absl::InvalidArgumentError("a batch with events that only the collector makes");
  }
  const std::size_t bytes = batch.ByteSizeLong();
  ++hub_.counters().batches;
  hub_.counters().batch_bytes += bytes;
  submit(std::move(batch), 0, bytes);
  return absl::OkStatus();
}

absl::Status Stream::take_gap() {
  auto statement = state_missing(hello_.host_id(), incoming_.gap(), absl::Now());
  if (!statement.ok()) return statement.status();
  const std::size_t bytes = statement->ByteSizeLong();
  submit(*std::move(statement), incoming_.gap().through_sequence(), bytes);
  return absl::OkStatus();
}

void Stream::submit(v1::EventBatch batch, std::uint64_t missing_through, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    ++waiting_batches_;
    waiting_bytes_ += bytes;
  }
  Work work{.batch = {}, .missing_through = missing_through, .bytes = bytes, .done = {}};
  work.done = [self = shared_from_this(), boot_id = batch.boot_id(),
               bytes](const absl::StatusOr<store::AppendResult>& result) { self->committed(boot_id, bytes, result); };
  work.batch = std::move(batch);
  hub_.writer().submit(std::move(work));
}

void Stream::committed(const std::string& boot_id, std::size_t bytes,
                       const absl::StatusOr<store::AppendResult>& result) {
  const std::lock_guard lock(mutex_);
  --waiting_batches_;
  waiting_bytes_ -= bytes;
  // The agent comes back and sends again what was not acknowledged.
  if (!result.ok()) return begin_end(absl::UnavailableError(result.status().message()), false);
  answer(boot_id, *result);
  proceed();
}

void Stream::answer(const std::string& boot_id, const store::AppendResult& result) {
  v1::CollectorMessage message;
  if (result.gap) {
    std::pair<std::string, std::uint64_t> target(boot_id, result.next_sequence);
    if (rewound_ == target) return;
    message.mutable_rewind()->set_boot_id(boot_id);
    message.mutable_rewind()->set_next_sequence(result.next_sequence);
    rewound_ = std::move(target);
    return push(std::move(message));
  }
  if (rewound_ && rewound_->first == boot_id) rewound_.reset();
  const std::uint64_t through = result.next_sequence - 1;
  for (auto& waiting : outbox_) {
    if (!waiting.has_ack() || waiting.ack().boot_id() != boot_id) continue;
    waiting.mutable_ack()->set_through_sequence(through);
    return;
  }
  message.mutable_ack()->set_boot_id(boot_id);
  message.mutable_ack()->set_through_sequence(through);
  push(std::move(message));
}

void Stream::push(v1::CollectorMessage message) {
  outbox_.push_back(std::move(message));
}

// Asked for here, so that of two changes at once the newer one is never followed by the older.
void Stream::push_policy() {
  const auto policy = hub_.policy();
  if (policy == nullptr) return;
  for (auto& waiting : outbox_) {
    if (!waiting.has_policy()) continue;
    *waiting.mutable_policy() = *policy;
    return;
  }
  v1::CollectorMessage message;
  *message.mutable_policy() = *policy;
  push(std::move(message));
}

bool Stream::may_read() const {
  if (reading_ || handling_ || ending_ || outbox_.size() >= kOutbox) return false;
  if (waiting_batches_ == 0) return true;
  return waiting_batches_ < hub_.options().stream_batches && waiting_bytes_ < hub_.options().stream_bytes &&
         !hub_.writer().full();
}

void Stream::begin_end(const absl::Status& status, bool drain) {
  if (!ending_) {
    ending_ = status;
    drain_ = drain;
    ending_since_ = std::chrono::steady_clock::now();
  } else if (!drain && drain_) {
    ending_ = status;
    drain_ = false;
  }
  proceed();
}

// Starts whatever may be started now. Every change of the state above ends in here.
void Stream::proceed() {
  if (finished_ || connection_ == 0) return;
  if (ending_ && !drain_) outbox_.clear();
  if (!writing_ && !outbox_.empty()) {
    outgoing_ = std::move(outbox_.front());
    outbox_.pop_front();
    writing_ = true;
    StartWrite(&outgoing_);
  }
  if (ending_ && !writing_ && !handling_ && (!drain_ || waiting_batches_ == 0)) {
    finished_ = true;
    Finish(to_grpc(*ending_));
    return;
  }
  if (may_read()) {
    reading_ = true;
    incoming_.Clear();
    StartRead(&incoming_);
  }
}

}  // namespace bulkhead::ingest

#include "tests/support/stage/alert_stream.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/interrupt.h"

namespace bulkhead::stage {
namespace {

using google::protobuf::Value;

// The value at a path of keys; "0" is the first element of a list. Null when it is not there.
const Value* at(const Value& root, std::initializer_list<const char*> path) {
  const Value* value = &root;
  for (const std::string key : path) {
    if (key == "0") {
      if (value->list_value().values().empty()) return nullptr;
      value = &value->list_value().values(0);
      continue;
    }
    const auto& fields = value->struct_value().fields();
    const auto found = fields.find(key);
    if (found == fields.end()) return nullptr;
    value = &found->second;
  }
  return value;
}

std::string text_at(const Value& root, std::initializer_list<const char*> path) {
  const Value* value = at(root, path);
  return value == nullptr ? "" : value->string_value();
}

void take_newest(const Value* evidences, Alert& alert) {
  if (evidences == nullptr) return;
  for (const Value& evidence : evidences->list_value().values()) {
    const Value* time = at(evidence, {"data", "time"});
    if (time == nullptr) continue;
    const std::chrono::system_clock::time_point acted(Milliseconds(static_cast<int64_t>(time->number_value())));
    if (acted < alert.acted) continue;
    alert.acted = acted;
    const Value* pid = at(evidence, {"actor", "process", "pid"});
    alert.actor_pid = pid == nullptr ? 0 : static_cast<pid_t>(pid->number_value());
  }
}

}  // namespace

absl::StatusOr<Alert> parse_alert(const std::string& json) {
  Value finding;
  if (!google::protobuf::util::JsonStringToMessage(json, finding.mutable_struct_value()).ok())
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", json));
  const Value* class_uid = at(finding, {"class_uid"});
  if (class_uid == nullptr || class_uid->number_value() != 2004)
    return absl::InvalidArgumentError(absl::StrCat("no OCSF Detection Finding (class_uid 2004): ", json));
  Alert alert;
  alert.json = json;
  alert.uid = text_at(finding, {"finding_info", "uid"});
  alert.rule = text_at(finding, {"finding_info", "analytic", "uid"});
  alert.object_tenant = text_at(finding, {"metadata", "tenant_uid"});
  alert.actor_tenant = text_at(finding, {"unmapped", "actor_tenant"});
  take_newest(at(finding, {"evidences"}), alert);
  alert.object = text_at(finding, {"resources", "0", "uid"});
  alert.message = text_at(finding, {"message"});
  if (alert.uid.empty() || alert.rule.empty())
    return absl::InvalidArgumentError(absl::StrCat("a finding without uid or rule: ", json));
  return alert;
}

AlertStream::AlertStream(ChildProcess& collector, Listener listener)
    : collector_(collector),
      listener_(std::move(listener)),
      reader_([this](const std::stop_token& stop) { read(stop); }) {}

void AlertStream::read(const std::stop_token& stop) {
  // How long a stream that is being destroyed waits for its thread.
  constexpr Milliseconds kSlice(100);
  while (!stop.stop_requested()) {
    const auto line = collector_.read_line(kSlice);
    if (absl::IsDeadlineExceeded(line.status())) continue;
    auto alert = line.ok() ? parse_alert(*line) : absl::StatusOr<Alert>(line.status());
    const std::lock_guard lock(mutex_);
    if (alert.ok()) {
      alert->received = std::chrono::system_clock::now();
      seen_.push_back(*alert);
      if (listener_) listener_(seen_.back());
    } else {
      end_ = alert.status();
    }
    changed_.notify_all();
    if (!end_.ok()) return;
  }
}

absl::StatusOr<Alert> AlertStream::wait_for(const std::function<bool(const Alert&)>& predicate, Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex_);
  for (size_t next = 0;; ++next) {
    const auto more = [&] { return next < seen_.size() || !end_.ok(); };
    if (interrupted()) return absl::CancelledError("interrupted");
    if (!changed_.wait_until(lock, deadline, more)) return absl::DeadlineExceededError("no such alert came");
    if (next == seen_.size()) return end_;
    if (predicate(seen_[next])) return seen_[next];
  }
}

std::vector<Alert> AlertStream::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace bulkhead::stage

#include "collector/alerts/detector.h"

#include <utility>

#include "proto/batch/batch.h"

namespace bulkhead::alerts {

Detector::Detector(std::shared_ptr<const detect::RuleSet> rules, Authoriser authoriser, Grouper grouper)
    : rules_(std::move(rules)), engine_(rules_), authoriser_(std::move(authoriser)), grouper_(std::move(grouper)) {}

absl::Status Detector::judge(const v1::EventBatch& batch) {
  if (auto status = go_on(); !status.ok()) return status;
  auto events = batch::unpack(batch);
  if (!events.ok()) return absl::InvalidArgumentError(events.status().message());
  events_ = *std::move(events);
  next_event_ = 0;
  return go_on();
}

absl::Status Detector::go_on() {
  for (; next_event_ < events_.size(); ++next_event_) {
    const v1::Event& event = events_[next_event_];
    if (!std::exchange(judged_, true)) {
      findings_ = engine_.evaluate(event);
      findings_rules_ = rules_;
      next_finding_ = 0;
      taken_findings_ += findings_.size();
      authorisation_ = findings_.empty() || !authoriser_ ? Authorisation() : authoriser_(event);
    }
    for (; next_finding_ < findings_.size(); ++next_finding_) {
      if (auto status = grouper_.add(findings_[next_finding_], event, authorisation_); !status.ok()) return status;
    }
    judged_ = false;
  }
  return absl::OkStatus();
}

void Detector::set_rules(std::shared_ptr<const detect::RuleSet> rules) {
  rules_ = std::move(rules);
  engine_ = detect::Engine(rules_);
}

std::uint64_t Detector::take_findings() {
  return std::exchange(taken_findings_, 0);
}

}  // namespace bulkhead::alerts

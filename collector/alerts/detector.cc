#include "collector/alerts/detector.h"

#include <utility>

#include "proto/batch/batch.h"

namespace bulkhead::alerts {

Detector::Detector(std::shared_ptr<const detect::RuleSet> rules, Authoriser authoriser, Grouper grouper)
    : rules_(std::move(rules)),
      detector_(std::in_place, rules_),
      authoriser_(std::move(authoriser)),
      grouper_(std::move(grouper)) {
  meter_.set_rules(*rules_);
}

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
      findings_ = findings_of(event, meter_.observe_next());
      for (const auto& found : findings_) meter_.found(found.finding.rule->reference.id());
      findings_rules_ = rules_;
      next_finding_ = 0;
      taken_findings_ += findings_.size();
    }
    for (; next_finding_ < findings_.size(); ++next_finding_) {
      const detect::CorrelatedFinding& found = findings_[next_finding_];
      const v1::Event& about = found.event == nullptr ? event : *found.event;
      if (auto status = grouper_.add(found.finding, about, found.event == nullptr ? authorisation_ : Authorisation());
          !status.ok()) {
        return status;
      }
    }
    judged_ = false;
  }
  return absl::OkStatus();
}

// What someone may do does not add up to anything either: it goes past the correlations.
std::vector<detect::CorrelatedFinding> Detector::findings_of(const v1::Event& event, detect::RuleObserver* observer) {
  std::vector<detect::Finding> base = detector_->base(event, observer);
  authorisation_ = base.empty() || !authoriser_ ? Authorisation() : authoriser_(event);
  return detector_->judge(event, std::move(base), !authorisation_.allowed(), observer);
}

void Detector::remember(const v1::EventBatch& batch) {
  const auto events = batch::unpack(batch);
  if (!events.ok()) return;
  for (const v1::Event& event : *events) findings_of(event, nullptr);
}

void Detector::set_rules(std::shared_ptr<const detect::RuleSet> rules) {
  rules_ = std::move(rules);
  detector_.emplace(rules_);
  meter_.set_rules(*rules_);
}

std::uint64_t Detector::take_findings() {
  return std::exchange(taken_findings_, 0);
}

}  // namespace bulkhead::alerts

// What happens to one event: rules judge it, authorisations are asked, findings are grouped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/alerts/authorisation.h"
#include "collector/alerts/grouper.h"
#include "collector/alerts/rule_meter.h"
#include "collector/detect/detector.h"

namespace bulkhead::alerts {

// Not thread safe.
class Detector {
 public:
  // Without an authoriser nothing is ever allowed.
  Detector(std::shared_ptr<const detect::RuleSet> rules, Authoriser authoriser, Grouper grouper);

  // Judges the batch's events, after what is unfinished. kInvalidArgument: the batch cannot be unpacked, and is passed
  // over. Any other error is that of the alerts' store: what is left is unfinished, and go_on() begins where it was.
  absl::Status judge(const v1::EventBatch& batch);
  absl::Status go_on();

  // A batch is half judged.
  bool unfinished() const { return next_event_ < events_.size(); }

  // Correlations begin anew with them.
  void set_rules(std::shared_ptr<const detect::RuleSet> rules);

  // Feeds correlations with what was judged before, and finds nothing.
  void remember(const v1::EventBatch& batch);
  // How far back that is of use.
  absl::Duration horizon() const { return detector_->correlator().horizon(); }
  std::vector<detect::CorrelationStatistics> correlations() const { return detector_->correlator().statistics(); }

  Grouper& grouper() { return grouper_; }
  RuleMeter& meter() { return meter_; }
  // Findings since the last call, authorised ones too.
  std::uint64_t take_findings();

 private:
  std::vector<detect::CorrelatedFinding> findings_of(const v1::Event& event, detect::RuleObserver* observer);

  std::shared_ptr<const detect::RuleSet> rules_;
  std::optional<detect::Detector> detector_;
  const Authoriser authoriser_;
  Grouper grouper_;
  RuleMeter meter_;

  // The batch under way: where it is, and the findings of its event.
  std::vector<v1::Event> events_;
  std::size_t next_event_ = 0;
  std::vector<detect::CorrelatedFinding> findings_;
  // What the findings point into.
  std::shared_ptr<const detect::RuleSet> findings_rules_;
  Authorisation authorisation_;
  std::size_t next_finding_ = 0;
  bool judged_ = false;
  std::uint64_t taken_findings_ = 0;
};

}  // namespace bulkhead::alerts

#include "collector/alerts/stage.h"

#include <utility>

#include "collector/alerts/stage_worker.h"

namespace bulkhead::alerts {

DetectionStage::DetectionStage(StageSources sources, StageOptions options)
    : worker_(std::make_unique<StageWorker>(std::move(sources), options)) {}

DetectionStage::~DetectionStage() {
  stop();
}

absl::Status DetectionStage::start() {
  return worker_->start();
}

void DetectionStage::stop() {
  worker_->stop();
}

std::uint64_t DetectionStage::lag_events() const {
  return worker_->lag_events();
}

std::vector<std::string> DetectionStage::problems() const {
  return worker_->problems();
}

StageStatistics DetectionStage::statistics() const {
  return worker_->statistics();
}

bool DetectionStage::wait_until_caught_up(std::chrono::milliseconds timeout) {
  return worker_->wait_until_caught_up(timeout);
}

std::shared_ptr<Subscription> DetectionStage::subscribe(std::function<void()> notify, std::size_t capacity) {
  return worker_->followers().subscribe(std::move(notify), capacity);
}

absl::StatusOr<v1::Alert> DetectionStage::change_alert(const v1::ChangeAlertRequest& request) {
  return worker_->change_alert(request);
}

void DetectionStage::set_rules(std::shared_ptr<const detect::RuleSet> rules) {
  worker_->set_rules(std::move(rules));
}

}  // namespace bulkhead::alerts

// Posts alerts to a Prometheus Alertmanager, API v2.
//
// An Alertmanager keeps alerts in memory and forgets one that is past its endsAt: those that are open are posted again
// well before that, which also tells an Alertmanager that was started anew. Its identity of an alert are the labels, so
// only what a person groups and routes by is there: alerts of one rule, severity, host and pair of tenants are one
// alert to it, that ends with the last of them.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "collector/sinks/http_client.h"
#include "collector/sinks/sink.h"

namespace bulkhead::sinks {

struct AlertmanagerSettings {
  // Between two posts of an alert that is open.
  std::chrono::milliseconds resend{60000};
  // endsAt is this far ahead.
  std::chrono::milliseconds expire{300000};
  // Sets of labels kept alive at once; beyond it the alerts that came first expire unless something new comes of them.
  std::size_t max_open = 20000;
};

class AlertmanagerSink : public Sink {
 public:
  AlertmanagerSink(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout, std::string authorization,
                   AlertmanagerSettings settings);
  const std::string& description() const override { return description_; }
  std::size_t batch_size() const override { return 64; }
  std::vector<absl::Status> deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) override;
  absl::Status keep_up(const std::stop_token& stop) override;
  bool wants_open_alerts() const override { return true; }
  void remember(const v1::Alert& alert) override;

 private:
  using Clock = std::chrono::steady_clock;
  // A set of labels, written as JSON.
  using Labels = std::string;
  struct Alert {
    std::uint64_t count = 0;
    std::int64_t first_seconds = 0;  // since the epoch
  };
  struct Group {
    // By uid. Of very many alike some are left out: they neither count nor hold up the end.
    std::map<std::string, Alert> open;
    std::uint64_t number = 0;  // in by_age_
    // What came last, which is also what is told when none is open any more.
    Alert last;
    std::string message;
  };

  // The labels that have to be posted for it.
  std::set<Labels> apply(const v1::Alert& alert, Activity activity);
  void forget_oldest();
  std::string body(const std::set<Labels>& groups) const;
  absl::Status post(const std::set<Labels>& groups, const std::stop_token& stop);
  // Removes groups in which nothing is open, once that was told.
  void sweep(const std::set<Labels>& told);

  const AlertmanagerSettings settings_;
  const std::string description_;
  const std::string target_;
  HttpClient client_;

  std::map<Labels, Group> groups_;
  std::map<std::uint64_t, Labels> by_age_;
  std::map<std::string, Labels> labels_of_;  // of open alerts, by uid
  std::uint64_t next_number_ = 0;
  // What is still to be posted in this round of posting again.
  std::set<Labels> to_resend_;
  Clock::time_point resend_at_{};
};

}  // namespace bulkhead::sinks

// The collector's side: a real store, and sinks as the configuration would make them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collector/sinks/dispatcher.h"
#include "collector/sinks/make_sinks.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::test {

// Short pauses: the tests kill peers, and must not wait for a minute for the next attempt.
inline sinks::SinkSettings settings_of(const std::string& name, sinks::Target target) {
  return {.name = name,
          .filter = {},
          .retry = {.first = std::chrono::milliseconds(50), .longest = std::chrono::milliseconds(400)},
          .target = std::move(target)};
}

class Sender {
 public:
  Sender(const TempDir& dir, const std::vector<sinks::SinkSettings>& settings)
      : store_(open_store(dir.path() / "data")) {
    auto made = sinks::make_sinks(settings);
    if (!made.ok()) FAIL(std::string(made.status().message()));
    dispatcher_ = std::make_unique<sinks::Dispatcher>(store_->outbox(), store_->alerts(), std::move(made->sinks),
                                                      std::move(made->dropped));
    REQUIRE(dispatcher_->start().ok());
  }

  // One alert, to all sinks that want it.
  void send(const v1::Alert& alert, store::Activity activity = store::Activity::kCreate) {
    tell(*store_, alert, dispatcher_->recipients(alert), activity);
  }
  // Alerts "alert-<first>" to "alert-<last>".
  void send_range(int first, int last) {
    for (int i = first; i <= last; ++i) send(alert_with("alert-" + std::to_string(i)));
  }

  sinks::SinkStatistics statistics(const std::string& name) const {
    for (const auto& one : dispatcher_->statistics()) {
      if (one.name == name) return one;
    }
    FAIL("no sink " << name);
    return {};
  }

  bool drained(const std::string& name, std::chrono::seconds limit = std::chrono::seconds(15)) const {
    return eventually([&] { return statistics(name).waiting == 0; }, limit);
  }

  sinks::Dispatcher& dispatcher() { return *dispatcher_; }
  store::Outbox& outbox() { return store_->outbox(); }

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sinks::Dispatcher> dispatcher_;
};

}  // namespace bulkhead::test

// Alerts, and how far in the log detection has come: written together, so that a crash neither loses nor repeats one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/alert.pb.h"
#include "collector/store/event_log.h"
#include "collector/store/outbox.h"

namespace bulkhead::store {

// Alerts that people still have to do with.
struct AlertStates {
  std::uint64_t open = 0;
  std::uint64_t acknowledged = 0;
};

// Thread safe.
class AlertStore {
 public:
  virtual ~AlertStore() = default;

  // Writes new and grown alerts (by uid), what sinks are to hear of them, and the position through which events are
  // judged, atomically.
  virtual absl::Status commit(std::span<const v1::Alert> changed, const Position& judged_through,
                              std::span<const Notice> notices) = 0;
  // The same without telling anyone.
  absl::Status commit(std::span<const v1::Alert> changed, const Position& judged_through) {
    return commit(changed, judged_through, {});
  }

  virtual Position judged_through() = 0;

  // Nothing when there is no alert of that uid.
  virtual absl::StatusOr<std::optional<v1::Alert>> find(const std::string& uid) = 0;

  // Oldest first by first_time; stops when `visit` returns false.
  virtual absl::Status for_each(const std::function<bool(const v1::Alert&)>& visit) = 0;

  virtual std::uint64_t count() = 0;
  virtual AlertStates count_states() = 0;
};

}  // namespace bulkhead::store

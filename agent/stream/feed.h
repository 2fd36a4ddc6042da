// What the stream sends beside events: the latest inventory and coverage, and health when it is asked for.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "bulkhead/v1/host.pb.h"

namespace bulkhead::stream {

// A value of which only the latest counts. Thread safe.
template <typename Value>
class Latest {
 public:
  void set(Value value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    ++version_;
  }

  // The value when it is newer than `seen`, which it then updates.
  std::optional<Value> newer_than(std::uint64_t* seen) const {
    const std::lock_guard lock(mutex_);
    if (version_ == *seen) return std::nullopt;
    *seen = version_;
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  Value value_;
  // 0: never set.
  std::uint64_t version_ = 0;
};

struct Feed {
  Latest<v1::Inventory> inventory;
  Latest<v1::Coverage> coverage;
};

}  // namespace bulkhead::stream

// The queues behind DetectionStage::subscribe(). Private to this folder.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "collector/alerts/stage.h"

namespace bulkhead::alerts {

class FollowerQueue : public Subscription {
 public:
  FollowerQueue(std::function<void()> notify, std::size_t capacity);

  std::optional<v1::Alert> try_next() override;
  std::optional<v1::Alert> next(std::chrono::milliseconds timeout) override;
  std::uint64_t take_missed() override;
  bool closed() const override;

  void push(const v1::Alert& alert);
  void close();
  // Without the queue's lock, so that it may take from the queue.
  void notify() const;

 private:
  const std::function<void()> notify_;
  const std::size_t capacity_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<v1::Alert> queue_;
  std::uint64_t missed_ = 0;
  bool closed_ = false;
};

// Thread safe.
class Followers {
 public:
  std::shared_ptr<Subscription> subscribe(std::function<void()> notify, std::size_t capacity);
  void publish(const std::vector<Change>& changes);
  // Closes all; later ones are closed from the start until open() is called.
  void close();
  void open();

 private:
  std::vector<std::shared_ptr<FollowerQueue>> living();

  std::mutex mutex_;
  std::vector<std::weak_ptr<FollowerQueue>> queues_;
  bool closed_ = true;
};

}  // namespace bulkhead::alerts

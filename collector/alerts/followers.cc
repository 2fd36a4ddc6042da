#include "collector/alerts/followers.h"

#include <utility>

namespace bulkhead::alerts {

FollowerQueue::FollowerQueue(std::function<void()> notify, std::size_t capacity)
    : notify_(std::move(notify)), capacity_(capacity) {}

std::optional<v1::Alert> FollowerQueue::try_next() {
  return next(std::chrono::milliseconds(0));
}

std::optional<v1::Alert> FollowerQueue::next(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return !queue_.empty() || closed_; });
  if (queue_.empty()) return std::nullopt;
  v1::Alert alert = std::move(queue_.front());
  queue_.pop_front();
  return alert;
}

std::uint64_t FollowerQueue::take_missed() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(missed_, 0);
}

bool FollowerQueue::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

void FollowerQueue::push(const v1::Alert& alert) {
  const std::scoped_lock lock(mutex_);
  if (queue_.size() >= capacity_) {
    ++missed_;
    return;
  }
  queue_.push_back(alert);
  changed_.notify_all();
}

void FollowerQueue::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void FollowerQueue::notify() const {
  if (notify_) notify_();
}

std::shared_ptr<Subscription> Followers::subscribe(std::function<void()> notify, std::size_t capacity) {
  auto queue = std::make_shared<FollowerQueue>(std::move(notify), capacity);
  const std::scoped_lock lock(mutex_);
  std::erase_if(queues_, [](const auto& one) { return one.expired(); });
  queues_.push_back(queue);
  if (closed_) queue->close();
  return queue;
}

std::vector<std::shared_ptr<FollowerQueue>> Followers::living() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<FollowerQueue>> queues;
  for (const auto& one : queues_) {
    if (auto queue = one.lock()) queues.push_back(std::move(queue));
  }
  return queues;
}

void Followers::publish(const std::vector<Change>& changes) {
  if (changes.empty()) return;
  for (const auto& queue : living()) {
    for (const Change& change : changes) queue->push(change.alert);
    queue->notify();
  }
}

void Followers::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  for (const auto& queue : living()) {
    queue->close();
    queue->notify();
  }
}

void Followers::open() {
  const std::scoped_lock lock(mutex_);
  closed_ = false;
}

}  // namespace bulkhead::alerts

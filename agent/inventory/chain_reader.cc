#include "agent/inventory/chain_reader.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/inventory/image_name.h"
#include "spdlog/spdlog.h"

namespace bulkhead::inventory {

using Clock = std::chrono::steady_clock;

namespace {

// Threads that wait for storage that does not answer, at most.
constexpr std::size_t kMaxHanging = 4;
constexpr std::chrono::milliseconds kSlice{50};

bool has_chain(const Volume& volume) {
  // Without a format libvirt takes it as raw.
  return volume.source.starts_with('/') && !volume.format.empty() && can_name_others(volume.format);
}

void add_images(const ImageChain& chain, Volume& volume) {
  for (const ChainImage& image : chain.images) {
    const auto known = std::ranges::find_if(
        volume.chain, [&](const ChainImage& one) { return one.source == image.source && one.path == image.path; });
    if (known == volume.chain.end()) {
      volume.chain.push_back(image);
    } else {
      *known = image;
    }
  }
  if (!chain.problem.empty()) {
    volume.chain.push_back({.source = "",
                            .path = "",
                            .format = "",
                            .role = "",
                            .image = printable_name(volume.source),
                            .problem = chain.problem});
  }
}

}  // namespace

// What one thread reads. The thread shares it, and outlives the reader when its storage never answers.
struct ChainReader::Batch {
  std::vector<Key> keys;
  std::shared_ptr<HeaderCache> cache;

  std::mutex mutex;
  std::condition_variable progressed;
  std::vector<ImageChain> chains;  // of the first keys; guarded by mutex
  Clock::time_point started = Clock::now();
  bool abandoned = false;
};

ChainReader::ChainReader(ChainReaderOptions options, std::function<void()> changed)
    : options_(options), changed_(std::move(changed)), thread_([this] { run(); }) {}

ChainReader::~ChainReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ChainReader::fill(Snapshot& snapshot) {
  static const ImageChain kNotRead = {.images = {}, .problem = "it was not read yet"};
  const std::lock_guard lock(mutex_);
  std::set<Key> named;
  for (Domain& domain : snapshot.domains) {
    for (Volume& volume : domain.volumes) {
      if (!has_chain(volume)) continue;
      const Key key(volume.source, volume.format);
      named.insert(key);
      Entry& entry = entries_[key];
      entry.due = true;
      add_images(entry.known ? entry.chain : kNotRead, volume);
    }
  }
  std::erase_if(entries_, [&named](const auto& entry) { return !named.contains(entry.first); });
  due_ = !entries_.empty();
  wake_.notify_all();
}

bool ChainReader::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, patience, [this] { return !due_ && !busy_; });
}

std::vector<ChainReader::Key> ChainReader::due_now() {
  std::vector<Key> fresh, known;
  std::erase_if(hanging_, [](const auto& one) { return one.expired(); });
  for (auto& [key, entry] : entries_) {
    if (!std::exchange(entry.due, false) || !entry.hung.expired()) continue;
    (entry.known ? known : fresh).push_back(key);
  }
  fresh.insert(fresh.end(), known.begin(), known.end());
  return fresh;
}

void ChainReader::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!wake_.wait_for(lock, options_.interval, [this] { return due_ || stopping_; })) {
      for (auto& [key, entry] : entries_) entry.due = true;
    }
    if (stopping_) return;
    due_ = false;
    busy_ = true;
    std::vector<Key> keys = due_now();
    lock.unlock();
    read(std::move(keys));
    lock.lock();
    busy_ = false;
    wake_.notify_all();
  }
}

void ChainReader::work(std::shared_ptr<Batch> batch) {
  for (const auto& [path, format] : batch->keys) {
    ImageChain chain = follow_chain(path, format, *batch->cache);
    const std::lock_guard lock(batch->mutex);
    batch->progressed.notify_all();
    if (batch->abandoned) return;
    batch->chains.push_back(std::move(chain));
    batch->started = Clock::now();
  }
}

void ChainReader::read(std::vector<Key> keys) {
  while (!keys.empty()) {
    auto batch = std::make_shared<Batch>();
    batch->keys = keys;
    batch->cache = cache_;
    try {
      std::thread([batch] { work(batch); }).detach();
    } catch (const std::system_error& error) {
      spdlog::error("the chains of images are not looked at: {}", error.what());
      return;
    }
    std::unique_lock lock(batch->mutex);
    std::size_t done = 0;
    while (done < keys.size() && !batch->abandoned) {
      batch->progressed.wait_for(lock, kSlice);
      done = batch->chains.size();
      const std::lock_guard own(mutex_);
      batch->abandoned = stopping_ || Clock::now() - batch->started > options_.patience;
    }
    done = batch->chains.size();
    lock.unlock();
    settle(*batch, done);
    if (done == keys.size()) return;
    const std::lock_guard own(mutex_);
    if (stopping_) return;
    spdlog::warn("the storage of {} does not answer", printable_name(keys[done].first));
    hanging_.push_back(batch);
    if (const auto entry = entries_.find(keys[done]); entry != entries_.end()) entry->second.hung = batch;
    if (hanging_.size() >= kMaxHanging) return;
    keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(done) + 1);
  }
}

// Takes what was read of the first `count`; the one after them did not answer, and keeps what was known of it.
void ChainReader::settle(const Batch& batch, std::size_t count) {
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < std::min(count + 1, batch.keys.size()); ++i) {
      const auto entry = entries_.find(batch.keys[i]);
      if (entry == entries_.end()) continue;
      ImageChain chain = i < count ? batch.chains[i] : entry->second.chain;
      if (i == count && !stopping_) chain.problem = "its storage does not answer";
      changed = changed || !entry->second.known || chain != entry->second.chain;
      entry->second.chain = std::move(chain);
      entry->second.known = true;
    }
    if (stopping_) return;
  }
  if (changed) changed_();
}

}  // namespace bulkhead::inventory

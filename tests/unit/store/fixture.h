// What the collector's tests share: a directory that goes away, and batches with known content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/store/rocksdb_store.h"

namespace bulkhead::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline constexpr char kHost[] = "host-a";
inline constexpr char kBoot[] = "boot-1";
// 2026-01-01T00:00:00Z; event number n is n seconds later.
inline constexpr std::int64_t kBaseSeconds = 1'767'225'600;

// A process of the host that reads the memory of tenant-b's domain.
v1::Event make_event(std::uint64_t sequence, const std::string& host = kHost, const std::string& boot = kBoot);
v1::EventBatch make_batch(std::uint64_t first, std::uint64_t count, const std::string& host = kHost,
                          const std::string& boot = kBoot);
// One loss event for the events from `first` through `last`.
v1::EventBatch make_missing(std::uint64_t first, std::uint64_t last);

v1::Alert make_alert(const std::string& uid, std::int64_t seconds, std::uint64_t events = 1);

// Fails the test when the store cannot be opened.
std::unique_ptr<store::Store> open_store(const std::filesystem::path& path);

// Sequences of all events in the log, in its order.
std::vector<std::uint64_t> stored_sequences(store::EventLog& log);

}  // namespace bulkhead::test

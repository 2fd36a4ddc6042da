// A kernel map that only the agent writes, and what it wrote there: so that what others changed shows.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace bulkhead::probes {

// Thread safe. The map's descriptor is its owner's and outlives this.
class WrittenMap {
 public:
  // `name` is the map's, and static.
  WrittenMap(int descriptor, const char* name) : descriptor_(descriptor), name_(name) {}

  // ResourceExhausted when the map is full.
  template <typename Key, typename Value>
  absl::Status set(const Key& key, const Value& value) {
    return set_bytes(bytes_of(key), bytes_of(value));
  }
  template <typename Key>
  void remove(const Key& key) {
    remove_bytes(bytes_of(key));
  }

  // Compares the map with what was written and makes them equal again. One line for each entry that was altered, is
  // gone, or was put there by somebody else.
  std::vector<std::string> restore();

 private:
  template <typename T>
  static std::string_view bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
  }
  absl::Status set_bytes(std::string_view key, std::string_view value);
  void remove_bytes(std::string_view key);
  std::vector<std::string> keys_there() const;

  const int descriptor_;
  const char* const name_;
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> written_;  // guarded by mutex_
};

}  // namespace bulkhead::probes

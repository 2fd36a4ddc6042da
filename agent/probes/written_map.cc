#include "agent/probes/written_map.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace bulkhead::probes {

absl::Status WrittenMap::set_bytes(std::string_view key, std::string_view value) {
  const std::lock_guard lock(mutex_);
  if (bpf_map_update_elem(descriptor_, key.data(), value.data(), BPF_ANY) == 0) {
    written_.insert_or_assign(std::string(key), std::string(value));
    return absl::OkStatus();
  }
  if (errno == E2BIG) return absl::ResourceExhaustedError(absl::StrCat("the kernel map '", name_, "' is full"));
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write the kernel map '", name_, "'"));
}

void WrittenMap::remove_bytes(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = written_.find(key); found != written_.end()) written_.erase(found);
  bpf_map_delete_elem(descriptor_, key.data());
}

// While entries come and go, the kernel may begin anew; nobody but the agent should make it so.
std::vector<std::string> WrittenMap::keys_there() const {
  std::vector<std::string> keys;
  bpf_map_info info = {};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(descriptor_, &info, &size) != 0) return keys;
  if (info.type == BPF_MAP_TYPE_ARRAY) return keys;  // its entries are always there
  std::string key(info.key_size, '\0');
  const void* previous = nullptr;
  while (keys.size() <= info.max_entries && bpf_map_get_next_key(descriptor_, previous, key.data()) == 0) {
    keys.push_back(key);
    previous = keys.back().data();
  }
  return keys;
}

std::vector<std::string> WrittenMap::restore() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> faults;
  for (const std::string& key : keys_there()) {
    if (written_.contains(key)) continue;
    bpf_map_delete_elem(descriptor_, key.data());
    faults.push_back(absl::StrCat("map ", name_, ": an entry that the agent did not make"));
  }
  for (const auto& [key, value] : written_) {
    std::string there(value.size(), '\0');
    const bool found = bpf_map_lookup_elem(descriptor_, key.data(), there.data()) == 0;
    if (found && there == value) continue;
    faults.push_back(absl::StrCat("map ", name_, ": an entry ", found ? "was altered" : "is gone"));
    if (bpf_map_update_elem(descriptor_, key.data(), value.data(), BPF_ANY) != 0) faults.back() += ", still";
  }
  return faults;
}

}  // namespace bulkhead::probes

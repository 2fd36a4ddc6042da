#include "agent/probes/usdt_hooks.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bulkhead::probes {

namespace {

// "provider:name"
absl::StatusOr<LinkPtr> attach(const Hook& hook, bpf_program* program, const std::string& path) {
  constexpr pid_t kAnyProcess = -1;
  const std::string name = hook.name;
  const std::size_t colon = name.find(':');
  LibbpfMessages messages;
  bpf_link* link = bpf_program__attach_usdt(program, kAnyProcess, path.c_str(), name.substr(0, colon).c_str(),
                                            name.substr(colon + 1).c_str(), nullptr);
  if (link != nullptr) return LinkPtr(link);
  const int error = errno;
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat(path, " has no USDT probe ", name));
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot attach to USDT probe ", name, " of ", path, " (", messages.reason(), ")"));
}

}  // namespace

void UsdtHooks::add(const Hook& hook, bpf_program* program, std::size_t row) {
  hooks_.push_back({&hook, program, row, {}});
}

std::vector<UsdtHooks::State> UsdtHooks::follow(std::span<const std::string> paths, const OwnershipMaps& maps) {
  std::map<FileKey, std::string> files;
  for (const std::string& path : paths) {
    if (const absl::StatusOr<FileKey> key = maps.file_key(path); key.ok()) files.emplace(*key, path);
  }
  std::vector<State> states;
  for (Waiting& hook : hooks_) {
    std::string missing = files.empty() ? kNoLibvirt : "";
    for (const auto& [key, path] : files) {
      if (hook.links.contains(key)) continue;
      absl::StatusOr<LinkPtr> link = attach(*hook.hook, hook.program, path);
      if (link.ok()) {
        hook.links.emplace(key, *std::move(link));
      } else {
        missing = std::string(link.status().message());
      }
    }
    std::erase_if(hook.links, [&](const auto& link) { return !files.contains(link.first); });
    states.push_back({hook.row, std::move(missing)});
  }
  return states;
}

}  // namespace bulkhead::probes

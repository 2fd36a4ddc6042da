// USDT probes of a shared library: attached to each file that is the library, in whatever process maps it, now or
// later. Only for this folder.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/probes/bpf_handles.h"
#include "agent/probes/ownership_maps.h"
#include "agent/probes/probe_table.h"

namespace bulkhead::probes {

// Why a hook of libvirt's is missing when there is nothing to attach it to.
inline constexpr char kNotLookedForLibvirt[] = "libvirt.so.0 was not looked for yet";
inline constexpr char kNoLibvirt[] = "this host has no libvirt.so.0 that could be found";

// Belongs to one thread. Detaches everything at its end.
class UsdtHooks {
 public:
  // Of one hook: empty when it is attached, else why it is nowhere.
  struct State {
    std::size_t row = 0;
    std::string missing;
  };

  // A program that waits for its library; `row` is the caller's number for it. Both must outlive this.
  void add(const Hook& hook, bpf_program* program, std::size_t row);

  // The library's files as they are now: what is new is attached, what is gone is let go. A file that lacks a hook
  // leaves it missing there. Paths may be those of /proc/<pid>/map_files. Returns the states of all hooks.
  std::vector<State> follow(std::span<const std::string> paths, const OwnershipMaps& maps);

 private:
  struct Waiting {
    const Hook* hook;
    bpf_program* program;
    std::size_t row;
    std::map<FileKey, LinkPtr> links;
  };

  std::vector<Waiting> hooks_;
};

}  // namespace bulkhead::probes

// What a stage could leave behind on the host: compare before and after.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/stage/child_process.h"

namespace bulkhead::stage {

class HostState {
 public:
  // Mounts, network links, network namespaces in use, loop devices, virtual machines' cgroups, loaded BPF programs,
  // processes of this build's programs and of libvirt and QEMU, state directories, and libvirt's directories.
  static HostState now();

  // What is there now and was not then, a line each, such as "link br0". Things that are about to go (the kernel frees
  // namespaces and BPF programs a moment after their last user) get until the timeout to do so.
  std::vector<std::string> left_behind(Milliseconds timeout) const;

 private:
  std::set<std::string> things_;
};

}  // namespace bulkhead::stage

// The part of the host that a private libvirtd must not share: its directories, its network, /dev/kvm, the message bus.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace bulkhead::stage {

class PrivateHost {
 public:
  // Moves the calling process (which must have one thread) into a mount and a network namespace of its own, where
  // /etc/libvirt, /var/lib/libvirt, /var/cache/libvirt, /var/log/libvirt and /run/libvirt are directories under
  // `state_dir`. A directory that the host lacks is made, to be mounted over, and removed by leave().
  absl::Status enter(const std::filesystem::path& state_dir, bool hide_kvm);

  // Undoes on the host what enter() did there. To be called when no process is left in the namespaces.
  void leave();

 private:
  absl::Status bind(const std::filesystem::path& source, const std::filesystem::path& target);
  absl::Status provide_account(const std::filesystem::path& state_dir);
  absl::Status hide(const std::filesystem::path& state_dir, bool hide_kvm);

  std::vector<std::filesystem::path> bound_;
};

}  // namespace bulkhead::stage

// A libvirtd of our own, with QEMU, bridges and taps in a network namespace of their own. Nothing of the host's
// libvirt, network or file system is touched, and everything is gone when the object is, or when this process ends in
// any way: a separate process, bulkhead-stage-keeper, sees to it.
//
// Needs root. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/child_process.h"

namespace bulkhead::stage {

class PrivateLibvirt {
 public:
  struct Options {
    // Hides /dev/kvm from libvirt and QEMU: for hosts where it does not work (guest_image.h: kvm_works()).
    bool hide_kvm = true;
    // Takes calls without authentication on port 16509 of the loopback in its network namespace.
    bool listen_tcp = false;
    // QEMU's own system call filter, as libvirt has it by default. Without it a VMM can execute programs.
    bool sandbox = true;
  };

  // Ready for connections when it returns. Takes a few seconds: libvirt probes QEMU's capabilities.
  static absl::StatusOr<PrivateLibvirt> start(const Options& options);

  PrivateLibvirt(PrivateLibvirt&&) = default;
  // A moved-to stage ends first.
  PrivateLibvirt& operator=(PrivateLibvirt&&) = delete;
  ~PrivateLibvirt();

  // "qemu:///system?socket=…", valid outside the namespaces.
  std::string uri() const;
  // What /run/libvirt is inside: the agent's libvirt.run_dir.
  std::filesystem::path run_dir() const { return state_dir_ / "run"; }
  // Removed at the end, with all in it. Short enough for the path of a unix socket in it.
  const std::filesystem::path& state_dir() const { return state_dir_; }

  // Domains go on while libvirtd is stopped or killed.
  absl::Status stop_daemon() { return order("stop-libvirtd"); }
  absl::Status kill_daemon() { return order("kill-libvirtd"); }
  absl::Status start_daemon() { return order("start-libvirtd"); }

  // Of libvirtd.
  absl::StatusOr<pid_t> daemon_pid() const;

  // Runs a command in the network namespace, to its end; any exit status but 0 is an error.
  absl::Status run_in_network(std::vector<std::string> words) const;
  // Starts one there. Its stderr goes to this process's.
  absl::StatusOr<ChildProcess> start_in_network(std::vector<std::string> words) const;
  // A bridge that is up, without spanning tree or multicast snooping: it sends no frames of its own.
  absl::Status add_bridge(const std::string& name) const;
  // Moves a port, such as a domain's tap, to a bridge.
  absl::Status plug(const std::string& port, const std::string& bridge) const;
  // Inode number of the network namespace, as /proc/<pid>/ns/net has it.
  ino_t network_namespace() const;

  // Ends everything now. An error tells what could not be removed. The destructor does the same, without telling.
  absl::Status end();

 private:
  PrivateLibvirt(std::filesystem::path state_dir, ChildProcess keeper);
  absl::Status order(const std::string& text);
  absl::Status answer(Milliseconds timeout);
  absl::StatusOr<FileDescriptor> open_network() const;

  std::filesystem::path state_dir_;
  // Null after end().
  std::unique_ptr<ChildProcess> keeper_;
};

}  // namespace bulkhead::stage

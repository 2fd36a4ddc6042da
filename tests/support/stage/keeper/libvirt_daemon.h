// libvirtd in the foreground, as our child, in the namespaces that we are in.
#pragma once

#include <filesystem>
#include <optional>

#include "absl/status/status.h"
#include "tests/support/stage/child_process.h"

namespace bulkhead::stage {

class LibvirtDaemon {
 public:
  LibvirtDaemon(std::filesystem::path state_dir, bool listen_tcp, bool sandbox)
      : state_dir_(std::move(state_dir)), listen_tcp_(listen_tcp), sandbox_(sandbox) {}

  // Writes libvirtd.conf and qemu.conf. To be called once, before start().
  absl::Status configure();
  // Comes back when the socket takes connections.
  absl::Status start();
  // Domains go on running without it.
  void stop();
  // SIGKILL.
  void kill();
  // 0 while it does not run.
  pid_t pid() const { return process_ && process_->running() ? process_->pid() : 0; }

 private:
  std::filesystem::path state_dir_;
  bool listen_tcp_;
  bool sandbox_;
  std::optional<ChildProcess> process_;
};

}  // namespace bulkhead::stage

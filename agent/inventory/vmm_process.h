// Which process is a domain's VMM. The proof is libvirt's own pid file, which only root can write and whose lock the
// VMM itself holds; a process's command line is a hint, never a proof.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/inventory/model.h"

namespace bulkhead::inventory {

struct VmmProcess {
  std::uint32_t pid = 0;
  // Start of the process in clock ticks since boot, as in /proc/<pid>/stat: (pid, start_ticks) names a process for
  // good.
  std::uint64_t start_ticks = 0;
  std::string name;  // the domain's, as the pid file spells it
  // The domain's: from libvirt's status file, which only root can write. Before libvirt has written that (the first
  // moments of a VMM) from the command line that libvirt started it with. Empty when neither says it.
  std::string uuid;
  // Path of the monitor's socket, as the VMM sees it, from the status file; empty before that is written.
  std::string monitor;
  // Likewise from the status file, which libvirt writes anew before it answers whoever changed the domain; nothing
  // before it is there.
  std::optional<std::vector<HostFile>> host_files;
};

// Thread safe; only reads files. For libvirt 6.2 and later: earlier ones do not lock the pid file.
class VmmProcesses {
 public:
  // `run_dir` is libvirt's, such as /run/libvirt.
  explicit VmmProcesses(std::string run_dir);

  // The VMM of the domain of that name: the pid file is a regular file of root's (or of the user that this process runs
  // as) that others cannot write, and the process that it names holds the write lock on it, as libvirt makes its VMMs
  // do: a stale file or a reused pid does not pass. NotFound when there is no pid file or no such process (yet),
  // FailedPrecondition when something is there that does not pass.
  absl::StatusOr<VmmProcess> of_domain(std::string_view name) const;

  enum class Verdict { kVmm, kNotAVmm, kNotYetKnown };
  struct Identity {
    Verdict verdict = Verdict::kNotYetKnown;
    VmmProcess process;  // for kVmm
    std::string reason;  // for the others
  };

  // For a process whose exec of an emulator was just seen. libvirt writes the pid file before that exec, so a VMM is
  // known at once: one file is read when the command line's hint leads to it, all pid files when it does not.
  Identity identify(std::uint32_t pid) const;

  // False when the folder of the pid files is not there: libvirt has started no QEMU domain, or run_dir is wrong.
  bool has_pid_files() const;

 private:
  const std::string pid_dir_;
};

}  // namespace bulkhead::inventory

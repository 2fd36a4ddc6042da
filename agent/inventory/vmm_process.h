// Which process is a domain's VMM. The proof is libvirt's own pid file, which only root can write; a process's command
// line is a hint that may narrow a verdict, never make one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bulkhead::inventory {

struct VmmProcess {
  std::uint32_t pid = 0;
  // Start of the process in clock ticks since boot, as in /proc/<pid>/stat: (pid, start_ticks) names a process for
  // good.
  std::uint64_t start_ticks = 0;
  std::string name;  // the domain's, as the pid file spells it
  std::string uuid;  // from the command line that libvirt gave it
};

// Thread safe; only reads files. `run_dir` is libvirt's (/run/libvirt), `proc_dir` is /proc except in tests.
class VmmProcesses {
 public:
  explicit VmmProcesses(std::string run_dir, std::string proc_dir = "/proc");

  // The VMM of the domain, checked: the pid file is a regular file of root's (or of the user that this process runs as)
  // that others cannot write, the lock on it, which libvirt makes the VMM hold, is held by that very process, and the
  // process was started for `uuid`. NotFound when there is no pid file or no such process (yet), FailedPrecondition
  // when something is there and is not this domain's VMM.
  absl::StatusOr<VmmProcess> of_domain(std::string_view name, std::string_view uuid) const;

  enum class Verdict { kVmm, kNotAVmm, kNotYetKnown };
  struct Identity {
    Verdict verdict = Verdict::kNotYetKnown;
    VmmProcess process;  // for kVmm
    std::string reason;  // for the others
  };

  // For a process whose exec of an emulator was just seen. libvirt writes the pid file before that exec, so the answer
  // is there at once, in well under a millisecond.
  Identity identify(std::uint32_t pid) const;

  // False when the folder of the pid files is not there: libvirt has started no QEMU domain, or run_dir is wrong.
  bool has_pid_files() const;

 private:
  const std::string pid_dir_;
  const std::string proc_dir_;
};

}  // namespace bulkhead::inventory

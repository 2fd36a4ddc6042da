// Finds hooks on this kernel and attaches programs to them. Only for this folder.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/probes/bpf_handles.h"
#include "agent/probes/probe_table.h"
#include "agent/probes/tracefs.h"

namespace bulkhead::probes {

// Such as "tracepoint syscalls/sys_exit_openat".
std::string describe(const Hook& hook);

class HookAttacher {
 public:
  // FailedPrecondition when this kernel has no BTF.
  static absl::StatusOr<HookAttacher> create();

  // Why this kernel does not have the hook; empty when it does.
  std::string missing(const Hook& hook) const;

  // Whether the kernel's struct has a member of that name, which depends on how the kernel was built.
  bool has_member(const char* type, std::string_view member) const;

  absl::StatusOr<LinkPtr> attach(const Hook& hook, bpf_program* program) const;

 private:
  struct BtfCloser {
    void operator()(btf* types) const;
  };
  std::unique_ptr<btf, BtfCloser> kernel_types_;
  absl::StatusOr<TraceFs> tracefs_ = absl::UnknownError("not opened");
};

}  // namespace bulkhead::probes

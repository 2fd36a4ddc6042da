// Ids of classic tracepoints, read from a tracefs that is mounted nowhere: the host's mount table stays as it is.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "agent/probes/bpf_handles.h"

namespace bulkhead::probes {

class TraceFs {
 public:
  // Needs CAP_SYS_ADMIN and a kernel with fsopen (5.2).
  static absl::StatusOr<TraceFs> open();

  // `tracepoint` is "category/name". NotFound when this kernel has none of that name.
  absl::StatusOr<std::uint64_t> id(const std::string& tracepoint) const;
  // A perf event of it, as perf has it for a program: opened for one CPU, the program runs on all.
  absl::StatusOr<FileDescriptor> open_event(const std::string& tracepoint) const;

 private:
  explicit TraceFs(FileDescriptor root) : root_(std::move(root)) {}
  FileDescriptor root_;
};

}  // namespace bulkhead::probes

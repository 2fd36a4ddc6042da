// The directory that all boots' queues are in: taken, checked and listed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/spool/boot_queue.h"
#include "agent/spool/file.h"

namespace bulkhead::spool {

struct SpoolDirectory {
  // Holds the directory for this process until it is closed.
  FileDescriptor lock;
  // Earlier boots, oldest first, then this one, which is ready to be written.
  std::vector<BootQueue> queues;
};

// Errors as Spool::open() states them.
absl::StatusOr<SpoolDirectory> open_directory(const std::filesystem::path& dir, const std::string& host_id,
                                              const std::string& boot_id);

}  // namespace bulkhead::spool

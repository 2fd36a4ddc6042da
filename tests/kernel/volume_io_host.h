// The probes of volume I/O, a volume of acme's and who uses it: what tests of both layers need.
#pragma once

#include <string>
#include <vector>

#include "tests/kernel/kernel_host.h"

namespace bulkhead::test {

// The sum of what was told of one layer.
struct ToldIo {
  std::size_t records = 0;
  v1::VolumeIo sum;
  // Of those records.
  std::vector<decode::VolumeIoRecord> all;
};

class VolumeIoHost {
 public:
  VolumeIoHost();

  KernelHost& kernel() { return kernel_; }
  // Tier 1: bytes are exact.
  bool exact() const;

  // Makes it a volume of acme's.
  void own(const std::string& path);

  // Runs the subject volume_user with these words to its end. Its process id.
  pid_t use(std::vector<std::string> words);
  // The same, by a process of this owner's.
  pid_t use_as(probes::Owner owner, std::vector<std::string> words);

  // Everything that was told until now, also what waited for its second.
  ToldIo told(v1::VolumeIoLayer layer);

  // seen = suppressed + coalesced + emitted + lost.
  bool is_balanced(v1::Probe probe) const;

 private:
  KernelHost kernel_;
};

}  // namespace bulkhead::test

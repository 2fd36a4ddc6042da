// Which CPUs of this host are SMT siblings, as sysfs has it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::probes {

// "0-1,8" as the kernel writes lists of CPUs: 0, 1, 8. Nothing when it is no such list, or names more than 65536.
std::optional<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text);

// One thread uses it at a time.
class CpuSiblings {
 public:
  using Cores = std::map<std::uint32_t, std::vector<std::uint32_t>>;  // by CPU

  explicit CpuSiblings(std::string cpu_dir = "/sys/devices/system/cpu");

  // Reads anew. True when CPUs came, went, or it is the first time. Cheap when nothing did: one small file.
  bool refresh();

  // Whether the host's CPUs could be read at all, when it was last tried.
  bool known() const { return online_ && !online_->empty(); }

  // Online CPUs that share their core: all of that core, themselves among them, lowest first.
  const Cores& cores() const { return cores_; }

 private:
  const std::string cpu_dir_;
  std::optional<std::string> online_;  // as it was when `cores_` was read
  Cores cores_;
};

}  // namespace bulkhead::probes

#include "agent/probes/cpu_siblings.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bulkhead::probes {

namespace {

constexpr std::uint32_t kCpuLimit = 65536;

// Empty when it cannot be read.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::optional<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text) {
  std::vector<std::uint32_t> cpus;
  for (const absl::string_view range : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(range, absl::MaxSplits('-', 1));
    std::uint32_t first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.first, &first)) return std::nullopt;
    last = first;
    if (range.find('-') != absl::string_view::npos && !absl::SimpleAtoi(ends.second, &last)) return std::nullopt;
    if (last < first || last >= kCpuLimit || cpus.size() + (last - first) >= kCpuLimit) return std::nullopt;
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  std::ranges::sort(cpus);
  return cpus;
}

CpuSiblings::CpuSiblings(std::string cpu_dir) : cpu_dir_(std::move(cpu_dir)) {}

bool CpuSiblings::refresh() {
  std::string online = first_line(absl::StrCat(cpu_dir_, "/online"));
  if (online == online_) return false;
  cores_.clear();
  for (const std::uint32_t cpu : parse_cpu_list(online).value_or(std::vector<std::uint32_t>())) {
    auto core = parse_cpu_list(first_line(absl::StrCat(cpu_dir_, "/cpu", cpu, "/topology/thread_siblings_list")));
    if (core && core->size() > 1 && std::ranges::find(*core, cpu) != core->end()) cores_[cpu] = *std::move(core);
  }
  online_ = std::move(online);
  return true;
}

}  // namespace bulkhead::probes

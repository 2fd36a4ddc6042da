#include "agent/attribute/actors.h"

#include <unistd.h>

#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bulkhead::attribute {

namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Field 22 of /proc/<pid>/stat, in clock ticks; 0 when there is no such process. The name in field 2 may hold anything,
// so fields are counted from its last ')'.
std::uint64_t start_ticks(const std::string& stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  constexpr int kFieldsUntilStart = 20;
  for (int i = 0; i < kFieldsUntilStart; ++i) fields >> field;
  return std::strtoull(field.c_str(), nullptr, 10);
}

}  // namespace

bool Actors::is_alive(std::uint32_t tgid, std::uint64_t start_ns) const {
  static const auto kTicksPerSecond = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const std::uint64_t ticks = start_ticks(first_line(absl::StrCat(proc_dir_, "/", tgid, "/stat")));
  return ticks != 0 && ticks == start_ns / (kNanosecondsPerSecond / kTicksPerSecond);
}

// Read first, checked afterwards: a pid that was reused in between does not match.
std::string Actors::executable_of(std::uint32_t tgid, std::uint64_t start_ns) const {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(absl::StrCat(proc_dir_, "/", tgid, "/exe"), error);
  return error || !is_alive(tgid, start_ns) ? "" : path.string();
}

// On a host with cgroup v1 the unit is in systemd's own tree.
std::string Actors::cgroup_of(std::uint32_t tgid, std::uint64_t start_ns) const {
  std::ifstream file(absl::StrCat(proc_dir_, "/", tgid, "/cgroup"));
  std::string line, found;
  while (std::getline(file, line)) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[1] == "name=systemd" || (parts[1].empty() && found.empty())) found = parts[2];
  }
  return is_alive(tgid, start_ns) ? found : "";
}

void Actors::learn(const decode::ActorRecord& record) {
  ActorFacts facts{.executable = record.executable,
                   .executable_file = record.executable_file,
                   .command = record.command,
                   .lineage = {},
                   .cgroup = record.cgroup};
  const decode::ActorKey& key = record.header.actor_key;
  if (facts.cgroup == "/") {
    const std::string unit = cgroup_of(key.tgid, key.start_ns);
    if (!unit.empty()) facts.cgroup = unit;
  }
  for (const decode::Ancestor& ancestor : record.lineage) {
    facts.lineage.push_back(
        {ancestor.tgid, ancestor.start_ns, executable_of(ancestor.tgid, ancestor.start_ns), ancestor.command});
  }
  store(key, std::move(facts));
}

const ActorFacts* Actors::find(const decode::ActorKey& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return nullptr;
  order_.splice(order_.begin(), order_, entry->second.place);
  return &entry->second.facts;
}

const ActorFacts& Actors::look_up(const decode::ActorKey& key) {
  ActorFacts facts;
  facts.executable = executable_of(key.tgid, key.start_ns);
  facts.command = first_line(absl::StrCat(proc_dir_, "/", key.tgid, "/comm"));
  facts.cgroup = cgroup_of(key.tgid, key.start_ns);
  if (!is_alive(key.tgid, key.start_ns)) facts.command.clear();
  return store(key, std::move(facts));
}

std::string Actors::core_pattern() const {
  return first_line(absl::StrCat(proc_dir_, "/sys/kernel/core_pattern"));
}

const ActorFacts& Actors::store(const decode::ActorKey& key, ActorFacts facts) {
  const auto existing = entries_.find(key);
  if (existing != entries_.end()) {
    existing->second.facts = std::move(facts);
    order_.splice(order_.begin(), order_, existing->second.place);
    return existing->second.facts;
  }
  if (entries_.size() >= kCapacity) {
    entries_.erase(order_.back());
    order_.pop_back();
  }
  order_.push_front(key);
  return entries_.emplace(key, Entry{std::move(facts), order_.begin()}).first->second.facts;
}

}  // namespace bulkhead::attribute

#include "agent/probes/sibling_hooks.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ebpf/records/record.h"

namespace bulkhead::probes {

namespace {

// ebpf/lib/core_sharing.bpf.h.
constexpr char kCpuMap[] = "cpus";
constexpr char kSiblingMap[] = "siblings";

absl::Status write(int map, std::uint32_t cpu, const void* value) {
  if (bpf_map_update_elem(map, &cpu, value, BPF_ANY) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot tell the kernel about CPU ", cpu));
}

// What the kernel kept of the time before, when nobody looked, would count as one long stretch.
absl::Status forget_occupants(bpf_object* object) {
  const bpf_map* map = bpf_object__find_map_by_name(object, kCpuMap);
  const std::vector<char> nobody(bpf_map__value_size(map));
  for (std::uint32_t cpu = 0; cpu < bpf_map__max_entries(map); ++cpu) {
    if (absl::Status status = write(bpf_map__fd(map), cpu, nobody.data()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bh_siblings entry_of(std::uint32_t cpu, const std::vector<std::uint32_t>& core) {
  bh_siblings entry = {};
  // Of more threads than any processor has, the first ones.
  entry.count = static_cast<std::uint32_t>(std::min<std::size_t>(core.size(), BH_SIBLINGS_LIMIT));
  std::copy_n(core.begin(), entry.count, entry.cpus);
  const std::span known(entry.cpus, entry.count);
  const auto self = std::ranges::find(known, cpu);
  if (self == known.end()) return {};
  entry.rank = static_cast<std::uint32_t>(self - known.begin());
  return entry;
}

}  // namespace

SiblingHooks::SiblingHooks(CpuSiblings siblings) : siblings_(std::move(siblings)) {}

absl::Status SiblingHooks::size_maps(bpf_object* object, int possible_cpus) {
  for (const char* name : {kCpuMap, kSiblingMap}) {
    bpf_map* map = bpf_object__find_map_by_name(object, name);
    if (map == nullptr || bpf_map__set_max_entries(map, static_cast<std::uint32_t>(possible_cpus)) != 0) {
      return absl::InternalError(absl::StrCat("cannot size the kernel map '", name, "'"));
    }
  }
  return absl::OkStatus();
}

void SiblingHooks::add(const Hook& hook, bpf_object* object, bpf_program* program, std::size_t row) {
  hooks_.push_back({.hook = &hook, .object = object, .program = program, .row = row, .link = nullptr});
}

absl::Status SiblingHooks::tell_siblings(bpf_object* object, const CpuSiblings::Cores& cores) const {
  const bpf_map* map = bpf_object__find_map_by_name(object, kSiblingMap);
  for (std::uint32_t cpu = 0; cpu < bpf_map__max_entries(map); ++cpu) {
    const auto core = cores.find(cpu);
    const bh_siblings entry = core == cores.end() ? bh_siblings{} : entry_of(cpu, core->second);
    if (absl::Status status = write(bpf_map__fd(map), cpu, &entry); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<SiblingHooks::State> SiblingHooks::follow(const HookAttacher& attacher) {
  std::vector<State> states;
  if (hooks_.empty() || !siblings_.refresh()) return states;
  for (Waiting& hook : hooks_) {
    if (!hook.detached) states.push_back({hook.row, follow(hook, attacher)});
  }
  return states;
}

std::string SiblingHooks::follow(Waiting& hook, const HookAttacher& attacher) {
  if (!attacher.has_member("task_struct", "preempt_notifiers")) return kNoKvm;
  if (siblings_.cores().empty()) hook.link.reset();
  absl::Status status = tell_siblings(hook.object, siblings_.cores());
  if (!siblings_.known()) return "which CPUs are SMT siblings cannot be read from /sys/devices/system/cpu";
  if (siblings_.cores().empty()) return kNoSiblings;
  if (status.ok() && hook.link == nullptr) {
    status = forget_occupants(hook.object);
    absl::StatusOr<LinkPtr> link = attacher.attach(*hook.hook, hook.program);
    status.Update(link.status());
    if (status.ok()) hook.link = *std::move(link);
  }
  return std::string(status.message());
}

std::vector<std::size_t> SiblingHooks::find_detached() {
  std::vector<std::size_t> rows;
  for (Waiting& hook : hooks_) {
    if (hook.link == nullptr || hook.detached || is_attached(hook.link.get())) continue;
    hook.detached = true;
    // Nothing more can be done about it than to say that the hook is gone.
    tell_siblings(hook.object, {}).IgnoreError();
    rows.push_back(hook.row);
  }
  return rows;
}

}  // namespace bulkhead::probes

// Hooks that are of use only where CPUs share a core: attached while some do, and told which do. Only for this folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/probes/bpf_handles.h"
#include "agent/probes/cpu_siblings.h"
#include "agent/probes/hook_attacher.h"
#include "agent/probes/probe_table.h"

namespace bulkhead::probes {

// Why such a hook is missing when there is nothing to watch.
inline constexpr char kNoSiblings[] = "no core of this host has SMT siblings, so that no two vCPUs can share one";
inline constexpr char kNoKvm[] = "this kernel is built without KVM, so that there are no vCPUs";

// Belongs to one thread. Detaches at its end.
class SiblingHooks {
 public:
  struct State {
    std::size_t row = 0;
    std::string missing;
  };

  explicit SiblingHooks(CpuSiblings siblings = CpuSiblings());

  // Makes room for all CPUs in the maps of an object that is not loaded yet.
  static absl::Status size_maps(bpf_object* object, int possible_cpus);

  // A loaded object's program; `row` is the caller's number for it. Both must outlive this.
  void add(const Hook& hook, bpf_object* object, bpf_program* program, std::size_t row);

  // Looks for siblings again. The states of all hooks, when CPUs came or went; else nothing.
  std::vector<State> follow(const HookAttacher& attacher);

  // Rows that were attached and are not any more, though nothing here let go of them; each once. What their program
  // cannot see any more is not counted any more.
  std::vector<std::size_t> find_detached();

 private:
  struct Waiting {
    const Hook* hook;
    bpf_object* object;
    bpf_program* program;
    std::size_t row;
    LinkPtr link;
    bool detached = false;  // by somebody else: it stays so
  };

  absl::Status tell_siblings(bpf_object* object, const CpuSiblings::Cores& cores) const;
  std::string follow(Waiting& hook, const HookAttacher& attacher);

  CpuSiblings siblings_;
  std::vector<Waiting> hooks_;
};

}  // namespace bulkhead::probes

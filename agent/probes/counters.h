// What the kernel counted for each probe. Only for this folder.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "agent/probes/bpf_handles.h"
#include "agent/probes/probe_table.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::probes {

// One thread uses it at a time.
class Counters {
 public:
  // Once, at however many hooks it is: what it missed is counted by the program.
  void add(v1::Probe probe, bpf_program* program);

  // ProbeSet::counters(), of the probes of `table`. `map` is the descriptor of the counters map.
  std::vector<v1::ProbeCounters> read(std::span<const Probe> table, int map) const;

 private:
  struct LoadedProgram {
    v1::Probe probe;
    FileDescriptor descriptor;
  };

  std::vector<LoadedProgram> programs_;
  std::set<bpf_program*> counted_;  // those of programs_
};

}  // namespace bulkhead::probes

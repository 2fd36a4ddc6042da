#include "agent/probes/counters.h"

#include <bpf/bpf.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ebpf/records/record.h"

namespace bulkhead::probes {

void Counters::add(v1::Probe probe, bpf_program* program) {
  if (counted_.insert(program).second) programs_.push_back({probe, FileDescriptor(dup(bpf_program__fd(program)))});
}

std::vector<v1::ProbeCounters> Counters::read(std::span<const Probe> table, int map) const {
  std::vector<v1::ProbeCounters> all;
  std::vector<bh_counters> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  for (const Probe& probe : table) {
    v1::ProbeCounters sum;
    sum.set_probe(probe.id);
    const std::uint32_t index = probe.id;
    if (bpf_map_lookup_elem(map, &index, per_cpu.data()) == 0) {
      for (const bh_counters& one : per_cpu) {
        sum.set_seen(sum.seen() + one.seen);
        sum.set_suppressed(sum.suppressed() + one.suppressed);
        sum.set_coalesced(sum.coalesced() + one.coalesced);
        sum.set_emitted(sum.emitted() + one.emitted);
        sum.set_lost(sum.lost() + one.lost);
      }
    }
    for (const LoadedProgram& program : programs_) {
      if (program.probe != probe.id) continue;
      bpf_prog_info info = {};
      std::uint32_t size = sizeof(info);
      if (bpf_obj_get_info_by_fd(program.descriptor.get(), &info, &size) != 0) continue;
      sum.set_seen(sum.seen() + info.recursion_misses);
      sum.set_lost(sum.lost() + info.recursion_misses);
    }
    all.push_back(std::move(sum));
  }
  return all;
}

}  // namespace bulkhead::probes

// Every probe that Bulkhead has: its hooks, what they serve, and what they cannot see.
//
// Tier 1 are fentry, fexit and LSM programs: they have the kernel's own objects and results, and nothing can change
// between the act and the look. Kernels under lockdown refuse them (bpf(2) gives EPERM). Tier 2 are tracepoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::probes {

enum class HookKind {
  kTracepoint,     // classic, "category/name"
  kBtfTracepoint,  // tp_btf
  kRawTracepoint,
  kFentry,
  kFexit,
  kIterator,  // over tasks or what they have: read by HostSweep, and run at no other time
  kUsdt,      // "provider:name", of libvirt.so.0
  kUevent,    // a filter on a socket that the kernel tells changes of devices to (UeventSockets)
};

struct Hook {
  const char* program;  // function in the BPF object; several hooks may have the same
  HookKind kind;
  const char* name;
  // Some kernels are built without it, and miss nothing then: it has no row in the coverage.
  bool optional = false;
};

struct Mechanism {
  std::uint32_t tier;
  const char* limits;
  const void* (*elf)(std::size_t* size);  // the embedded BPF object
  std::span<const Hook> hooks;
};

struct Probe {
  v1::Probe id;
  const char* name;
  const char* covers;  // rule ids, space separated; empty for what keeps ownership true
  const char* limits;
  const void* (*elf)(std::size_t* size);  // the embedded BPF object
  std::span<const Hook> hooks;
  std::uint32_t tier = 2;
  // Ways that see more, best first. Each is taken whole or not at all; the hooks above are for when none works.
  std::span<const Mechanism> better = {};
  // When that probe works in a better way, it sees what this one is for.
  v1::Probe within = v1::PROBE_UNSPECIFIED;
  // Program to be run every second (ProbeSet::tend); null for none.
  const char* periodic = nullptr;
  // Of use only where cores have SMT siblings, of which it is told (SiblingHooks).
  bool about_siblings = false;
};

std::span<const Probe> probe_table();
// Those of them in ebpf/probes/disk.
std::span<const Probe> disk_probes();

}  // namespace bulkhead::probes

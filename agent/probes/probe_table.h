// Every probe that Bulkhead has: its hooks, what they serve, and what they cannot see.
#pragma once

#include <cstddef>
#include <span>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::probes {

enum class HookKind {
  kTracepoint,     // classic, "category/name"
  kBtfTracepoint,  // tp_btf
  kRawTracepoint,
  kUsdt,  // "provider:name", of libvirt.so.0
};

struct Hook {
  const char* program;  // function in the BPF object
  HookKind kind;
  const char* name;
};

struct Probe {
  v1::Probe id;
  const char* name;
  const char* covers;  // rule ids, space separated; empty for what keeps ownership true
  const char* limits;
  const void* (*elf)(std::size_t* size);  // the embedded BPF object
  std::span<const Hook> hooks;
  // Program to be run every second (ProbeSet::tend); null for none.
  const char* periodic = nullptr;
};

std::span<const Probe> probe_table();

// "memory.process_vm", …; "agent" and "unknown" for what is no kernel probe.
const char* probe_name(v1::Probe id);

}  // namespace bulkhead::probes

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "collector/detect/field_makers.h"
#include "collector/detect/kernel_names.h"

namespace bulkhead::detect {
namespace {

using E = const v1::Event&;

void add_vmm_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "vmm.act", kVmmAct, names_of(*v1::VmmActKind_descriptor(), "VMM_ACT_KIND_"),
      [](E e) -> int { return e.vmm_act().kind(); }, "what the VMM did to the host"));
  table.push_back(number(
      "vmm.result", kVmmAct, [](E e) { return Value::of_number(e.vmm_act().result(), e.has_vmm_act()); },
      "what the call returned: 0, a descriptor, or a negative errno"));
  table.push_back(made_text(
      "vmm.error", kVmmAct, [](E e) { return errno_name(e.vmm_act().result()); },
      "name of that errno; absent when the call succeeded"));
  table.push_back(number(
      "vmm.argument", kVmmAct,
      [](E e) { return Value::of_number(static_cast<std::int64_t>(e.vmm_act().argument()), e.has_vmm_act()); },
      "what was asked: namespace flags, a user id, bpf's command, ptrace's request"));
}

void add_holding_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "holding.kind", kHolding, names_of(*v1::HoldingKind_descriptor(), "HOLDING_KIND_"),
      [](E e) -> int { return e.holding().kind(); }, "how a sweep found the actor to have the object"));
  table.push_back(flag(
      "holding.writable", kHolding,
      [](E e) { return e.holding().writable() || (e.holding().open_flags() & O_ACCMODE) != O_RDONLY; },
      "the object can be written by it: a shared mapping that may be, a descriptor open for that"));
  table.push_back(number(
      "holding.mapped_bytes", kHolding,
      [](E e) {
        return Value::of_number(static_cast<std::int64_t>(e.holding().mapped_bytes()),
                                e.holding().kind() == v1::HOLDING_KIND_MAPPING);
      },
      "for `mapping`: how much of the object is mapped"));
  table.push_back(flag(
      "holding.after_detach", kHolding, [](E e) { return e.holding().after_detach(); },
      "the volume was the actor's domain's, and is not any more"));
  table.push_back(number(
      "merge.pages", kPageMerge,
      [](E e) { return Value::of_number(static_cast<std::int64_t>(e.page_merge().pages()), e.has_page_merge()); },
      "pages of both that KSM made one"));
}

Value microseconds(std::uint64_t nanoseconds, bool present) {
  return Value::of_number(static_cast<std::int64_t>(nanoseconds / 1000), present);
}

void add_sibling_fields(std::vector<Field>& table) {
  table.push_back(number(
      "siblings.shared_us", kSiblingTime,
      [](E e) { return microseconds(e.sibling_time().shared_ns(), e.has_sibling_time()); },
      "for how long vCPUs of both ran at once on siblings of one core, microseconds, summed over pairs of vCPUs"));
  table.push_back(number(
      "siblings.window_us", kSiblingTime,
      [](E e) { return microseconds(e.sibling_time().window_ns(), e.has_sibling_time()); },
      "within how long, microseconds"));
  table.push_back(number(
      "siblings.overlaps", kSiblingTime,
      [](E e) {
        const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
        return Value::of_number(static_cast<std::int64_t>(std::min(e.sibling_time().overlaps(), most)),
                                e.has_sibling_time());
      },
      "stretches that it is made of; one that lasts is counted anew each second"));
}

void add_sensor_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "sensor.fault", kSensorFault, names_of(*v1::SensorFaultKind_descriptor(), "SENSOR_FAULT_KIND_"),
      [](E e) -> int { return e.sensor_fault().kind(); }, "what was done to the agent or its probes"));
  table.push_back(choice(
      "sensor.probe", kSensorFault, names_of(*v1::Probe_descriptor(), "PROBE_"),
      [](E e) -> int { return e.sensor_fault().probe(); }, "which probe it was done to"));
  table.push_back(text(
      "sensor.detail", kSensorFault, [](E e) -> auto& { return e.sensor_fault().detail(); }, "which hook, map or CPU"));
  table.push_back(number(
      "sensor.signal", kSensorFault,
      [](E e) { return Value::of_number(e.sensor_fault().signal(), e.sensor_fault().signal() != 0); },
      "for `signalled`: the signal"));
  table.push_back(choice(
      "coverage.change", kCoverageChange, names_of(*v1::CoverageChangeKind_descriptor(), "COVERAGE_CHANGE_KIND_"),
      [](E e) -> int { return e.coverage_change().kind(); }, "how what the agent can see changed"));
  table.push_back(choice(
      "coverage.probe", kCoverageChange, names_of(*v1::Probe_descriptor(), "PROBE_"),
      [](E e) -> int { return e.coverage_change().probe(); }, "which probe it is about"));
  table.push_back(text(
      "coverage.mechanism", kCoverageChange, [](E e) -> auto& { return e.coverage_change().mechanism(); },
      "which hook it is about"));
  table.push_back(number(
      "stop.signal", kAgentStop, [](E e) { return Value::of_number(e.agent_stop().signal(), e.has_agent_stop()); },
      "the signal that told the agent to end"));
}

void add_dump_and_claim_fields(std::vector<Field>& table) {
  table.push_back(number(
      "dump.signal", kCoreDump, [](E e) { return Value::of_number(e.core_dump().signal(), e.has_core_dump()); },
      "the signal that ended the VMM"));
  table.push_back(number(
      "dump.limit", kCoreDump,
      [](E e) {
        const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
        return Value::of_number(static_cast<std::int64_t>(std::min(e.core_dump().limit(), most)), e.has_core_dump());
      },
      "the VMM's RLIMIT_CORE in bytes; what is above 2^63-1 is that"));
  table.push_back(text(
      "dump.pattern", kCoreDump, [](E e) -> auto& { return e.core_dump().pattern(); },
      "kernel.core_pattern: where its memory went"));
  table.push_back(text(
      "claim.target", kClaim, [](E e) -> auto& { return e.claim().target(); },
      "what the claiming definition calls it, such as `vda`"));
  table.push_back(text(
      "claim.image", kClaim, [](E e) -> auto& { return e.claim().image(); },
      "the image whose header names the object; absent when the definition itself does"));
  table.push_back(
      flag("claim.read_only", kClaim, [](E e) { return e.claim().read_only(); }, "it is defined as read-only"));
  table.push_back(
      flag("claim.shareable", kClaim, [](E e) { return e.claim().shareable(); }, "it is defined as shareable"));
}

}  // namespace

void add_host_fields(std::vector<Field>& table) {
  add_vmm_fields(table);
  add_holding_fields(table);
  add_sibling_fields(table);
  add_sensor_fields(table);
  add_dump_and_claim_fields(table);
}

}  // namespace bulkhead::detect

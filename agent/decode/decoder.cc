#include "agent/decode/decoder.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/call_names.h"
#include "agent/decode/libvirt_procedures.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {

namespace {

static_assert(static_cast<int>(BH_PROBE_MEMORY_PROCESS_VM) == v1::PROBE_MEMORY_PROCESS_VM);
static_assert(static_cast<int>(BH_PROBE_CONTROL_VMM_LIFECYCLE) == v1::PROBE_CONTROL_VMM_LIFECYCLE);
static_assert(static_cast<int>(BH_PROBE_CONTROL_ENDPOINT) == v1::PROBE_CONTROL_ENDPOINT);
static_assert(static_cast<int>(BH_PROBE_MEMORY_INSTRUMENT) == v1::PROBE_MEMORY_INSTRUMENT);
static_assert(static_cast<int>(BH_PROBE_MEMORY_CORE_DUMP) == v1::PROBE_MEMORY_CORE_DUMP);
static_assert(static_cast<int>(BH_PROBE_MEMORY_UPROBE) == v1::PROBE_MEMORY_UPROBE);
static_assert(static_cast<int>(BH_PROBE_HOST_SWEEP) == v1::PROBE_HOST_SWEEP);
static_assert(static_cast<int>(BH_MEMORY_USERFAULTFD_RECEIVE) == v1::MEMORY_OPERATION_USERFAULTFD_RECEIVE);
static_assert(static_cast<int>(BH_OPEN_RECEIVED) == v1::OPEN_METHOD_RECEIVED);
static_assert(static_cast<int>(BH_CONTROL_UNANSWERED) == v1::CONTROL_RESULT_UNANSWERED);
static_assert(static_cast<int>(BH_CONTROL_TCP) == v1::CONTROL_TRANSPORT_TCP);
static_assert(static_cast<int>(BH_ENDPOINT_HOST_SOCKET) == v1::ENDPOINT_KIND_HOST_SOCKET);
static_assert(static_cast<int>(BH_PROBE_VMM_CONFINEMENT) == v1::PROBE_VMM_CONFINEMENT);
static_assert(static_cast<int>(BH_VMM_ACT_PTRACE) == v1::VMM_ACT_KIND_PTRACE);
static_assert(static_cast<int>(BH_ENDPOINT_OPEN) == v1::ENDPOINT_METHOD_OPEN);
static_assert(static_cast<int>(BH_HOLDING_MAPPING) == v1::HOLDING_KIND_MAPPING);

// The fixed part, copied out so that alignment does not matter; false when the record is shorter.
template <typename Raw>
bool read_fixed(std::span<const std::byte> bytes, Raw& raw) {
  if (bytes.size() < sizeof(Raw)) return false;
  std::memcpy(&raw, bytes.data(), sizeof(Raw));
  return true;
}

Header header_from(const bh_header& raw) {
  return Header{.time_ns = raw.time_ns,
                .actor_key = {raw.actor_tgid, raw.actor_start_ns, raw.actor_exec_id},
                .actor_tid = raw.actor_tid,
                .actor_uid = raw.actor_uid,
                .actor_login_uid = raw.actor_login_uid,
                .actor = {raw.actor.tenant, raw.actor.domain},
                .object = {raw.object.tenant, raw.object.domain},
                .probe = static_cast<v1::Probe>(raw.probe),
                .trusted = (raw.flags & BH_FLAG_TRUSTED) != 0};
}

FileKey file_key_from(const bh_file_key& raw) {
  return {.inode = raw.inode,
          .device = raw.device,
          .generation = raw.generation,
          .block_device = raw.is_block == BH_BLOCK_DEVICE,
          .character_device = raw.is_block == BH_CHARACTER_DEVICE};
}

std::string bounded_text(const char* text, std::size_t capacity) {
  return std::string(text, strnlen(text, capacity));
}

// Components, deepest first, each ended by NUL, into "/a/b/c".
std::string path_from(std::span<const std::byte> tail, bool cut) {
  std::vector<std::string_view> components;
  std::string_view rest(reinterpret_cast<const char*>(tail.data()), tail.size());
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (end > 0) components.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string path = cut ? "…" : "";
  for (auto component = components.rbegin(); component != components.rend(); ++component) {
    path += '/';
    path += *component;
  }
  return path.empty() ? "/" : path;
}

absl::Status too_short(const char* kind, std::size_t size) {
  return absl::InvalidArgumentError(absl::StrCat(kind, " record of ", size, " bytes is too short"));
}

// A walk that ended at its limits may not have reached the root: what is near it, the unit, is then not known.
bool is_cut_cgroup(std::span<const std::byte> tail) {
  const auto components = std::ranges::count(tail, std::byte{0});
  return tail.size() >= BH_CGROUP_CAPACITY || components >= BH_CGROUP_DEPTH;
}

absl::StatusOr<Record> decode_actor(std::span<const std::byte> bytes) {
  bh_actor_record raw;
  if (!read_fixed(bytes, raw)) return too_short("actor", bytes.size());
  const std::span<const std::byte> tail = bytes.subspan(sizeof(raw));
  if (tail.size() < std::size_t{raw.path_length} + raw.cgroup_length) return too_short("actor", bytes.size());

  ActorRecord actor;
  actor.header = header_from(raw.header);
  if (raw.path_length > 0) {
    actor.executable = path_from(tail.first(raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  actor.executable_file = file_key_from(raw.executable);
  actor.command = bounded_text(raw.command, sizeof(raw.command));
  for (const bh_process& ancestor : raw.lineage) {
    if (ancestor.tgid == 0) break;
    actor.lineage.push_back(
        {ancestor.tgid, ancestor.start_ns, bounded_text(ancestor.command, sizeof(ancestor.command))});
  }
  const std::span<const std::byte> cgroup = tail.subspan(raw.path_length, raw.cgroup_length);
  actor.cgroup = path_from(cgroup, is_cut_cgroup(cgroup));
  return actor;
}

absl::StatusOr<Record> decode_memory(std::span<const std::byte> bytes) {
  bh_memory_record raw;
  if (!read_fixed(bytes, raw)) return too_short("memory", bytes.size());
  if (raw.operation == 0 || !v1::MemoryOperation_IsValid(static_cast<int>(raw.operation))) {
    return absl::InvalidArgumentError(absl::StrCat("memory record with operation ", raw.operation));
  }
  MemoryRecord memory;
  memory.header = header_from(raw.header);
  memory.target_tgid = raw.target_tgid;
  memory.target_start_ns = raw.target_start_ns;
  memory.access.set_operation(static_cast<v1::MemoryOperation>(raw.operation));
  memory.access.set_target_thread_id(raw.target_tid);
  memory.access.set_address(raw.address);
  memory.access.set_result(raw.result);
  memory.access.set_ptrace_request(raw.ptrace_request);
  memory.access.set_open_flags(raw.open_flags);
  memory.access.set_descriptor_number(raw.descriptor);
  return memory;
}

absl::StatusOr<Record> decode_file_open(std::span<const std::byte> bytes) {
  bh_file_open_record raw;
  if (!read_fixed(bytes, raw)) return too_short("file open", bytes.size());
  if (bytes.size() - sizeof(raw) < raw.path_length) return too_short("file open", bytes.size());
  if (raw.method == 0 || !v1::OpenMethod_IsValid(static_cast<int>(raw.method))) {
    return absl::InvalidArgumentError(absl::StrCat("file open record with method ", raw.method));
  }
  FileOpenRecord opened;
  opened.header = header_from(raw.header);
  opened.is_host_memory = (raw.header.flags & BH_FLAG_HOST_MEMORY) != 0;
  opened.is_host_file = (raw.header.flags & BH_FLAG_HOST_FILE) != 0;
  opened.is_guest_memory = (raw.header.flags & BH_FLAG_GUEST_MEMORY) != 0;
  opened.file = file_key_from(raw.file);
  opened.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  opened.open.set_method(static_cast<v1::OpenMethod>(raw.method));
  opened.open.set_flags(raw.open_flags);
  opened.open.set_device(raw.file.device);
  opened.open.set_inode(raw.file.inode);
  opened.open.set_generation(raw.file.generation);
  opened.open.set_block_device(opened.file.block_device);
  opened.open.set_link_count(raw.link_count);
  return opened;
}

absl::StatusOr<Record> decode_delivery(std::span<const std::byte> bytes) {
  bh_delivery_record raw;
  if (!read_fixed(bytes, raw)) return too_short("delivery", bytes.size());
  if (raw.address_length != 0 && raw.address_length != 4 && raw.address_length != 16) {
    return absl::InvalidArgumentError(absl::StrCat("delivery record with addresses of ", raw.address_length, " bytes"));
  }
  DeliveryRecord delivery;
  delivery.header = header_from(raw.header);
  delivery.source_mac_is_ports = (raw.witnesses & BH_WITNESS_SOURCE_MAC) != 0;
  v1::FrameDelivery& frame = delivery.frame;
  frame.set_source_ifindex(raw.source_ifindex);
  frame.set_destination_ifindex(raw.destination_ifindex);
  frame.set_network_namespace(raw.network_namespace);
  frame.set_source_mac(raw.source_mac, sizeof(raw.source_mac));
  frame.set_destination_mac(raw.destination_mac, sizeof(raw.destination_mac));
  frame.set_ethertype(raw.ethertype);
  frame.set_source_address(raw.source_address, raw.address_length);
  frame.set_destination_address(raw.destination_address, raw.address_length);
  frame.set_ip_protocol(raw.ip_protocol);
  frame.set_frames(raw.frames);
  frame.set_bytes(raw.bytes);
  return delivery;
}

std::string uuid_text(const bh_domain_key& domain) {
  std::string text;
  for (std::size_t i = 0; i < sizeof(domain.uuid); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    absl::StrAppend(&text, absl::Hex(domain.uuid[i], absl::kZeroPad2));
  }
  return text;
}

absl::StatusOr<Record> decode_control(std::span<const std::byte> bytes) {
  bh_control_record raw;
  if (!read_fixed(bytes, raw)) return too_short("control", bytes.size());
  if (raw.result == 0 || !v1::ControlResult_IsValid(raw.result) || !v1::ControlTransport_IsValid(raw.transport)) {
    return absl::InvalidArgumentError(
        absl::StrCat("control record with result ", raw.result, " over transport ", raw.transport));
  }
  if (raw.address_length != 0 && raw.address_length != 4 && raw.address_length != 16) {
    return absl::InvalidArgumentError(absl::StrCat("control record with an address of ", raw.address_length, " bytes"));
  }
  const ControlProcedure procedure = control_procedure(raw.program, raw.procedure, raw.call_flags);
  ControlRecord control;
  control.header = header_from(raw.header);
  control.daemon_tgid = raw.daemon_tgid;
  control.daemon_start_ns = raw.daemon_start_ns;
  if ((raw.notes & BH_CONTROL_HAS_DOMAIN) != 0) control.domain_uuid = uuid_text(raw.domain);
  control.makes_domain = procedure.makes_domain;
  v1::ControlCall& call = control.call;
  call.set_procedure(procedure.name);
  call.set_category(procedure.category);
  call.set_program(raw.program);
  call.set_number(raw.procedure);
  call.set_result(static_cast<v1::ControlResult>(raw.result));
  call.set_error(raw.error);
  call.set_flags(raw.call_flags);
  call.set_verb(bounded_text(raw.verb, sizeof(raw.verb)));
  call.set_transport(static_cast<v1::ControlTransport>(raw.transport));
  call.set_peer_address(raw.peer_address, raw.address_length);
  call.set_peer_port(raw.peer_port);
  call.set_duration_ns(raw.duration_ns);
  call.set_late_answer((raw.notes & BH_CONTROL_LATE_ANSWER) != 0);
  call.set_caller_gone((raw.notes & BH_CONTROL_CALLER_GONE) != 0);
  return control;
}

// As ss(8) writes it; NUL bytes in it mean nothing to the kernel, and end nothing.
std::string abstract_name(std::span<const std::byte> tail) {
  std::string name = "@";
  for (const std::byte byte : tail) {
    const char c = static_cast<char>(byte);
    name += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '@';
  }
  return name;
}

absl::StatusOr<Record> decode_endpoint(std::span<const std::byte> bytes) {
  bh_endpoint_record raw;
  if (!read_fixed(bytes, raw)) return too_short("endpoint", bytes.size());
  if (bytes.size() - sizeof(raw) < raw.path_length) return too_short("endpoint", bytes.size());
  if (raw.kind == 0 || !v1::EndpointKind_IsValid(static_cast<int>(raw.kind)) || raw.method == 0 ||
      !v1::EndpointMethod_IsValid(static_cast<int>(raw.method))) {
    return absl::InvalidArgumentError(absl::StrCat("endpoint record of kind ", raw.kind, ", method ", raw.method));
  }
  EndpointRecord endpoint;
  endpoint.header = header_from(raw.header);
  endpoint.endpoint = {raw.endpoint.inode, raw.endpoint.device, raw.endpoint.generation, raw.endpoint.network_namespace,
                       raw.endpoint.port};
  if (raw.kind == BH_ENDPOINT_HOST_SOCKET) {
    const std::span<const std::byte> tail = bytes.subspan(sizeof(raw), raw.path_length);
    const bool is_abstract = (raw.header.flags & BH_FLAG_ABSTRACT_NAME) != 0;
    endpoint.path = is_abstract ? abstract_name(tail) : path_from(tail, (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  endpoint.access.set_kind(static_cast<v1::EndpointKind>(raw.kind));
  endpoint.access.set_method(static_cast<v1::EndpointMethod>(raw.method));
  endpoint.access.set_result(raw.result);
  return endpoint;
}

absl::StatusOr<Record> decode_vmm_act(std::span<const std::byte> bytes) {
  bh_vmm_act_record raw;
  if (!read_fixed(bytes, raw)) return too_short("VMM's act", bytes.size());
  if (bytes.size() - sizeof(raw) < raw.path_length) return too_short("VMM's act", bytes.size());
  if (raw.act == 0 || !v1::VmmActKind_IsValid(static_cast<int>(raw.act))) {
    return absl::InvalidArgumentError(absl::StrCat("record of a VMM's act ", raw.act));
  }
  VmmActRecord act;
  act.header = header_from(raw.header);
  if (raw.act == BH_VMM_ACT_EXECUTE) {
    act.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  act.call = raw.call == BH_CALL_CLONE ? "clone" : call_name(raw.call);
  act.act.set_kind(static_cast<v1::VmmActKind>(raw.act));
  act.act.set_result(raw.result);
  act.act.set_argument(raw.argument);
  return act;
}

bool can_be_held(std::uint32_t kind) {
  static_assert(static_cast<int>(BH_HELD_GUEST_MEMORY) == v1::OBJECT_KIND_GUEST_MEMORY &&
                static_cast<int>(BH_HELD_VOLUME) == v1::OBJECT_KIND_VOLUME &&
                static_cast<int>(BH_HELD_HOST_MEMORY) == v1::OBJECT_KIND_HOST_MEMORY &&
                static_cast<int>(BH_HELD_VIRTUAL_MACHINE) == v1::OBJECT_KIND_VIRTUAL_MACHINE);
  return kind == BH_HELD_GUEST_MEMORY || kind == BH_HELD_VOLUME || kind == BH_HELD_HOST_MEMORY ||
         kind == BH_HELD_VIRTUAL_MACHINE;
}

absl::StatusOr<Record> decode_holding(std::span<const std::byte> bytes) {
  bh_holding_record raw;
  if (!read_fixed(bytes, raw) || bytes.size() - sizeof(raw) < raw.path_length) {
    return too_short("holding", bytes.size());
  }
  if (raw.kind == 0 || !v1::HoldingKind_IsValid(static_cast<int>(raw.kind)) || !can_be_held(raw.held)) {
    return absl::InvalidArgumentError(absl::StrCat("holding record of kind ", raw.kind, ", object ", raw.held));
  }
  HoldingRecord holding;
  holding.header = header_from(raw.header);
  holding.held = static_cast<v1::ObjectKind>(raw.held);
  holding.file = file_key_from(raw.file);
  holding.target_tgid = raw.target_tgid;
  holding.target_start_ns = raw.target_start_ns;
  holding.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  v1::Holding& told = holding.holding;
  told.set_kind(static_cast<v1::HoldingKind>(raw.kind));
  told.set_descriptor_number(raw.descriptor);
  told.set_open_flags(raw.open_flags);
  told.set_writable(raw.writable != 0);
  told.set_mapped_bytes(raw.mapped_bytes);
  told.set_device(raw.file.device);
  told.set_inode(raw.file.inode);
  told.set_generation(raw.file.generation);
  told.set_block_device(raw.file.is_block != 0);
  return holding;
}

absl::StatusOr<Record> decode_lifecycle(std::span<const std::byte> bytes) {
  bh_lifecycle_record raw;
  if (!read_fixed(bytes, raw)) return too_short("lifecycle", bytes.size());
  LifecycleRecord lifecycle;
  lifecycle.header = header_from(raw.header);
  switch (raw.change) {
    case BH_LIFECYCLE_EMULATOR_EXEC:
      lifecycle.change = LifecycleRecord::Change::kEmulatorExec;
      return lifecycle;
    case BH_LIFECYCLE_VMM_EXIT:
      lifecycle.change = LifecycleRecord::Change::kVmmExit;
      return lifecycle;
  }
  return absl::InvalidArgumentError(absl::StrCat("lifecycle record with change ", raw.change));
}

absl::StatusOr<Record> decode_signal(std::span<const std::byte> bytes) {
  bh_signal_record raw;
  if (!read_fixed(bytes, raw)) return too_short("signal", bytes.size());
  SignalRecord signal;
  signal.header = header_from(raw.header);
  signal.signal = raw.signal;
  return signal;
}

// "PROCESS_VM_READ" of "MEMORY_OPERATION_PROCESS_VM_READ", in small letters.
std::string short_name(const std::string& name, std::size_t prefix) {
  return absl::AsciiStrToLower(name.substr(std::min(prefix, name.size())));
}

std::string canary_act(std::uint32_t act) {
  const int number = static_cast<int>(act & 0xff);
  if ((act & BH_CANARY_MEMORY) != 0) {
    return short_name(v1::MemoryOperation_Name(static_cast<v1::MemoryOperation>(number)), sizeof("MEMORY_OPERATION"));
  }
  if ((act & BH_CANARY_OPEN) != 0) {
    return short_name(v1::OpenMethod_Name(static_cast<v1::OpenMethod>(number)), sizeof("OPEN_METHOD"));
  }
  return short_name(v1::EndpointMethod_Name(static_cast<v1::EndpointMethod>(number)), sizeof("ENDPOINT_METHOD"));
}

absl::StatusOr<Record> decode_canary(std::span<const std::byte> bytes) {
  bh_canary_record raw;
  if (!read_fixed(bytes, raw)) return too_short("canary", bytes.size());
  if (raw.hook_probe == 0 || !v1::Probe_IsValid(static_cast<int>(raw.hook_probe))) {
    return absl::InvalidArgumentError(absl::StrCat("canary record of probe ", raw.hook_probe));
  }
  CanaryRecord canary;
  canary.header = header_from(raw.header);
  canary.hook_probe = static_cast<v1::Probe>(raw.hook_probe);
  canary.act = canary_act(raw.act);
  canary.cpu = raw.cpu;
  return canary;
}

absl::StatusOr<Record> decode_merge(std::span<const std::byte> bytes) {
  bh_merge_record raw;
  if (!read_fixed(bytes, raw)) return too_short("merge", bytes.size());
  MergeRecord merge;
  merge.header = header_from(raw.header);
  merge.target_tgid = raw.target_tgid;
  merge.target_start_ns = raw.target_start_ns;
  merge.pages = raw.pages;
  return merge;
}

absl::StatusOr<Record> decode_core(std::span<const std::byte> bytes) {
  bh_core_record raw;
  if (!read_fixed(bytes, raw)) return too_short("core", bytes.size());
  CoreRecord core;
  core.header = header_from(raw.header);
  core.signal = raw.signal;
  core.limit = raw.limit;
  return core;
}

}  // namespace

absl::StatusOr<Record> decode(std::span<const std::byte> bytes) {
  bh_header header;
  if (!read_fixed(bytes, header)) return too_short("kernel", bytes.size());
  if (header.size != bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel record says ", header.size, " bytes and has ", bytes.size()));
  }
  const bool actor = header.kind == BH_RECORD_ACTOR;  // belongs to no probe
  if (!actor && (header.probe == 0 || header.probe == v1::PROBE_AGENT || !v1::Probe_IsValid(header.probe))) {
    return absl::InvalidArgumentError(absl::StrCat("kernel record of probe ", header.probe));
  }
  switch (header.kind) {
    case BH_RECORD_ACTOR:
      return decode_actor(bytes);
    case BH_RECORD_MEMORY:
      return decode_memory(bytes);
    case BH_RECORD_FILE_OPEN:
      return decode_file_open(bytes);
    case BH_RECORD_DELIVERY:
      return decode_delivery(bytes);
    case BH_RECORD_LIFECYCLE:
      return decode_lifecycle(bytes);
    case BH_RECORD_CONTROL_CALL:
      return decode_control(bytes);
    case BH_RECORD_ENDPOINT:
      return decode_endpoint(bytes);
    case BH_RECORD_SIGNAL:
      return decode_signal(bytes);
    case BH_RECORD_CANARY:
      return decode_canary(bytes);
    case BH_RECORD_MERGE:
      return decode_merge(bytes);
    case BH_RECORD_CORE:
      return decode_core(bytes);
    case BH_RECORD_VMM_ACT:
      return decode_vmm_act(bytes);
    case BH_RECORD_HOLDING:
      return decode_holding(bytes);
  }
  return absl::InvalidArgumentError(absl::StrCat("kernel record of kind ", header.kind));
}

const Header& header_of(const Record& record) {
  return std::visit([](const auto& one) -> const Header& { return one.header; }, record);
}

}  // namespace bulkhead::decode

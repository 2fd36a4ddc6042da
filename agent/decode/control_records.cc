#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/libvirt_procedures.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

namespace {

static_assert(static_cast<int>(BH_CONTROL_UNANSWERED) == v1::CONTROL_RESULT_UNANSWERED);
static_assert(static_cast<int>(BH_CONTROL_TCP) == v1::CONTROL_TRANSPORT_TCP);
static_assert(static_cast<int>(BH_ENDPOINT_HOST_SOCKET) == v1::ENDPOINT_KIND_HOST_SOCKET);
static_assert(static_cast<int>(BH_ENDPOINT_OPEN) == v1::ENDPOINT_METHOD_OPEN);

std::string uuid_text(const bh_domain_key& domain) {
  std::string text;
  for (std::size_t i = 0; i < sizeof(domain.uuid); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    absl::StrAppend(&text, absl::Hex(domain.uuid[i], absl::kZeroPad2));
  }
  return text;
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

}  // namespace

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

}  // namespace bulkhead::decode

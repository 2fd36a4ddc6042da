#include "collector/alerts/ocsf_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "collector/alerts/ocsf_parts.h"
#include "collector/detect/network_text.h"

namespace bulkhead::alerts {

std::string enum_name(const google::protobuf::EnumDescriptor& descriptor, int number, std::size_t prefix) {
  if (number == 0) return "";
  const auto* value = descriptor.FindValueByNumber(number);
  return value != nullptr ? absl::AsciiStrToLower(value->name().substr(prefix)) : fmt::format("{}", number);
}

Json file(const std::string& path, int type) {
  return {{"path", path}, {"name", path.substr(path.rfind('/') + 1)}, {"type_id", type}};
}

namespace {

constexpr int kOther = 99;
constexpr std::uint32_t kNoLogin = 4294967295u;

// A start is told in nanoseconds since boot; the event's two stamps tell when the boot was.
Json process(const v1::Process& process, const v1::Event& event) {
  Json json{{"pid", process.pid()}, {"uid", fmt::format("{}:{}", process.pid(), process.start_time_ns())}};
  if (!process.command().empty()) json["name"] = process.command();
  if (!process.executable().empty()) json["file"] = file(process.executable(), kRegularFile);
  if (event.boot_time_ns() != 0 && process.start_time_ns() != 0) {
    const auto age = static_cast<std::int64_t>(event.boot_time_ns() - process.start_time_ns()) / 1000000;
    json["created_time"] = milliseconds(event.time()) - age;
  }
  return json;
}

Json actor(const v1::Event& event) {
  const v1::Actor& actor = event.actor();
  // The lineage from its far end: each process is put into the one that it started.
  Json parent;
  for (int i = actor.lineage_size() - 1; i >= 0; --i) {
    Json json = process(actor.lineage(i), event);
    if (!parent.is_null()) json["parent_process"] = std::move(parent);
    parent = std::move(json);
  }
  Json json = process(actor.process(), event);
  json["tid"] = actor.thread_id();
  json["user"] = {{"uid", fmt::format("{}", actor.uid())}};
  if (!parent.is_null()) json["parent_process"] = std::move(parent);
  Json result{{"process", std::move(json)}};
  if (actor.login_uid() != kNoLogin) result["user"] = {{"uid", fmt::format("{}", actor.login_uid())}};
  return result;
}

Json endpoint(const std::string& port, const std::string& mac, const std::string& address) {
  Json json{{"interface_name", port}};
  if (!mac.empty()) json["mac"] = detect::mac_text(mac);
  if (const std::string text = detect::address_text(address); !text.empty()) json["ip"] = text;
  return json;
}

void add_memory(const v1::Event& event, Json& evidence, Json& data) {
  const v1::MemoryAccess& access = event.memory_access();
  evidence["process"] = process(event.object().vmm(), event);
  if (!event.path().empty()) evidence["file"] = file(event.path(), kOther);
  data["operation"] = enum_name(v1::MemoryOperation_descriptor(), access.operation(), "MEMORY_OPERATION_");
  data["result"] = access.result();
  data["address"] = access.address();
  data["target_thread_id"] = access.target_thread_id();
  data["ptrace_request"] = access.ptrace_request();
  data["open_flags"] = access.open_flags();
  data["descriptor_number"] = access.descriptor_number();
}

void add_file(const v1::Event& event, Json& evidence, Json& data) {
  const v1::FileOpen& open = event.file_open();
  evidence["file"] = file(event.path(), open.block_device() ? kBlockDevice : kRegularFile);
  data["method"] = enum_name(v1::OpenMethod_descriptor(), open.method(), "OPEN_METHOD_");
  data["flags"] = open.flags();
  data["device"] = open.device();
  data["inode"] = open.inode();
  data["generation"] = open.generation();
  data["link_count"] = open.link_count();
}

void add_frames(const v1::Event& event, Json& evidence, Json& data) {
  const v1::FrameDelivery& frame = event.frame_delivery();
  evidence["src_endpoint"] = endpoint(frame.source_port(), frame.source_mac(), frame.source_address());
  evidence["dst_endpoint"] = endpoint(frame.destination_port(), frame.destination_mac(), frame.destination_address());
  data["ethertype"] = frame.ethertype();
  data["ip_protocol"] = frame.ip_protocol();
  data["frames"] = frame.frames();
  data["bytes"] = frame.bytes();
  data["source_ifindex"] = frame.source_ifindex();
  data["destination_ifindex"] = frame.destination_ifindex();
  data["network_namespace"] = frame.network_namespace();
  data["source_mac_tenant"] = frame.source_mac_tenant();
}

// OCSF's API object: which call of which service, and what came of it.
void add_call(const v1::Event& event, Json& evidence, Json& data) {
  const v1::ControlCall& call = event.control_call();
  evidence["api"] = {{"operation", call.procedure()}, {"service", {{"name", "libvirt"}}}};
  if (call.result() == v1::CONTROL_RESULT_FAILED) {
    evidence["api"]["response"] = {{"code", call.error()}, {"error", "libvirt refused or failed"}};
  }
  if (const std::string address = detect::address_text(call.peer_address()); !address.empty()) {
    evidence["src_endpoint"] = {{"ip", address}, {"port", call.peer_port()}};
  }
  evidence["process"] = process(call.daemon(), event);
  data["category"] = enum_name(v1::ControlCategory_descriptor(), call.category(), "CONTROL_CATEGORY_");
  data["result"] = enum_name(v1::ControlResult_descriptor(), call.result(), "CONTROL_RESULT_");
  data["transport"] = enum_name(v1::ControlTransport_descriptor(), call.transport(), "CONTROL_TRANSPORT_");
  data["verb"] = call.verb();
  data["program"] = call.program();
  data["procedure_number"] = call.number();
  data["flags"] = call.flags();
  data["duration_ns"] = call.duration_ns();
  data["late_answer"] = call.late_answer();
  data["caller_gone"] = call.caller_gone();
}

void add_loss(const v1::Event& event, Json& data) {
  const v1::Loss& loss = event.loss();
  data["lost_probe"] = enum_name(v1::Probe_descriptor(), loss.probe(), "PROBE_");
  data["lost_records"] = loss.count();
  data["place"] = enum_name(v1::Loss::Place_descriptor(), loss.place(), "PLACE_");
  data["window_start_ns"] = loss.window_start_ns();
  data["window_end_ns"] = loss.window_end_ns();
}

void add_holding(const v1::Event& event, Json& evidence, Json& data) {
  const v1::Holding& holding = event.holding();
  if (!event.path().empty()) {
    evidence["file"] = file(event.path(), holding.block_device() ? kBlockDevice : kRegularFile);
  }
  data["holding"] = enum_name(v1::HoldingKind_descriptor(), holding.kind(), "HOLDING_KIND_");
  data["descriptor_number"] = holding.descriptor_number();
  data["open_flags"] = holding.open_flags();
  data["writable"] = holding.writable();
  data["mapped_bytes"] = holding.mapped_bytes();
  data["device"] = holding.device();
  data["inode"] = holding.inode();
  data["generation"] = holding.generation();
  if (holding.after_detach()) data["after_detach"] = true;
}

void add_vmm_act(const v1::Event& event, Json& evidence, Json& data) {
  if (!event.path().empty()) evidence["file"] = file(event.path(), kRegularFile);
  data["act"] = enum_name(v1::VmmActKind_descriptor(), event.vmm_act().kind(), "VMM_ACT_KIND_");
  data["result"] = event.vmm_act().result();
  data["argument"] = event.vmm_act().argument();
}

void add_sensor_fault(const v1::Event& event, Json& data) {
  const v1::SensorFault& fault = event.sensor_fault();
  data["fault"] = enum_name(v1::SensorFaultKind_descriptor(), fault.kind(), "SENSOR_FAULT_KIND_");
  data["fault_probe"] = enum_name(v1::Probe_descriptor(), fault.probe(), "PROBE_");
  data["detail"] = fault.detail();
  data["signal"] = fault.signal();
  data["duration_ns"] = fault.duration_ns();
}

void add_coverage_change(const v1::Event& event, Json& data) {
  const v1::CoverageChange& change = event.coverage_change();
  data["change"] = enum_name(v1::CoverageChangeKind_descriptor(), change.kind(), "COVERAGE_CHANGE_KIND_");
  data["changed_probe"] = enum_name(v1::Probe_descriptor(), change.probe(), "PROBE_");
  data["mechanism"] = change.mechanism();
  data["reason"] = change.reason();
  data["old_agent_version"] = change.old_agent_version();
  data["new_agent_version"] = change.new_agent_version();
  data["old_kernel_release"] = change.old_kernel_release();
  data["new_kernel_release"] = change.new_kernel_release();
}

Json evidence(const v1::Event& event) {
  Json json{{"uid", fmt::format("{}/{}", event.boot_id(), event.sequence())}};
  if (event.actor().process().pid() != 0) json["actor"] = actor(event);
  Json data{{"time", milliseconds(event.time())},
            {"probe", enum_name(v1::Probe_descriptor(), event.probe(), "PROBE_")},
            {"actor_tenant", event.actor().tenant()},
            {"object_tenant", event.object().tenant()}};
  switch (event.payload_case()) {
    case v1::Event::kMemoryAccess:
      add_memory(event, json, data);
      break;
    case v1::Event::kFileOpen:
      add_file(event, json, data);
      break;
    case v1::Event::kFrameDelivery:
      add_frames(event, json, data);
      break;
    case v1::Event::kLoss:
      add_loss(event, data);
      break;
    case v1::Event::kTenantChange:
      data["old_tenant"] = event.tenant_change().old_tenant();
      data["new_tenant"] = event.tenant_change().new_tenant();
      break;
    case v1::Event::kGrantChange:
      data["grant_id"] = event.grant_change().grant().id();
      data["change"] = enum_name(v1::GrantChangeKind_descriptor(), event.grant_change().kind(), "GRANT_CHANGE_KIND_");
      data["by"] = event.grant_change().by();
      data["why"] = event.grant_change().why();
      data["uses"] = event.grant_change().uses();
      break;
    case v1::Event::kPolicyChange:
      data["old_version"] = event.policy_change().old_version();
      data["new_version"] = event.policy_change().new_version();
      data["sha256"] = event.policy_change().sha256();
      break;
    case v1::Event::kControlCall:
      add_call(event, json, data);
      break;
    case v1::Event::kEndpointAccess:
      data["endpoint"] = enum_name(v1::EndpointKind_descriptor(), event.endpoint_access().kind(), "ENDPOINT_KIND_");
      data["method"] = enum_name(v1::EndpointMethod_descriptor(), event.endpoint_access().method(), "ENDPOINT_METHOD_");
      data["result"] = event.endpoint_access().result();
      break;
    case v1::Event::kVmmAct:
      add_vmm_act(event, json, data);
      break;
    case v1::Event::kHolding:
      add_holding(event, json, data);
      break;
    case v1::Event::kPageMerge:
      data["pages"] = event.page_merge().pages();
      break;
    case v1::Event::kSiblingTime:
      data["shared_ns"] = event.sibling_time().shared_ns();
      data["overlaps"] = event.sibling_time().overlaps();
      data["window_ns"] = event.sibling_time().window_ns();
      break;
    case v1::Event::kSensorFault:
      add_sensor_fault(event, data);
      break;
    case v1::Event::kCoverageChange:
      add_coverage_change(event, data);
      break;
    case v1::Event::kAgentStop:
      data["signal"] = event.agent_stop().signal();
      break;
    case v1::Event::kCoreDump:
      data["signal"] = event.core_dump().signal();
      data["pattern"] = event.core_dump().pattern();
      data["limit"] = event.core_dump().limit();
      break;
    case v1::Event::kClaim:
      data["target"] = event.claim().target();
      data["read_only"] = event.claim().read_only();
      data["shareable"] = event.claim().shareable();
      data["image"] = event.claim().image();
      break;
    case v1::Event::kVolumeIo:
    case v1::Event::kVolumeChange:
    case v1::Event::kVolumeMapping:
    case v1::Event::kResidueRead:
    case v1::Event::kWipeRecord:
    case v1::Event::kSharedVolume:
      add_disk_evidence(event, json, data);
      break;
    case v1::Event::PAYLOAD_NOT_SET:
      break;
  }
  json["data"] = std::move(data);
  return json;
}

Json resource(std::string_view type, const std::string& uid, const std::string& name, const std::string& owner) {
  Json json{{"type", type}, {"uid", uid}, {"name", name}};
  if (!owner.empty()) json["owner"] = {{"uid", owner}, {"type_id", kOther}, {"type", "Tenant"}};
  return json;
}

}  // namespace

std::int64_t milliseconds(const google::protobuf::Timestamp& stamp) {
  // Protobuf's own range, years 1 to 9999, so that no stamp can overflow.
  constexpr std::int64_t kFirst = -62135596800;
  constexpr std::int64_t kLast = 253402300799;
  return std::clamp(std::int64_t{stamp.seconds()}, kFirst, kLast) * 1000 + stamp.nanos() / 1000000;
}

std::string object_kind_name(v1::ObjectKind kind) {
  return enum_name(v1::ObjectKind_descriptor(), kind, "OBJECT_KIND_");
}

Json resources(const v1::Alert& alert) {
  const v1::Object& object = alert.object();
  Json json = Json::array();
  json.push_back(resource(object_kind_name(object.kind()), object.id(), object.id(), object.tenant()));
  if (!object.domain_uuid().empty() && object.kind() != v1::OBJECT_KIND_DOMAIN) {
    json.push_back(resource("domain", object.domain_uuid(), object.domain_name(), object.tenant()));
  }
  return json;
}

Json evidences(const v1::Alert& alert) {
  Json json = Json::array();
  for (const v1::Event& event : alert.evidence()) json.push_back(evidence(event));
  return json;
}

}  // namespace bulkhead::alerts

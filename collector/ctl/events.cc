#include "absl/strings/str_cat.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {

namespace {

std::string lower(std::string name, std::string_view prefix) {
  if (name.empty()) return "unknown";
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string describe_memory(const v1::MemoryAccess& access) {
  const std::string operation = lower(v1::MemoryOperation_Name(access.operation()), "MEMORY_OPERATION_");
  return absl::StrCat(operation,
                      access.operation() == v1::MEMORY_OPERATION_PTRACE
                          ? absl::StrCat(" request ", access.ptrace_request())
                          : std::string(),
                      access.result() < 0 ? " failed with " : " = ", access.result());
}

std::string describe_call(const v1::ControlCall& call) {
  return absl::StrCat(call.procedure(), call.verb().empty() ? "" : " ", call.verb(), " ",
                      lower(v1::ControlResult_Name(call.result()), "CONTROL_RESULT_"),
                      call.error() != 0 ? absl::StrCat(" with libvirt error ", call.error()) : std::string());
}

std::string actor(const v1::Event& event) {
  const auto& process = event.actor().process();
  const std::string& name = process.executable().empty() ? process.command() : process.executable();
  if (process.pid() == 0) return event.actor().tenant();
  return absl::StrCat(event.actor().tenant(), " ", name.substr(name.rfind('/') + 1), "[", process.pid(), "]");
}

std::string object(const v1::Event& event) {
  const auto& object = event.object();
  const std::string& name = object.kind() == v1::OBJECT_KIND_GUEST_MEMORY ? object.domain_name() : object.id();
  return absl::StrCat(object.tenant(), " ", name);
}

}  // namespace

std::string describe(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kMemoryAccess:
      return describe_memory(event.memory_access());
    case v1::Event::kFileOpen: {
      const bool writes = (event.file_open().flags() & 3) != 0;
      return absl::StrCat(lower(v1::OpenMethod_Name(event.file_open().method()), "OPEN_METHOD_"),
                          writes ? " for writing" : " for reading");
    }
    case v1::Event::kFrameDelivery:
      return absl::StrCat(event.frame_delivery().frames(), " frames, ", event.frame_delivery().source_port(), " to ",
                          event.frame_delivery().destination_port());
    case v1::Event::kLoss:
      return absl::StrCat(event.loss().count(), " records lost in the ",
                          lower(v1::Loss::Place_Name(event.loss().place()), "PLACE_"));
    case v1::Event::kTenantChange:
      return absl::StrCat("tenant ", event.tenant_change().old_tenant(), " became ",
                          event.tenant_change().new_tenant());
    case v1::Event::kGrantChange:
      return absl::StrCat("grant ", event.grant_change().grant().id(), " was ",
                          lower(v1::GrantChangeKind_Name(event.grant_change().kind()), "GRANT_CHANGE_KIND_"));
    case v1::Event::kPolicyChange:
      return absl::StrCat("policy ", event.policy_change().new_version(), " is in force");
    case v1::Event::kControlCall:
      return describe_call(event.control_call());
    case v1::Event::kEndpointAccess:
      return absl::StrCat(lower(v1::EndpointKind_Name(event.endpoint_access().kind()), "ENDPOINT_KIND_"), " ",
                          lower(v1::EndpointMethod_Name(event.endpoint_access().method()), "ENDPOINT_METHOD_"), " = ",
                          event.endpoint_access().result());
    case v1::Event::kVmmAct:
      return absl::StrCat("VMM ", lower(v1::VmmActKind_Name(event.vmm_act().kind()), "VMM_ACT_KIND_"), " = ",
                          event.vmm_act().result());
    case v1::Event::kHolding:
      return absl::StrCat("holds a ", lower(v1::HoldingKind_Name(event.holding().kind()), "HOLDING_KIND_"));
    case v1::Event::kPageMerge:
      return absl::StrCat(event.page_merge().pages(), " pages merged by KSM");
    case v1::Event::kSiblingTime:
      return absl::StrCat("vCPUs side by side on one core for ", event.sibling_time().shared_ns() / 1000, " us of ",
                          event.sibling_time().window_ns() / 1000);
    case v1::Event::kSensorFault:
      return absl::StrCat(lower(v1::SensorFaultKind_Name(event.sensor_fault().kind()), "SENSOR_FAULT_KIND_"), ": ",
                          event.sensor_fault().detail());
    case v1::Event::kCoverageChange:
      return absl::StrCat(lower(v1::CoverageChangeKind_Name(event.coverage_change().kind()), "COVERAGE_CHANGE_KIND_"),
                          ": ", event.coverage_change().mechanism());
    case v1::Event::kAgentStop:
      return absl::StrCat("the agent was told to end by signal ", event.agent_stop().signal());
    case v1::Event::kCoreDump:
      return absl::StrCat("VMM dumps core by signal ", event.core_dump().signal(), " to ", event.core_dump().pattern());
    case v1::Event::kClaim:
      return absl::StrCat("domain ", event.actor().domain_name(), " is defined with it as ", event.claim().target());
    case v1::Event::kVolumeIo:
      return absl::StrCat(event.volume_io().bytes_read(), " bytes read, ", event.volume_io().bytes_written(),
                          " written");
    case v1::Event::kVolumeChange:
      return absl::StrCat("volume ",
                          lower(v1::VolumeChangeKind_Name(event.volume_change().kind()), "VOLUME_CHANGE_KIND_"), " = ",
                          event.volume_change().result());
    case v1::Event::kVolumeMapping:
      return absl::StrCat(event.volume_mapping().removed() ? "no longer behind " : "reachable through ",
                          lower(v1::VolumeMappingKind_Name(event.volume_mapping().kind()), "VOLUME_MAPPING_KIND_"), " ",
                          event.volume_mapping().name());
    case v1::Event::kResidueRead:
      return absl::StrCat(event.residue_read().bytes(), " bytes read that ", event.residue_read().previous_tenant(),
                          " left");
    case v1::Event::kWipeRecord:
      return absl::StrCat("wipe ", lower(v1::WipeVerdict_Name(event.wipe_record().verdict()), "WIPE_VERDICT_"), ", ",
                          event.wipe_record().bytes_remaining(), " of ", event.wipe_record().size(), " bytes as ",
                          event.wipe_record().previous_tenant(), " left them");
    case v1::Event::kSharedVolume:
      return absl::StrCat("in ", event.shared_volume().holders_size(), " domains");
    case v1::Event::PAYLOAD_NOT_SET:
      return "of a kind that this version does not know";
  }
  return {};
}

absl::Status list_events(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListEventsRequest request;
  *request.mutable_filter() = arguments.filter;
  request.set_follow(arguments.follow);
  request.set_limit(arguments.limit);
  bool any = false;
  const std::size_t rest = output.page > 100 ? output.page - 87 : 13;
  const auto status = client.events(request, [&](const v1::Event& event) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(event) << '\n';
    } else {
      if (!any) output.out << row({{"TIME", 19}, {"HOST", 8}, {"ACTOR", 26}, {"OBJECT", 26}, {"WHAT", rest}});
      output.out << row({{format_time(event.time()), 19},
                         {event.host_id(), 8},
                         {actor(event), 26},
                         {object(event), 26},
                         {describe(event), rest}});
    }
    any = true;
    if (arguments.follow) output.out.flush();
    return output.out.good();
  });
  if (status.ok() && !any && arguments.format == Format::kTable) {
    output.out << "no events: nothing was seen that crosses from one tenant to another, or from the host to a tenant"
               << " (see bulkheadctl hosts for what is watched)\n";
  }
  return status;
}

}  // namespace bulkhead::ctl

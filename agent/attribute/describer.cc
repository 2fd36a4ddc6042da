#include "agent/attribute/describer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/attribute/describe_owner.h"
#include "agent/attribute/operations.h"

namespace bulkhead::attribute {

namespace {

void describe_process(const probes::ProcessKey& key, const std::string& executable, const std::string& command,
                      v1::Process& process) {
  process.set_pid(key.tgid);
  process.set_start_time_ns(key.start_ns);
  process.set_executable(executable);
  process.set_command(command);
}

// Which host's it is, is said by the event.
void describe_agent(v1::Object& object) {
  object.set_kind(v1::OBJECT_KIND_AGENT);
  object.set_tenant(ownership::kHostTenant);
  object.set_id("agent");
}

}  // namespace

v1::Event Describer::describe(const decode::Record& record, std::int64_t realtime_offset_ns) {
  v1::Event event;
  const decode::Header& header = decode::header_of(record);
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  const std::int64_t time_ns = static_cast<std::int64_t>(header.time_ns) + realtime_offset_ns;
  event.mutable_time()->set_seconds(time_ns / kNanosecondsPerSecond);
  event.mutable_time()->set_nanos(static_cast<std::int32_t>(time_ns % kNanosecondsPerSecond));
  event.set_boot_time_ns(header.time_ns);
  event.set_probe(header.probe);
  std::visit([&](const auto& one) { describe(one, event); }, record);
  return event;
}

void Describer::describe_actor(const decode::Header& header, v1::Actor& actor) {
  const probes::ProcessKey process = actor_process(header);
  describe_owner(owners_.settled(header.actor, process), ownership_.registry(), actor);
  if (process.tgid == 0) return;
  const ActorFacts* known = actors_.find(header.actor_key);
  const ActorFacts& facts = known != nullptr ? *known : actors_.look_up(header.actor_key);
  describe_process(process, facts.executable, facts.command, *actor.mutable_process());
  for (const ActorFacts::Ancestor& ancestor : facts.lineage) {
    describe_process({ancestor.tgid, ancestor.start_ns}, ancestor.executable, ancestor.command, *actor.add_lineage());
  }
  actor.set_cgroup(facts.cgroup);
  actor.set_thread_id(header.actor_tid);
  actor.set_uid(header.actor_uid);
  actor.set_login_uid(header.actor_login_uid);
}

bool Describer::is_trusted(const decode::Header& header, config::Operations operations, const v1::Event& event) {
  if (!header.trusted) return false;
  const ActorFacts* facts = actors_.find(header.actor_key);
  if (facts == nullptr) return false;
  const decode::FileKey& told = facts->executable_file;
  probes::FileKey executable = key_of(told);
  if (executable == probes::FileKey{} && !facts->executable.empty()) {
    // Its record was lost. It lived when /proc was asked for its path.
    if (const auto found = ownership_.executable_of(header.actor_key.tgid); found.ok()) executable = *found;
  }
  return ownership_.trusts(executable, {.operations = operations,
                                        .uid = header.actor_uid,
                                        .object_tenant = event.object().tenant(),
                                        .cgroup = facts->cgroup});
}

void Describer::describe_guest_memory(probes::Owner owner, const probes::ProcessKey& vmm, v1::Object& object) {
  object.set_kind(v1::OBJECT_KIND_GUEST_MEMORY);
  describe_owner(owner, ownership_.registry(), object);
  object.set_id(absl::StrCat("vmm:", vmm.tgid, ":", vmm.start_ns));
  describe_vmm(owner, vmm, *object.mutable_vmm());
}

void Describer::describe_vmm(probes::Owner owner, const probes::ProcessKey& vmm, v1::Process& process) {
  const ownership::DomainFacts* domain = ownership_.registry().domain(owner.domain);
  describe_process(vmm, domain == nullptr ? "" : domain->emulator, "", process);
}

// None of these becomes an event of its own.
void Describer::describe(const decode::ActorRecord&, v1::Event&) {}
void Describer::describe(const decode::CanaryRecord&, v1::Event&) {}
void Describer::describe(const decode::LifecycleRecord&, v1::Event&) {}

void Describer::describe(const decode::MemoryRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const probes::ProcessKey target = {record.target_tgid, record.target_start_ns};
  const probes::Owner owner = owners_.settled(record.header.object, target);
  v1::Object& object = *event.mutable_object();
  if (owner.tenant == probes::kAgentNumber) {
    describe_agent(object);
  } else {
    describe_guest_memory(owner, target, object);
  }
  *event.mutable_memory_access() = record.access;
  event.mutable_actor()->set_trusted_service(is_trusted(record.header, operations_of(record.access), event));
}

void Describer::describe_host_object(v1::ObjectKind kind, const decode::Record& record, v1::Event& event) {
  v1::Object& object = *event.mutable_object();
  object.set_kind(kind);
  const decode::Header& header = decode::header_of(record);
  const bool is_own = !std::holds_alternative<decode::VmmActRecord>(record) && !owners_.is_undeclared(record);
  describe_owner(is_own ? owners_.settled(header.actor, actor_process(header)) : probes::Owner{}, ownership_.registry(),
                 object);
}

void Describer::describe(const decode::FileOpenRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  // What was plugged in a moment ago may be a volume by now.
  const bool is_volume = !record.is_host_memory && ownership_.volume(key_of(record.file)) != nullptr;
  if (record.is_host_file && !is_volume) {
    describe_host_object(v1::OBJECT_KIND_HOST_FILE, record, event);
    event.mutable_object()->set_id(record.path);
    event.set_path(record.path);
    *event.mutable_file_open() = record.open;
    return;
  }
  v1::Object& object = *event.mutable_object();
  object.set_kind(record.is_host_memory    ? v1::OBJECT_KIND_HOST_MEMORY
                  : record.is_guest_memory ? v1::OBJECT_KIND_GUEST_MEMORY
                                           : v1::OBJECT_KIND_VOLUME);
  describe_owner(record.is_host_file ? ownership_.volume(key_of(record.file))->owner
                                     : probes::Owner{record.header.object.tenant, record.header.object.domain},
                 ownership_.registry(), object);
  object.set_id(name_of_file(object.kind(), record.file, record.path));
  event.set_path(record.path);
  *event.mutable_file_open() = record.open;
  const config::Operations operations =
      object.kind() == v1::OBJECT_KIND_VOLUME ? operations_of(record.open) : memory_operations_of(record.open);
  event.mutable_actor()->set_trusted_service(is_trusted(record.header, operations, event));
}

void Describer::describe(const decode::HoldingRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  v1::Object& object = *event.mutable_object();
  object.set_kind(record.held);
  const probes::ProcessKey target = {record.target_tgid, record.target_start_ns};
  const bool is_machine = record.held == v1::OBJECT_KIND_VIRTUAL_MACHINE;
  const probes::Owner owner = owners_.settled(record.header.object, target);
  describe_owner(owner, ownership_.registry(), object);
  if (target.tgid != 0 || is_machine) {
    const probes::ProcessKey vmm = is_machine ? actor_process(record.header) : target;
    object.set_id(absl::StrCat("vmm:", vmm.tgid, ":", vmm.start_ns));
  } else {
    object.set_id(name_of_file(record.held, record.file, record.path));
  }
  if (target.tgid != 0) {
    describe_vmm(owner, target, *object.mutable_vmm());
  }
  event.set_path(record.path);
  *event.mutable_holding() = record.holding;
  event.mutable_actor()->set_trusted_service(
      is_trusted(record.header, operations_of(record.holding, record.held), event));
}

// What was released since is named by what the kernel has.
std::string Describer::name_of_file(v1::ObjectKind kind, const decode::FileKey& file, const std::string& path) const {
  const probes::FileKey key = {file.inode, file.device, file.generation, file.block_device};
  if (kind == v1::OBJECT_KIND_VOLUME) {
    const ownership::VolumeFacts* volume = ownership_.volume(key);
    if (volume != nullptr) return volume->source;
    const std::string name = ownership_.detached_volume(key);
    return name.empty() ? path : name;
  }
  if (kind == v1::OBJECT_KIND_GUEST_MEMORY) {
    const std::string name = ownership_.guest_memory(key);
    return name.empty() ? ownership::memory_name(path) : name;
  }
  return path;
}

void Describer::describe(const decode::ControlRecord& record, v1::Event& event) {
  v1::Actor& actor = *event.mutable_actor();
  describe_actor(record.header, actor);
  // Also without a process: uid 0 would be root's.
  actor.set_uid(record.header.actor_uid);
  actor.set_login_uid(record.header.actor_login_uid);

  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_DOMAIN);
  object.set_id(record.domain_uuid);
  object.set_domain_uuid(record.domain_uuid);
  probes::Owner owner = {record.header.object.tenant, record.header.object.domain};
  if (owner == probes::Owner{}) owner = ownership_.domain(record.domain_uuid);
  if (owner != probes::Owner{}) {
    describe_owner(owner, ownership_.registry(), object);
  } else if (!record.domain_uuid.empty()) {
    object.set_tenant(absl::StrCat("unknown:", record.domain_uuid));
  } else {
    // A call that was to make a domain and did not is nobody's matter; any other was about one that could not be read.
    object.set_tenant(record.makes_domain ? ownership::kHostTenant : "unknown");
  }
  v1::ControlCall& call = *event.mutable_control_call();
  call = record.call;
  const ActorFacts& daemon = actors_.look_up({record.daemon_tgid, record.daemon_start_ns, 0});
  describe_process({record.daemon_tgid, record.daemon_start_ns}, daemon.executable, daemon.command,
                   *call.mutable_daemon());
  actor.set_trusted_service(is_trusted(record.header, operations_of(call), event));
}

void Describer::describe(const decode::EndpointRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  if (record.access.kind() == v1::ENDPOINT_KIND_HOST_SOCKET) {
    describe_host_object(v1::OBJECT_KIND_ENDPOINT, record, event);
    event.mutable_object()->set_id(record.path);
    event.set_path(record.path);
    *event.mutable_endpoint_access() = record.access;
    return;
  }
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_ENDPOINT);
  describe_owner({record.header.object.tenant, record.header.object.domain}, ownership_.registry(), object);
  const decode::EndpointKey& key = record.endpoint;
  object.set_id(ownership_.endpoint({key.inode, key.device, key.generation, key.network_namespace, key.port}));
  *event.mutable_endpoint_access() = record.access;
  event.mutable_actor()->set_trusted_service(is_trusted(record.header, operations_of(record.access), event));
}

void Describer::describe(const decode::SignalRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  describe_agent(*event.mutable_object());
  event.mutable_sensor_fault()->set_kind(v1::SENSOR_FAULT_KIND_SIGNALLED);
  event.mutable_sensor_fault()->set_signal(record.signal);
}

void Describer::describe(const decode::MergeRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const probes::ProcessKey target = {record.target_tgid, record.target_start_ns};
  describe_guest_memory(owners_.settled(record.header.object, target), target, *event.mutable_object());
  event.mutable_page_merge()->set_pages(record.pages);
}

void Describer::describe(const decode::SiblingsRecord& record, v1::Event& event) {
  const probes::ProcessKey vmm = actor_process(record.header);
  const probes::Owner owner = owners_.settled(record.header.actor, vmm);
  describe_owner(owner, ownership_.registry(), *event.mutable_actor());
  describe_vmm(owner, vmm, *event.mutable_actor()->mutable_process());
  const probes::ProcessKey target = {record.target_tgid, record.target_start_ns};
  const probes::Owner target_owner = owners_.settled(record.header.object, target);
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_DOMAIN);
  describe_owner(target_owner, ownership_.registry(), object);
  object.set_id(object.domain_uuid());
  describe_vmm(target_owner, target, *object.mutable_vmm());
  *event.mutable_sibling_time() = record.time;
}

void Describer::describe(const decode::CoreRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const probes::ProcessKey vmm = actor_process(record.header);
  describe_guest_memory(owners_.settled(record.header.object, vmm), vmm, *event.mutable_object());
  event.mutable_core_dump()->set_signal(record.signal);
  event.mutable_core_dump()->set_limit(record.limit);
  event.mutable_core_dump()->set_pattern(actors_.core_pattern());
}

void Describer::describe(const decode::VmmActRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const bool is_program = record.act.kind() == v1::VMM_ACT_KIND_EXECUTE;
  describe_host_object(is_program ? v1::OBJECT_KIND_HOST_FILE : v1::OBJECT_KIND_HOST_KERNEL, record, event);
  event.mutable_object()->set_id(is_program ? record.path : record.call);
  event.set_path(record.path);
  *event.mutable_vmm_act() = record.act;
}

void Describer::describe(const decode::DeliveryRecord& record, v1::Event& event) {
  v1::FrameDelivery& frame = *event.mutable_frame_delivery();
  frame = record.frame;
  const auto device_of = [&](std::uint32_t ifindex) {
    const ownership::PortFacts* port = ownership_.port({frame.network_namespace(), ifindex});
    return port != nullptr ? port->device : absl::StrCat("if", ifindex);
  };
  frame.set_source_port(device_of(frame.source_ifindex()));
  frame.set_destination_port(device_of(frame.destination_ifindex()));
  inventory::MacAddress mac{};
  std::copy_n(frame.source_mac().begin(), std::min(mac.size(), frame.source_mac().size()), mac.begin());

  describe_actor(record.header, *event.mutable_actor());
  frame.set_source_mac_tenant(record.source_mac_is_ports ? event.actor().tenant() : ownership_.tenant_of_mac(mac));
  if (const ownership::DomainFacts* domain = ownership_.registry().domain(record.header.actor.domain)) {
    describe_process(domain->vmm, domain->emulator, "", *event.mutable_actor()->mutable_process());
  }
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_PORT);
  describe_owner({record.header.object.tenant, record.header.object.domain}, ownership_.registry(), object);
  object.set_id(frame.destination_port());
}

}  // namespace bulkhead::attribute

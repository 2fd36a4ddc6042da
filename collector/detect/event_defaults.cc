#include "collector/detect/event_defaults.h"

namespace bulkhead::detect {
namespace {

constexpr char kDomain[] = "11111111-1111-1111-1111-111111111111";
constexpr char kVolume[] = "/var/lib/libvirt/images/web.qcow2";
constexpr char kOtherDomain[] = "22222222-2222-2222-2222-222222222222";

// A tool that someone with a login runs on the host.
void set_host_process(v1::Actor& actor) {
  actor.set_tenant("host");
  actor.set_login_uid(1000);
  actor.set_thread_id(4711);
  actor.set_cgroup("/user.slice/user-1000.slice/session-1.scope");
  v1::Process& process = *actor.mutable_process();
  process.set_pid(4711);
  process.set_start_time_ns(4000000000000);
  process.set_executable("/usr/bin/tool");
  process.set_command("tool");
  v1::Process& parent = *actor.add_lineage();
  parent.set_pid(4000);
  parent.set_start_time_ns(3000000000000);
  parent.set_executable("/usr/bin/bash");
  parent.set_command("bash");
}

void set_object(v1::Event& event, v1::ObjectKind kind, const char* id) {
  v1::Object& object = *event.mutable_object();
  object.set_kind(kind);
  object.set_tenant("acme");
  object.set_domain_uuid(kDomain);
  object.set_domain_name("web");
  object.set_id(id);
}

void set_memory(v1::Event& event) {
  event.set_probe(v1::PROBE_MEMORY_PROCESS_VM);
  set_host_process(*event.mutable_actor());
  set_object(event, v1::OBJECT_KIND_GUEST_MEMORY, "vmm:900:1000000000000");
  v1::Process& vmm = *event.mutable_object()->mutable_vmm();
  vmm.set_pid(900);
  vmm.set_start_time_ns(1000000000000);
  vmm.set_executable("/usr/bin/qemu-system-x86_64");
  event.mutable_memory_access();
}

void set_file(v1::Event& event) {
  event.set_probe(v1::PROBE_DISK_FILE_OPEN);
  set_host_process(*event.mutable_actor());
  set_object(event, v1::OBJECT_KIND_VOLUME, "/var/lib/libvirt/images/web.qcow2");
  event.set_path("/var/lib/libvirt/images/web.qcow2");
  event.mutable_file_open()->set_method(v1::OPEN_METHOD_OPENAT);
  event.mutable_file_open()->set_inode(131);
  event.mutable_file_open()->set_link_count(1);
}

// The VMM of another tenant.
void set_vmm(v1::Actor& actor) {
  actor.set_tenant("initech");
  actor.set_domain_uuid(kOtherDomain);
  actor.set_domain_name("db");
}

void set_frame(v1::Event& event) {
  event.set_probe(v1::PROBE_NETWORK_DELIVERY);
  set_vmm(*event.mutable_actor());
  set_object(event, v1::OBJECT_KIND_PORT, "vnet1");
  v1::FrameDelivery& frame = *event.mutable_frame_delivery();
  frame.set_source_port("vnet0");
  frame.set_destination_port("vnet1");
  frame.set_ethertype(0x0800);
  frame.set_frames(1);
  frame.set_bytes(98);
}

void set_control_call(v1::Event& event) {
  event.set_probe(v1::PROBE_CONTROL_LIBVIRT_RPC);
  set_host_process(*event.mutable_actor());
  set_object(event, v1::OBJECT_KIND_DOMAIN, kDomain);
  v1::ControlCall& call = *event.mutable_control_call();
  call.set_procedure("DOMAIN_CORE_DUMP_WITH_FORMAT");
  call.set_program(0x20008086);
  call.set_number(334);
  call.set_category(v1::CONTROL_CATEGORY_MEMORY_DUMP);
  call.set_result(v1::CONTROL_RESULT_DONE);
  call.set_transport(v1::CONTROL_TRANSPORT_UNIX);
  call.mutable_daemon()->set_pid(800);
  call.mutable_daemon()->set_executable("/usr/sbin/libvirtd");
}

void set_statement(v1::Event& event, v1::Probe probe, v1::ObjectKind kind, const char* id) {
  event.set_probe(probe);
  event.mutable_object()->set_kind(kind);
  event.mutable_object()->set_id(id);
}

void set_of_host(v1::Event& event, v1::Probe probe, v1::ObjectKind kind, const char* id) {
  set_statement(event, probe, kind, id);
  event.mutable_object()->set_tenant("host");
}

void set_payload(v1::Event& event, v1::Event::PayloadCase kind) {
  switch (kind) {
    case v1::Event::kMemoryAccess:
      return set_memory(event);
    case v1::Event::kFileOpen:
      return set_file(event);
    case v1::Event::kFrameDelivery:
      return set_frame(event);
    case v1::Event::kLoss:
      set_statement(event, v1::PROBE_AGENT, v1::OBJECT_KIND_PROBE, "memory.process_vm");
      event.mutable_loss();
      return;
    case v1::Event::kTenantChange:
      set_object(event, v1::OBJECT_KIND_DOMAIN, kDomain);
      event.set_probe(v1::PROBE_AGENT);
      event.mutable_tenant_change();
      return;
    case v1::Event::kGrantChange:
      set_statement(event, v1::PROBE_COLLECTOR, v1::OBJECT_KIND_GRANT, "G-0123456789AB");
      event.mutable_object()->set_tenant("acme");
      event.mutable_grant_change()->mutable_grant()->set_id("G-0123456789AB");
      event.mutable_grant_change()->mutable_grant()->set_tenant("acme");
      return;
    case v1::Event::kPolicyChange:
      set_statement(event, v1::PROBE_COLLECTOR, v1::OBJECT_KIND_POLICY, "policy");
      event.mutable_policy_change();
      return;
    case v1::Event::kControlCall:
      return set_control_call(event);
    case v1::Event::kEndpointAccess:
      event.set_probe(v1::PROBE_CONTROL_ENDPOINT);
      set_host_process(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_ENDPOINT, "/var/lib/libvirt/qemu/domain-1-web/monitor.sock");
      event.mutable_endpoint_access()->set_kind(v1::ENDPOINT_KIND_MONITOR);
      event.mutable_endpoint_access()->set_method(v1::ENDPOINT_METHOD_CONNECT);
      return;
    case v1::Event::kVmmAct:
      set_vmm(*event.mutable_actor());
      set_of_host(event, v1::PROBE_VMM_CONFINEMENT, v1::OBJECT_KIND_HOST_FILE, "/usr/bin/id");
      event.mutable_vmm_act()->set_kind(v1::VMM_ACT_KIND_EXECUTE);
      return;
    case v1::Event::kHolding:
      event.set_probe(v1::PROBE_HOST_SWEEP);
      set_host_process(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_GUEST_MEMORY, "/dev/shm/guest-1");
      event.mutable_holding()->set_kind(v1::HOLDING_KIND_MAPPING);
      return;
    case v1::Event::kPageMerge:
      event.set_probe(v1::PROBE_MEMORY_KSM);
      set_vmm(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_GUEST_MEMORY, "vmm:900:77");
      event.mutable_page_merge()->set_pages(1);
      return;
    case v1::Event::kSiblingTime:
      event.set_probe(v1::PROBE_SCHED_SIBLINGS);
      set_vmm(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_DOMAIN, kDomain);
      event.mutable_sibling_time()->set_shared_ns(1'000'000'000);
      event.mutable_sibling_time()->set_overlaps(1);
      event.mutable_sibling_time()->set_window_ns(10'000'000'000);
      return;
    case v1::Event::kSensorFault:
      set_of_host(event, v1::PROBE_AGENT_GUARD, v1::OBJECT_KIND_AGENT, "host-1");
      event.mutable_sensor_fault()->set_kind(v1::SENSOR_FAULT_KIND_HOOK_DETACHED);
      return;
    case v1::Event::kCoverageChange:
      set_of_host(event, v1::PROBE_AGENT, v1::OBJECT_KIND_AGENT, "host-1");
      event.mutable_coverage_change()->set_kind(v1::COVERAGE_CHANGE_KIND_HOOK_LOST);
      return;
    case v1::Event::kAgentStop:
      set_of_host(event, v1::PROBE_AGENT, v1::OBJECT_KIND_AGENT, "host-1");
      event.mutable_agent_stop()->set_signal(15);
      return;
    case v1::Event::kCoreDump:
      set_object(event, v1::OBJECT_KIND_GUEST_MEMORY, "vmm:900:1000000000000");
      event.set_probe(v1::PROBE_MEMORY_CORE_DUMP);
      event.mutable_core_dump()->set_signal(11);
      event.mutable_core_dump()->set_pattern("core");
      return;
    case v1::Event::kClaim:
      event.set_probe(v1::PROBE_AGENT);
      set_vmm(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_VOLUME, "/var/lib/libvirt/images/web.qcow2");
      event.mutable_claim()->set_target("vda");
      return;
    case v1::Event::kVolumeIo:
      event.set_probe(v1::PROBE_DISK_VOLUME_IO);
      set_host_process(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_VOLUME, kVolume);
      event.mutable_volume_io()->set_layer(v1::VOLUME_IO_LAYER_FILE);
      return;
    case v1::Event::kVolumeChange:
      event.set_probe(v1::PROBE_DISK_VOLUME_CHANGE);
      set_host_process(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_VOLUME, kVolume);
      event.set_path(kVolume);
      event.mutable_volume_change()->set_kind(v1::VOLUME_CHANGE_KIND_RENAMED);
      return;
    case v1::Event::kVolumeMapping:
      event.set_probe(v1::PROBE_DISK_MAPPING);
      set_host_process(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_VOLUME, kVolume);
      event.mutable_volume_mapping()->set_kind(v1::VOLUME_MAPPING_KIND_LOOP);
      event.mutable_volume_mapping()->set_name("loop0");
      return;
    case v1::Event::kResidueRead:
      event.set_probe(v1::PROBE_DISK_BLOCK_IO);
      set_vmm(*event.mutable_actor());
      set_object(event, v1::OBJECT_KIND_VOLUME, "/dev/vg/web");
      event.mutable_residue_read()->set_previous_tenant("initech");
      event.mutable_residue_read()->set_bytes(4096);
      event.mutable_residue_read()->set_reads(1);
      return;
    case v1::Event::kWipeRecord:
      event.set_probe(v1::PROBE_AGENT);
      set_object(event, v1::OBJECT_KIND_VOLUME, "/dev/vg/web");
      event.mutable_wipe_record()->set_verdict(v1::WIPE_VERDICT_PROVEN);
      event.mutable_wipe_record()->set_previous_tenant("initech");
      event.mutable_wipe_record()->set_size(1 << 30);
      return;
    case v1::Event::kSharedVolume:
      event.set_probe(v1::PROBE_COLLECTOR);
      set_object(event, v1::OBJECT_KIND_VOLUME, kVolume);
      event.mutable_shared_volume()->set_identity("wwid:naa.5000c500a1b2c3d4");
      return;
    case v1::Event::PAYLOAD_NOT_SET:
      return;
  }
}

}  // namespace

v1::Event default_event(v1::Event::PayloadCase kind, std::uint64_t number) {
  v1::Event event;
  event.set_host_id("host-1");
  event.set_boot_id("boot-1");
  event.set_sequence(number);
  event.mutable_time()->set_seconds(kTestTime);
  set_payload(event, kind);
  return event;
}

}  // namespace bulkhead::detect

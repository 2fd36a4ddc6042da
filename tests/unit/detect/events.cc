#include "tests/unit/detect/events.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bulkhead::test {
namespace {

constexpr std::int64_t kEpoch = 1767323045;  // 2026-01-02T03:04:05Z
constexpr std::uint64_t kBootTime = 5000000000000;

v1::Event base_event() {
  v1::Event event;
  event.set_host_id("host-1");
  event.set_boot_id("boot-1");
  event.set_sequence(1);
  set_time(event, 0);
  return event;
}

void set_actor(v1::Event& event) {
  v1::Actor& actor = *event.mutable_actor();
  actor.set_tenant("host");
  actor.mutable_process()->set_pid(4711);
  actor.mutable_process()->set_start_time_ns(4000000000000);
  actor.mutable_process()->set_executable("/usr/bin/gdb");
  actor.mutable_process()->set_command("gdb");
  actor.set_thread_id(4712);
  actor.set_uid(0);
  actor.set_login_uid(1000);
  actor.set_cgroup("/user.slice");
  v1::Process& parent = *actor.add_lineage();
  parent.set_pid(4000);
  parent.set_start_time_ns(3000000000000);
  parent.set_executable("/usr/bin/bash");
  parent.set_command("bash");
}

void set_object(v1::Event& event, v1::ObjectKind kind, const std::string& id) {
  v1::Object& object = *event.mutable_object();
  object.set_kind(kind);
  object.set_tenant("acme");
  object.set_domain_uuid("11111111-1111-1111-1111-111111111111");
  object.set_domain_name("web");
  object.set_id(id);
}

}  // namespace

void set_time(v1::Event& event, double seconds) {
  const auto whole = static_cast<std::int64_t>(std::floor(seconds));
  event.mutable_time()->set_seconds(kEpoch + whole);
  event.mutable_time()->set_nanos(
      static_cast<std::int32_t>(std::llround((seconds - static_cast<double>(whole)) * 1e9)));
  event.set_boot_time_ns(kBootTime + static_cast<std::uint64_t>(std::llround(seconds * 1e9)));
}

v1::Event memory_event(v1::MemoryOperation operation, std::int64_t result) {
  v1::Event event = base_event();
  event.set_probe(operation == v1::MEMORY_OPERATION_PTRACE ? v1::PROBE_MEMORY_PTRACE : v1::PROBE_MEMORY_PROCESS_VM);
  set_actor(event);
  set_object(event, v1::OBJECT_KIND_GUEST_MEMORY, "vmm:900:1000000000000");
  event.mutable_object()->mutable_vmm()->set_pid(900);
  event.mutable_object()->mutable_vmm()->set_start_time_ns(1000000000000);
  event.mutable_object()->mutable_vmm()->set_executable("/usr/bin/qemu-system-x86_64");
  v1::MemoryAccess& access = *event.mutable_memory_access();
  access.set_operation(operation);
  access.set_target_thread_id(901);
  access.set_result(result);
  if (operation == v1::MEMORY_OPERATION_PTRACE) access.set_ptrace_request(16);
  if (operation == v1::MEMORY_OPERATION_PROC_MEM_OPEN) {
    event.set_probe(v1::PROBE_DISK_FILE_OPEN);
    event.set_path("/proc/900/mem");
  } else {
    access.set_address(0x7f0000001000);
  }
  return event;
}

v1::Event file_event(std::uint32_t flags) {
  v1::Event event = base_event();
  event.set_probe(v1::PROBE_DISK_FILE_OPEN);
  set_actor(event);
  event.mutable_actor()->set_tenant("initech");
  event.mutable_actor()->set_domain_uuid("22222222-2222-2222-2222-222222222222");
  event.mutable_actor()->set_domain_name("db");
  event.mutable_actor()->mutable_process()->set_executable("/usr/bin/qemu-system-x86_64");
  set_object(event, v1::OBJECT_KIND_VOLUME, "/var/lib/libvirt/images/web.qcow2");
  event.set_path("/srv/link-to-web");
  v1::FileOpen& open = *event.mutable_file_open();
  open.set_method(v1::OPEN_METHOD_OPENAT);
  open.set_flags(flags);
  open.set_device(8u << 20 | 1u);
  open.set_inode(131);
  open.set_link_count(1);
  return event;
}

v1::Event frame_event() {
  v1::Event event = base_event();
  event.set_probe(v1::PROBE_NETWORK_DELIVERY);
  event.mutable_actor()->set_tenant("initech");
  event.mutable_actor()->set_domain_uuid("22222222-2222-2222-2222-222222222222");
  event.mutable_actor()->set_domain_name("db");
  set_object(event, v1::OBJECT_KIND_PORT, "vnet1");
  v1::FrameDelivery& frame = *event.mutable_frame_delivery();
  frame.set_source_port("vnet0");
  frame.set_destination_port("vnet1");
  frame.set_source_ifindex(7);
  frame.set_destination_ifindex(8);
  frame.set_network_namespace(4026531840);
  frame.set_source_mac(std::string("\x52\x54\x00\x12\x34\x56", 6));
  frame.set_destination_mac(std::string("\x52\x54\x00\x65\x43\x21", 6));
  frame.set_ethertype(0x0800);
  frame.set_source_address(std::string("\x0a\x00\x00\x01", 4));
  frame.set_destination_address(std::string("\x0a\x00\x00\x02", 4));
  frame.set_ip_protocol(1);
  frame.set_frames(3);
  frame.set_bytes(294);
  frame.set_source_mac_tenant("initech");
  return event;
}

v1::Event loss_event(std::uint64_t count) {
  v1::Event event = base_event();
  event.set_probe(v1::PROBE_AGENT);
  event.mutable_object()->set_kind(v1::OBJECT_KIND_PROBE);
  event.mutable_object()->set_id("memory.process_vm");
  event.mutable_loss()->set_probe(v1::PROBE_MEMORY_PROCESS_VM);
  event.mutable_loss()->set_count(count);
  event.mutable_loss()->set_place(v1::Loss::PLACE_KERNEL);
  return event;
}

v1::Event tenant_change_event(const std::string& old_tenant, const std::string& new_tenant) {
  v1::Event event = base_event();
  event.set_probe(v1::PROBE_AGENT);
  set_object(event, v1::OBJECT_KIND_DOMAIN, "11111111-1111-1111-1111-111111111111");
  event.mutable_object()->set_tenant(new_tenant);
  event.mutable_tenant_change()->set_old_tenant(old_tenant);
  event.mutable_tenant_change()->set_new_tenant(new_tenant);
  return event;
}

std::string source_dir() {
  return BULKHEAD_SOURCE_DIR;
}

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<detect::RuleFile> shipped_rules() {
  std::vector<detect::RuleFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/collector/rules")) {
    if (entry.path().extension() != ".yaml") continue;
    files.push_back({"rules/" + entry.path().filename().string(), read_file(entry.path())});
  }
  std::ranges::sort(files, {}, &detect::RuleFile::name);
  return files;
}

}  // namespace bulkhead::test

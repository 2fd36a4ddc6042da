#include "tests/unit/proto/sample_events.h"

#include <fcntl.h>

#include <array>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/batch/event_time.h"

namespace bulkhead::test {
namespace {

constexpr std::uint64_t kActors = 40;
constexpr std::uint64_t kObjects = 60;
constexpr std::uint64_t kTenants = 20;

// Unlike std::hash, the same on every platform.
std::uint64_t scramble(std::uint64_t value) {
  return std::mt19937_64(value)();
}

std::string uuid(std::uint64_t number) {
  const std::uint64_t high = scramble(number);
  const std::uint64_t low = scramble(number + 1'000'000);
  return absl::StrFormat("%08x-%04x-4%03x-a%03x-%012x", high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 52,
                         low & 0xffffffffffff);
}

std::string tenant(std::uint64_t number) {
  return uuid(100 + number % kTenants);
}
std::string domain_uuid(std::uint64_t number) {
  return uuid(200 + number % kObjects);
}
std::string domain_name(std::uint64_t number) {
  return absl::StrFormat("instance-%08x", 0x1a40 + number % kObjects);
}
std::string port(std::uint64_t number) {
  return absl::StrCat("tap", uuid(300 + number % kObjects).substr(0, 11));
}

void fill(std::uint64_t number, const char* executable, const char* command, v1::Process* process) {
  process->set_pid(static_cast<std::uint32_t>(1200 + scramble(number) % 4'000'000));
  process->set_start_time_ns(35'000'000'000 + scramble(number) % 8'000'000'000'000'000);
  process->set_executable(executable);
  process->set_command(command);
}

void fill_host_actor(std::uint64_t number, v1::Actor* actor) {
  actor->set_tenant("host");
  switch (number % 4) {
    case 0:
      fill(number, "/usr/bin/gdb", "gdb", actor->mutable_process());
      break;
    case 1:
      fill(number, "/usr/bin/qemu-img", "qemu-img", actor->mutable_process());
      break;
    case 2:
      fill(number, "/opt/backup-agent/bin/image-backup-worker", "image-backup-wo", actor->mutable_process());
      break;
    case 3:
      fill(number, "/usr/bin/python3.11", "python3", actor->mutable_process());
      break;
  }
  fill(500 + number, "/usr/bin/bash", "bash", actor->add_lineage());
  fill(600 + number, "/usr/bin/sudo", "sudo", actor->add_lineage());
  fill(700 + number, "/usr/sbin/sshd", "sshd", actor->add_lineage());
  fill(1, "/usr/lib/systemd/systemd", "systemd", actor->add_lineage());
  actor->set_login_uid(static_cast<std::uint32_t>(1000 + number % 7));
  actor->set_cgroup(absl::StrCat("/user.slice/user-", 1000 + number % 7, ".slice/session-", number, ".scope"));
  actor->set_trusted_service(number % 4 == 2);
}

void fill_vmm_actor(std::uint64_t number, v1::Actor* actor) {
  actor->set_tenant(tenant(number));
  actor->set_domain_uuid(domain_uuid(number));
  actor->set_domain_name(domain_name(number));
  fill(800 + number, "/usr/bin/qemu-system-x86_64", "qemu-system-x86", actor->mutable_process());
  fill(2, "/usr/sbin/libvirtd", "libvirtd", actor->add_lineage());
  fill(1, "/usr/lib/systemd/systemd", "systemd", actor->add_lineage());
  actor->set_uid(64055);
  actor->set_login_uid(4294967295u);
  actor->set_cgroup(absl::StrFormat("/machine.slice/machine-qemu\\x2d%d\\x2d%s.scope/libvirt/emulator",
                                    number % kObjects, domain_name(number)));
}

void fill_actor(std::uint64_t number, v1::Event* event) {
  number %= kActors;
  v1::Actor* actor = event->mutable_actor();
  if (number % 2 == 0) {
    fill_host_actor(number / 2, actor);
  } else {
    fill_vmm_actor(number, actor);
  }
  // Most processes act with their first thread, QEMU with its I/O threads.
  actor->set_thread_id(actor->process().pid() + static_cast<std::uint32_t>(number % 2 * 7));
}

void fill_object(std::uint64_t number, v1::ObjectKind kind, std::string id, v1::Event* event) {
  number %= kObjects;
  v1::Object* object = event->mutable_object();
  object->set_kind(kind);
  object->set_tenant(tenant(number));
  object->set_domain_uuid(domain_uuid(number));
  object->set_domain_name(domain_name(number));
  object->set_id(std::move(id));
}

std::string mac(std::uint64_t number) {
  const std::uint64_t bits = scramble(900 + number % kObjects);
  return {'\xfa', '\x16', '\x3e', static_cast<char>(bits), static_cast<char>(bits >> 8), static_cast<char>(bits >> 16)};
}

std::string address(std::uint64_t number, bool is_v6) {
  std::string bytes = is_v6 ? std::string("\xfd\x00\x12\x34\x56\x78\x00\x01", 8) : std::string("\x0a\x14", 2);
  const std::uint64_t bits = scramble(950 + number % kObjects);
  for (int shift = 0; bytes.size() < (is_v6 ? 16u : 4u); shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  return bytes;
}

v1::Event event_at(std::uint64_t sequence, v1::Probe probe) {
  v1::Event event;
  event.set_host_id(kSampleHost);
  event.set_boot_id(kSampleBoot);
  event.set_sequence(sequence);
  constexpr std::int64_t kBoot = 1'780'000'000'123'456'789;
  const std::uint64_t boot_time = 950'000'000'000'000 + sequence * 3'700'000 + scramble(sequence) % 3'000'000;
  event.set_boot_time_ns(boot_time);
  batch::set_nanoseconds(kBoot + static_cast<std::int64_t>(boot_time), event.mutable_time());
  event.set_probe(probe);
  return event;
}

}  // namespace

v1::Event sample_memory_access(std::uint64_t sequence) {
  v1::Event event = event_at(sequence, v1::PROBE_MEMORY_PROCESS_VM);
  const std::uint64_t target = scramble(sequence) % (kObjects / 3);
  fill_actor(scramble(sequence + 1), &event);
  fill_object(target, v1::OBJECT_KIND_GUEST_MEMORY, "", &event);
  v1::Object* object = event.mutable_object();
  fill(800 + target, "/usr/bin/qemu-system-x86_64", "qemu-system-x86", object->mutable_vmm());
  object->set_id(absl::StrCat("vmm:", object->vmm().pid(), ":", object->vmm().start_time_ns()));
  v1::MemoryAccess* access = event.mutable_memory_access();
  access->set_operation(v1::MEMORY_OPERATION_PROCESS_VM_READ);
  access->set_target_thread_id(object->vmm().pid());
  access->set_address(0x7f3a'0000'0000 + (scramble(sequence) & 0xffff'f000));
  access->set_result(4096);
  return event;
}

v1::Event sample_file_open(std::uint64_t sequence) {
  v1::Event event = event_at(sequence, v1::PROBE_DISK_FILE_OPEN);
  const std::uint64_t target = scramble(sequence) % (kObjects / 3) + kObjects / 3;
  const std::string path = absl::StrCat("/var/lib/nova/instances/", domain_uuid(target), "/disk");
  fill_actor(scramble(sequence + 1), &event);
  fill_object(target, v1::OBJECT_KIND_VOLUME, path, &event);
  event.set_path(path);
  v1::FileOpen* open = event.mutable_file_open();
  open->set_method(v1::OPEN_METHOD_OPENAT);
  open->set_flags(O_RDWR | O_CLOEXEC);
  open->set_device(253u << 20 | 7);
  open->set_inode(12'000'000 + target);
  open->set_generation(static_cast<std::uint32_t>(scramble(target)));
  open->set_link_count(1);
  return event;
}

v1::Event sample_delivery(std::uint64_t sequence) {
  v1::Event event = event_at(sequence, v1::PROBE_NETWORK_DELIVERY);
  const std::uint64_t source = scramble(sequence + 1) % kActors | 1;
  const std::uint64_t target = scramble(sequence) % (kObjects / 3) + 2 * kObjects / 3;
  fill_actor(source, &event);
  fill_object(target, v1::OBJECT_KIND_PORT, port(target), &event);
  v1::FrameDelivery* delivery = event.mutable_frame_delivery();
  delivery->set_source_port(port(source));
  delivery->set_destination_port(port(target));
  delivery->set_source_ifindex(static_cast<std::uint32_t>(40 + source));
  delivery->set_destination_ifindex(static_cast<std::uint32_t>(40 + target));
  delivery->set_network_namespace(4026531840u);
  delivery->set_source_mac(mac(source));
  delivery->set_destination_mac(mac(target));
  const bool is_v6 = sequence % 4 == 0;
  delivery->set_ethertype(is_v6 ? 0x86dd : 0x0800);
  delivery->set_source_address(address(source, is_v6));
  delivery->set_destination_address(address(target, is_v6));
  delivery->set_ip_protocol(6);
  delivery->set_frames(1 + scramble(sequence) % 900);
  delivery->set_bytes(delivery->frames() * 1400);
  delivery->set_source_mac_tenant(tenant(source));
  return event;
}

v1::Event sample_loss(std::uint64_t sequence) {
  v1::Event event = event_at(sequence, v1::PROBE_AGENT);
  event.mutable_actor()->set_tenant("host");
  event.mutable_object()->set_kind(v1::OBJECT_KIND_PROBE);
  event.mutable_object()->set_tenant("host");
  event.mutable_object()->set_id("disk.file_open");
  v1::Loss* loss = event.mutable_loss();
  loss->set_probe(v1::PROBE_DISK_FILE_OPEN);
  loss->set_count(1 + scramble(sequence) % 5000);
  loss->set_place(v1::Loss::PLACE_KERNEL);
  loss->set_window_start_ns(event.boot_time_ns() - 2'000'000'000);
  loss->set_window_end_ns(event.boot_time_ns());
  return event;
}

v1::Event sample_tenant_change(std::uint64_t sequence) {
  v1::Event event = event_at(sequence, v1::PROBE_AGENT);
  event.mutable_actor()->set_tenant("host");
  fill_object(sequence, v1::OBJECT_KIND_DOMAIN, domain_uuid(sequence), &event);
  event.mutable_tenant_change()->set_old_tenant(tenant(sequence));
  event.mutable_tenant_change()->set_new_tenant(tenant(sequence + 1));
  return event;
}

v1::Event sample_event(std::uint64_t sequence) {
  // What the agent itself states is rare beside what probes see.
  if (sequence % 64 == 63) return sample_loss(sequence);
  if (sequence % 64 == 31) return sample_tenant_change(sequence);
  switch (sequence % 3) {
    case 0:
      return sample_memory_access(sequence);
    case 1:
      return sample_file_open(sequence);
    default:
      return sample_delivery(sequence);
  }
}

std::vector<v1::Event> sample_events(std::size_t count, std::uint64_t first_sequence) {
  std::vector<v1::Event> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(sample_event(first_sequence + i));
  return events;
}

}  // namespace bulkhead::test

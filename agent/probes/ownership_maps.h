// The kernel side's ownership maps: what the verdict is taken from. Values are plain; keys come from the kernel itself.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::probes {

// Tenants that are no tenant (ebpf/records/record.h). The last two equal nothing, themselves included.
inline constexpr std::uint32_t kHostNumber = 0;
inline constexpr std::uint32_t kStartingNumber = 0xfffffffe;
inline constexpr std::uint32_t kContestedNumber = 0xfffffffd;

// Tenant and domain by the numbers that the agent handed out (agent/ownership/registry.h).
struct Owner {
  std::uint32_t tenant = 0;
  std::uint32_t domain = 0;
  auto operator<=>(const Owner&) const = default;
};

// What a file is to the kernel; a block device is its number alone.
struct FileKey {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;  // kernel encoding: major << 20 | minor
  std::uint32_t generation = 0;
  bool block_device = false;
  auto operator<=>(const FileKey&) const = default;
};

struct ProcessKey {
  std::uint32_t tgid = 0;
  std::uint64_t start_ns = 0;  // CLOCK_BOOTTIME
  auto operator<=>(const ProcessKey&) const = default;
};

struct PortKey {
  std::uint32_t network_namespace = 0;
  std::uint32_t ifindex = 0;
  auto operator<=>(const PortKey&) const = default;
};

// A monitor, guest agent channel, console or display (v1::EndpointKind): a socket or pty by its inode, or a TCP port by
// its network namespace.
struct EndpointKey {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;  // of the superblock
  std::uint32_t generation = 0;
  std::uint32_t network_namespace = 0;
  std::uint32_t port = 0;
  auto operator<=>(const EndpointKey&) const = default;
};

using DomainUuid = std::array<std::uint8_t, 16>;

struct Trust {
  bool may_open_volumes = false;
  bool may_access_memory = false;
  bool may_control_domains = false;
  bool needs_trusted_parent = false;
  std::uint32_t uid = 0xffffffff;  // BH_ANY_UID
};

struct VmmEntry {
  std::uint64_t start_ns = 0;
  Owner owner;
  bool descendant = false;
};

// Map and program descriptors of the loaded objects; owned by ProbeSet, which outlives this.
struct OwnershipDescriptors {
  int vmms = -1;
  int volumes = -1;
  int ports = -1;
  int trusted_executables = -1;
  int emulators = -1;
  int domains = -1;
  int endpoints = -1;
  int libvirt_daemons = -1;
  int file_key_program = -1;
  int endpoint_key_program = -1;
  int process_program = -1;
};

// Thread safe as far as the kernel's maps are; every call is one system call. ResourceExhausted when a map is full.
class OwnershipMaps {
 public:
  explicit OwnershipMaps(OwnershipDescriptors descriptors) : descriptors_(descriptors) {}

  absl::Status set_vmm(const ProcessKey& process, Owner owner, bool descendant);
  void remove_vmm(std::uint32_t tgid);
  // NotFound when the process is in no map.
  absl::StatusOr<VmmEntry> vmm(std::uint32_t tgid) const;

  absl::Status set_volume(const FileKey& key, Owner owner);
  // An object of guest memory; in the same map, so that no file is both.
  absl::Status set_guest_memory(const FileKey& key, Owner owner);
  // Either of the two.
  void remove_volume(const FileKey& key);

  absl::Status set_port(const PortKey& key, Owner owner, const std::array<std::uint8_t, 6>& mac);
  void remove_port(const PortKey& key);

  absl::Status set_domain(const DomainUuid& uuid, Owner owner);
  void remove_domain(const DomainUuid& uuid);

  absl::Status set_endpoint(const EndpointKey& key, Owner owner, v1::EndpointKind kind);
  void remove_endpoint(const EndpointKey& key);
  // As file_key(), for a socket or a character device.
  absl::StatusOr<EndpointKey> endpoint_key(const std::string& path) const;

  // Whose calls of libvirt's probes count, when it runs as root.
  absl::Status set_libvirt_daemon(const FileKey& executable);
  void remove_libvirt_daemon(const FileKey& executable);

  absl::Status set_trusted(const FileKey& executable, const Trust& trust);
  void remove_trusted(const FileKey& executable);
  absl::Status set_emulator(const FileKey& executable);

  // The key of the file at `path`, as the kernel computes it. The file is opened with O_PATH for that moment only, so
  // that neither a volume's deletion nor an unmount waits for the agent. NotFound, PermissionDenied, or
  // InvalidArgument for what is neither a file nor a block device.
  absl::StatusOr<FileKey> file_key(const std::string& path) const;

  // The process that `pid` (a process or thread, as this process's pid namespace numbers it) belongs to; NotFound.
  absl::StatusOr<ProcessKey> process(std::uint32_t pid) const;

 private:
  OwnershipDescriptors descriptors_;
};

}  // namespace bulkhead::probes

// The kernel side's ownership maps: what the verdict is taken from. Values are plain; keys come from the kernel itself.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/written_map.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::probes {

// Tenants that are no tenant (ebpf/records/ownership.h). All but the host equal nothing, themselves included.
inline constexpr std::uint32_t kHostNumber = 0;
inline constexpr std::uint32_t kStartingNumber = 0xfffffffe;
inline constexpr std::uint32_t kContestedNumber = 0xfffffffd;
// The agent's own process, and the objects that its canaries touch.
inline constexpr std::uint32_t kAgentNumber = 0xfffffffc;
// A domain's number that is none's: numbers begin at 1.
inline constexpr std::uint32_t kEveryDomain = 0;

// Tenant and domain by the numbers that the agent handed out (agent/ownership/registry.h).
struct Owner {
  std::uint32_t tenant = 0;
  std::uint32_t domain = 0;
  auto operator<=>(const Owner&) const = default;
};

// What a file is to the kernel; a device is its number alone.
struct FileKey {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;  // kernel encoding: major << 20 | minor
  std::uint32_t generation = 0;
  bool block_device = false;
  bool character_device = false;  // of declared files alone
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

// What VMMs may do with a file that no tenant owns.
struct DeclaredAccess {
  bool read = false;
  bool write = false;
  bool below = false;  // the same for what is below this directory
  auto operator<=>(const DeclaredAccess&) const = default;
};

// A file of any kind, as declared_files has it.
struct DeclaredFile {
  FileKey key;
  bool directory = false;
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
  bool confined = false;
  auto operator<=>(const VmmEntry&) const = default;
};

// Map and program descriptors of the loaded objects; owned by ProbeSet, which outlives this.
struct OwnershipDescriptors {
  int vmms = -1;
  int volumes = -1;
  int declared_files = -1;
  int ports = -1;
  int trusted_executables = -1;
  int emulators = -1;
  int domains = -1;
  int endpoints = -1;
  int libvirt_daemons = -1;
  int guarded = -1;
  int file_key_program = -1;
  int declared_key_program = -1;
  int endpoint_key_program = -1;
  int process_program = -1;
};

// Thread safe; every call but restore() is one system call. ResourceExhausted when a map is full.
class OwnershipMaps {
 public:
  explicit OwnershipMaps(OwnershipDescriptors descriptors);

  // `confined`: what it opens and its domain does not declare is told (set_declared()).
  absl::Status set_vmm(const ProcessKey& process, Owner owner, bool descendant, bool confined = false);
  void remove_vmm(std::uint32_t tgid);
  // NotFound when the process is in no map.
  absl::StatusOr<VmmEntry> vmm(std::uint32_t tgid) const;

  absl::Status set_volume(const FileKey& key, Owner owner);
  // One that everyone may read and nobody write: the host's.
  absl::Status set_base_image(const FileKey& key);
  // An object of guest memory; in the same map, so that no file is both.
  absl::Status set_guest_memory(const FileKey& key, Owner owner);
  // Any of the three.
  void remove_volume(const FileKey& key);

  // What the VMM of that domain, or of every domain (kEveryDomain), may open or connect to.
  absl::Status set_declared(const FileKey& key, std::uint32_t domain, DeclaredAccess access);
  void remove_declared(const FileKey& key, std::uint32_t domain);
  // As file_key(), for any kind of file. A path that begins with "/" is looked up below `root`, a directory, as a
  // process whose root it is would; nothing leads out of there.
  absl::StatusOr<DeclaredFile> declared_file(const std::string& path, const std::string& root = "/") const;

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

  // The process that is the agent: what others do to it is told, what it does to itself is a canary.
  absl::Status set_agent(const ProcessKey& agent);

  // Compares the maps with what was written to them and makes them so again. One line for each entry that somebody else
  // made, altered or removed. Of `vmms` those that the kernel side itself adds and removes are left as they are:
  // children of VMMs, emulators that are starting, processes that ended.
  std::vector<std::string> restore();

  // The key of the file at `path`, as the kernel computes it. The file is opened with O_PATH for that moment only, so
  // that neither a volume's deletion nor an unmount waits for the agent. NotFound, PermissionDenied, or
  // InvalidArgument for what is neither a file nor a block device.
  absl::StatusOr<FileKey> file_key(const std::string& path) const;

  // The process that `pid` (a process or thread, as this process's pid namespace numbers it) belongs to; NotFound also
  // for one that ended and was not waited for yet.
  absl::StatusOr<ProcessKey> process(std::uint32_t pid) const;

 private:
  std::vector<std::string> restore_vmms();

  const OwnershipDescriptors descriptors_;
  WrittenMap volumes_;
  WrittenMap declared_files_;
  WrittenMap ports_;
  WrittenMap trusted_executables_;
  WrittenMap emulators_;
  WrittenMap domains_;
  WrittenMap endpoints_;
  WrittenMap libvirt_daemons_;
  WrittenMap guarded_;
  std::mutex vmms_mutex_;
  std::map<std::uint32_t, VmmEntry> written_vmms_;  // by process; guarded by vmms_mutex_
};

}  // namespace bulkhead::probes

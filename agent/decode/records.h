// What the kernel said, as plain values. Numbers of tenants and domains are still the agent's own; names come later
// (agent/attribute). Times are nanoseconds of CLOCK_BOOTTIME, ids those of the initial pid namespace.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::decode {

struct Owner {
  std::uint32_t tenant = 0;
  std::uint32_t domain = 0;
};

// Names one run of one executable.
struct ActorKey {
  std::uint32_t tgid = 0;
  std::uint64_t start_ns = 0;
  std::uint32_t exec_id = 0;
  auto operator<=>(const ActorKey&) const = default;
};

struct Header {
  std::uint64_t time_ns = 0;
  ActorKey actor_key;  // tgid 0: the record names no process (a frame)
  std::uint32_t actor_tid = 0;
  std::uint32_t actor_uid = 0;
  std::uint32_t actor_login_uid = 0;
  Owner actor;
  Owner object;
  v1::Probe probe = v1::PROBE_UNSPECIFIED;
  bool trusted = false;
};

struct FileKey {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;
  std::uint32_t generation = 0;
  bool block_device = false;
  bool character_device = false;
  auto operator<=>(const FileKey&) const = default;
};

struct Ancestor {
  std::uint32_t tgid = 0;
  std::uint64_t start_ns = 0;
  std::string command;
};

struct ActorRecord {
  Header header;
  std::string executable;  // path; begins with "…" when the part near the root was cut
  FileKey executable_file;
  std::string command;
  std::vector<Ancestor> lineage;  // parent first
  std::string cgroup;             // "/" for the root of the v2 tree; cut as the path is
};

struct MemoryRecord {
  Header header;
  std::uint32_t target_tgid = 0;
  std::uint64_t target_start_ns = 0;
  v1::MemoryAccess access;
};

struct FileOpenRecord {
  Header header;
  FileKey file;
  std::string path;
  bool is_host_memory = false;
  bool is_host_file = false;  // no tenant's, and not declared when it was opened
  bool is_guest_memory = false;
  v1::FileOpen open;
};

// What the actor moved; by `writeback` it is a cgroup, whose actor record has the same start and no process.
struct VolumeIoRecord {
  Header header;
  FileKey file;
  v1::VolumeIo io;
};

// What was done with a volume besides opening it.
struct VolumeChangeRecord {
  Header header;
  FileKey file;
  std::string path;         // before the change; empty when the actor's mounts do not show it
  v1::VolumeChange change;  // with the other path
};

struct DeliveryRecord {
  Header header;
  bool source_mac_is_ports = false;
  v1::FrameDelivery frame;  // ports by index; their names come later
};

struct LifecycleRecord {
  Header header;
  enum class Change { kEmulatorExec, kVmmExit };
  Change change = Change::kEmulatorExec;
};

struct ControlRecord {
  Header header;  // its actor is who asked; tgid 0: over the network, or not known
  std::uint32_t daemon_tgid = 0;
  std::uint64_t daemon_start_ns = 0;
  std::string domain_uuid;    // empty when the call named none that could be read
  bool makes_domain = false;  // the domain is in the answer, if any
  v1::ControlCall call;       // the daemon's process comes later
};

struct EndpointKey {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;
  std::uint32_t generation = 0;
  std::uint32_t network_namespace = 0;
  std::uint32_t port = 0;
};

struct EndpointRecord {
  Header header;
  EndpointKey endpoint;
  std::string path;  // of a socket of the host's, or "@name"; empty for a domain's
  v1::EndpointAccess access;
};

struct HoldingRecord {
  Header header;
  v1::ObjectKind held = v1::OBJECT_KIND_UNSPECIFIED;
  FileKey file;
  std::uint32_t target_tgid = 0;  // for /proc/<pid>/mem: the VMM's; 0 for all else
  std::uint64_t target_start_ns = 0;
  std::string path;
  v1::Holding holding;
};

// A block device came, changed or went, or something was mounted. Most of it is nobody's matter: whether a tenant's
// volume can be reached through it, only the agent knows (MappingWatch), who then says which in `volume` and `mapping`.
struct MappingRecord {
  Header header;
  bool is_mount = false;
  std::uint32_t device = 0;  // major << 20 | minor; of a mount: what it is on, 0 for none and for several
  FileKey root;              // of a mount: what is at its top, if a file
  std::array<std::uint8_t, 16> file_system = {};  // its uuid, zeroes where it has none
  std::string type;                               // of the file system
  bool read_only = false;
  std::string path;  // where it was mounted

  FileKey volume;
  v1::VolumeMapping mapping;
};

struct VmmActRecord {
  Header header;
  std::string path;  // of the program; empty for what executes none
  std::string call;  // the system call's name
  v1::VmmAct act;
};

struct SignalRecord {
  Header header;  // its actor sent it to the agent
  std::uint32_t signal = 0;
};

// An act of the agent's own went through a hook of this probe and the ring of this CPU.
struct CanaryRecord {
  Header header;
  v1::Probe hook_probe = v1::PROBE_UNSPECIFIED;
  std::string act;  // such as "openat"
  std::uint32_t cpu = 0;
};

// Of the actor's memory and of that of the VMM that is named.
struct MergeRecord {
  Header header;
  std::uint32_t target_tgid = 0;
  std::uint64_t target_start_ns = 0;
  std::uint64_t pages = 0;
};

// vCPUs of the actor's and of that VMM's that ran on SMT siblings at once. No actor record tells of the actor.
struct SiblingsRecord {
  Header header;
  std::uint32_t target_tgid = 0;
  std::uint64_t target_start_ns = 0;
  v1::SiblingTime time;
};

struct CoreRecord {
  Header header;  // its actor is the VMM that ends
  std::uint32_t signal = 0;
  std::uint64_t limit = 0;
};

// Its tenant read what the last one left on it.
struct ResidueRecord {
  Header header;
  FileKey file;
  v1::ResidueRead residue;  // whose it was comes later
};

using Record =
    std::variant<ActorRecord, MemoryRecord, FileOpenRecord, DeliveryRecord, LifecycleRecord, ControlRecord,
                 EndpointRecord, VmmActRecord, HoldingRecord, SignalRecord, CanaryRecord, MergeRecord, CoreRecord,
                 SiblingsRecord, VolumeIoRecord, VolumeChangeRecord, ResidueRecord, MappingRecord>;

const Header& header_of(const Record& record);

}  // namespace bulkhead::decode

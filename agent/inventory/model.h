// The host's domains as plain facts: what inventory finds, what ownership is made of. Values only, no libvirt types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bulkhead::inventory {

using MacAddress = std::array<std::uint8_t, 6>;

// What the header of an image names, or of one that it names, and so on.
struct ChainImage {
  std::string source;          // as people and protobuf take it: path, or network_identity()
  std::string path;            // absolute, any bytes; empty for storage behind a network protocol
  std::string format;          // empty when nothing says it
  std::string role;            // "backing file", "data file" or "extent"
  std::string image;           // whose header names it, as people take it
  bool written = false;        // the guest's writes can go there
  std::string real_path = {};  // without symbolic links; empty when it was not looked at, or is not there
  std::string problem = {};    // why it was not followed; with an empty source: why the chain may be longer

  bool operator==(const ChainImage&) const = default;
};

struct Volume {
  std::string source;  // path, or "protocol:name" of a network disk
  std::string type;    // libvirt's disk type ("file", "block", "network", "volume"), or "nvram"
  std::string target;  // guest device, such as "vda"
  bool read_only = false;
  bool shareable = false;
  std::string format = {};    // as the definition has it, such as "qcow2"; empty for none
  std::string identity = {};  // of a network disk: network_identity()
  // What the definition and, once a ChainReader looked, the image's header name behind it.
  std::vector<ChainImage> chain = {};

  bool operator==(const Volume&) const = default;
};

struct Port {
  std::string device;  // host device, such as "vnet0"; empty while the domain is off
  std::optional<MacAddress> mac;
  std::string bridge;

  bool operator==(const Port&) const = default;
};

enum class ResourceKind {
  kHostDevice,    // of the host's, for one domain alone
  kSharedMemory,  // such as ivshmem's
  kPort,          // a network device, or the socket of a software switch's port
};

// What a definition hands to its domain besides volumes, and what no two tenants' domains may have at once.
struct Resource {
  ResourceKind kind = ResourceKind::kHostDevice;
  std::string id;      // "pci:0000:01:00.0", "/dev/shm/NAME", "tap0"; two definitions that name one thing agree in it
  std::string target;  // the element that names it, such as "hostdev"

  auto operator<=>(const Resource&) const = default;
};

enum class EndpointKind { kMonitor, kGuestAgent, kConsole, kDisplay };

// What the VMM of a running domain listens on, on the host.
struct Endpoint {
  EndpointKind kind = EndpointKind::kMonitor;
  std::string path;        // of a socket or pty, as the VMM sees it; empty for a TCP port
  std::uint16_t port = 0;  // TCP, in the VMM's network namespace

  bool operator==(const Endpoint&) const = default;
};

// What the VMM of a running domain may open on the host besides volumes, as the VMM sees it: firmware, kernels, sockets
// of helpers, devices, directories of libvirt's.
struct HostFile {
  std::string path;
  bool read_only = false;
  bool below = false;  // a directory, and what is in it

  auto operator<=>(const HostFile&) const = default;
};

enum class DomainState { kShutOff, kStarting, kRunning, kPaused };

struct Domain {
  std::string uuid;
  std::string name;
  // Tenant key; "unknown:<uuid>" when nothing names one: two domains of unknown tenant are two tenants.
  std::string tenant;
  std::string tenant_source;  // "bulkhead", "nova", "kubevirt", "opennebula", "cloudstack", "mapping" or "none"
  DomainState state = DomainState::kShutOff;
  // Thread group id of the VMM in the initial pid namespace, 0 while it is off. Comes from libvirt's own pid file and
  // is checked against the process's start.
  std::uint32_t vmm_pid = 0;
  std::string emulator;  // path of the emulator's binary
  std::vector<Volume> volumes;
  std::vector<Port> ports;
  std::vector<Resource> resources = {};  // ordered, each once
  std::vector<Endpoint> endpoints;       // none while it is off
  // Of the running domain, ordered; nothing while that is not known.
  std::optional<std::vector<HostFile>> host_files;

  bool operator==(const Domain&) const = default;
};

struct Snapshot {
  std::vector<Domain> domains;  // ordered by uuid
  bool connected = false;       // to libvirt, when this was taken
  std::string error;            // why not; or, when connected, which domain's definition could not be understood
};

}  // namespace bulkhead::inventory

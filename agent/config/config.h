// What the agent is told: parsed from YAML and the command line into plain structs, then validated.
// docs/agent-config.md describes every key; a test holds the two together.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/operations.h"
#include "agent/config/tenant_rules.h"

namespace bulkhead::config {

struct Libvirt {
  std::string uri = "qemu:///system";
  // Where libvirt keeps its run-time files; the VMMs' pid files are in its folder "qemu".
  std::string run_dir = "/run/libvirt";
};

// Which of OpenNebula's two owners is the tenant.
enum class OpenNebulaOwner { kGroup, kUser };

struct Tenants {
  std::string file;               // mapping file that `rules` came from, empty when they are written inline
  std::vector<TenantRule> rules;  // first match wins
  OpenNebulaOwner opennebula = OpenNebulaOwner::kGroup;
};

// A host executable that may do to tenants' objects what others may not.
struct TrustedService {
  std::string executable;            // absolute path; the kernel side matches its inode, not its name
  std::optional<std::uint32_t> uid;  // no value: any
  Operations operations;
  // Only when started by another trusted executable.
  bool only_from_trusted_parent = false;
  // The system's systemd unit that it must run in; empty: any.
  std::string unit = {};
  // Whose objects it may touch; empty: everybody's.
  std::vector<std::string> tenants = {};

  bool operator==(const TrustedService&) const = default;
};

// A file of the host that every VMM may open.
struct VmmFile {
  std::string path;  // absolute; need not exist
  bool read = false;
  bool write = false;
  bool below = false;  // when it is a directory: what is in it as well

  bool operator==(const VmmFile&) const = default;
};

struct Spool {
  std::uint64_t max_mib = 1024;
};

struct Sweep {
  // Between looks at what the host's processes have; 0: none at all.
  std::chrono::milliseconds interval{60'000};

  bool is_on() const { return interval != std::chrono::milliseconds::zero(); }
};

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError };

struct Config {
  std::string collector;  // "host:port", "[v6]:port" or "unix:/path"; empty when not given
  std::string state_dir = "/var/lib/bulkhead-agent";
  std::string host_id;  // empty: resolve_host_id() finds one
  Libvirt libvirt;
  Tenants tenants;
  std::vector<TrustedService> trusted_services;
  std::vector<VmmFile> vmm_files;  // besides those that are built in
  std::uint32_t ring_kib_per_cpu = 512;
  Spool spool;
  Sweep sweep;
  std::chrono::milliseconds health_interval{2000};
  // How often the agent looks whether its own probes and maps are as it left them.
  std::chrono::milliseconds self_check_interval{60'000};
  // Accept a collector that is neither on this host nor reached over TLS.
  bool allow_plaintext = false;
  // "host:port" for /metrics, /healthz and /readyz; port 0 is any free one; empty for none.
  std::string http;
  LogLevel log_level = LogLevel::kInfo;
};

// The configuration without any file: default values and the default trusted services.
Config default_config();

// Parses YAML text over the default values. Reads no other file: a tenants.file is named, its rules are not there yet.
// InvalidArgument with "file:line:column: cause".
absl::StatusOr<Config> parse_config(std::string_view text, std::string_view file);

// Every value on its own and together; whether a collector is needed is up to the caller. One line that says which key.
absl::Status validate(const Config& config);

// Every key, sections with a dot ("libvirt.uri"), in the order of the documentation.
std::vector<std::string> key_names();

}  // namespace bulkhead::config

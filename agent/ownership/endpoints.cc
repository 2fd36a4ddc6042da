#include "agent/ownership/endpoints.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace bulkhead::ownership {

namespace {

v1::EndpointKind to_proto(inventory::EndpointKind kind) {
  switch (kind) {
    case inventory::EndpointKind::kMonitor:
      return v1::ENDPOINT_KIND_MONITOR;
    case inventory::EndpointKind::kGuestAgent:
      return v1::ENDPOINT_KIND_GUEST_AGENT;
    case inventory::EndpointKind::kConsole:
      return v1::ENDPOINT_KIND_CONSOLE;
    case inventory::EndpointKind::kDisplay:
      return v1::ENDPOINT_KIND_DISPLAY;
  }
  return v1::ENDPOINT_KIND_UNSPECIFIED;
}

std::string name(const inventory::Endpoint& endpoint) {
  return endpoint.path.empty() ? absl::StrCat("tcp:", endpoint.port) : endpoint.path;
}

}  // namespace

// A path is the VMM's: libvirt may run in a mount namespace of its own.
absl::StatusOr<probes::EndpointKey> Endpoints::key_of(const inventory::Endpoint& endpoint, std::uint32_t vmm) const {
  if (!endpoint.path.empty()) return maps_.endpoint_key(absl::StrCat("/proc/", vmm, "/root", endpoint.path));
  const std::string path = absl::StrCat("/proc/", vmm, "/ns/net");
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  return probes::EndpointKey{.network_namespace = static_cast<std::uint32_t>(status.st_ino), .port = endpoint.port};
}

void Endpoints::add(const inventory::Domain& domain, probes::Owner owner, v1::Domain& told) {
  if (domain.vmm_pid == 0) return;
  for (const inventory::Endpoint& endpoint : domain.endpoints) {
    v1::Endpoint& one = *told.add_endpoints();
    one.set_kind(to_proto(endpoint.kind));
    one.set_id(name(endpoint));
    const absl::StatusOr<probes::EndpointKey> key = key_of(endpoint, domain.vmm_pid);
    absl::Status status = key.status();
    if (status.ok()) status = maps_.set_endpoint(*key, owner, one.kind());
    one.set_watched(status.ok());
    one.set_reason(std::string(status.message()));
    if (status.ok()) added_.emplace(*key, one.id());
  }
}

void Endpoints::settle() {
  for (const auto& [key, name] : names_) {
    if (!added_.contains(key)) maps_.remove_endpoint(key);
  }
  names_ = std::move(added_);
  added_.clear();
}

std::string Endpoints::name_of(const probes::EndpointKey& key) const {
  const auto name = names_.find(key);
  return name == names_.end() ? "" : name->second;
}

}  // namespace bulkhead::ownership

// Parser of libvirt's domain XML. What it reads is hostile: guests' owners choose names, titles and metadata.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "agent/inventory/model.h"

namespace bulkhead::inventory {

// One statement in the domain's <metadata> about its owner, as written: not yet checked.
struct TenantClaim {
  std::string source;  // "bulkhead", "nova", "kubevirt", "opennebula" or "cloudstack"
  std::string tenant;

  bool operator==(const TenantClaim&) const = default;
};

struct DomainXml {
  // Without tenant, tenant_source, state and vmm_pid: XML does not say these.
  Domain domain;
  std::string title;
  std::vector<TenantClaim> claims;  // in the order in which they count: tenant_mapping.h
  // What was left out, for the log, such as a disk whose source path is longer than the kernel takes.
  std::vector<std::string> problems;
};

// Both are libvirt's own limits (REMOTE_STRING_MAX, libxml2's depth): nobody hides a domain by going beyond ours.
inline constexpr std::size_t kMaxXmlBytes = 4u << 20;
inline constexpr std::size_t kMaxXmlDepth = 256;
inline constexpr std::size_t kMaxDevices = 4096;  // disks and interfaces together
inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxTitleBytes = 1024;
inline constexpr std::size_t kMaxSourceBytes = 4095;

// Thread safe. Nothing is fetched and no entity is expanded: a document type declaration is refused as a whole.
// InvalidArgument, with the line, for what is not well-formed, is too large or too deep, or is no domain with a uuid.
// Name and title come with control characters replaced by '?' and cut to their limits: they are for people.
//
// Volumes: disks in the XML's order, the target of a running block copy (same guest device), NVRAM (target "nvram") and
// the firmware image (target "loader"; when read-only also shareable: one file serves every domain), both type "nvram".
// Each with the chain that the definition itself states; headers are a ChainReader's matter.
absl::StatusOr<DomainXml> parse_domain_xml(std::string_view xml,
                                           config::OpenNebulaOwner opennebula = config::OpenNebulaOwner::kGroup);

// A domain's name as DomainXml has it, for when there is no XML to be had.
std::string name_for_people(std::string_view name);

}  // namespace bulkhead::inventory

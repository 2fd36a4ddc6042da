// Who owns a domain: the operator's mapping, then the domain's own metadata.
#pragma once

#include <string>
#include <vector>

#include "agent/config/tenant_rules.h"
#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {

struct TenantVerdict {
  std::string tenant;
  std::string source;   // as in Domain::tenant_source
  std::string warning;  // for the log: claims that contradict each other or cannot be tenants; empty when all is well
};

// 1. The first rule that matches: the operator's word beats what anyone with write access to libvirt can put into
//    metadata. 2. Metadata: bulkhead, nova, kubevirt, opennebula, cloudstack, in this order; the first form that names
//    someone counts. Two different names in one form, or a name that no tenant can have ("host", "unknown:…", control
//    characters), make the domain's tenant unknown: it does not fall through to the next form. CloudStack's literal
//    "unknown" and an empty name are no statement. 3. "unknown:<uuid>", source "none". Never fails.
TenantVerdict decide_tenant(const DomainXml& domain, const std::vector<config::TenantRule>& rules);

}  // namespace bulkhead::inventory

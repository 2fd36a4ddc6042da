// What a domain's <metadata> says about its owner. Internal to agent/inventory.
#pragma once

#include <libxml/tree.h>

#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {

// In the order in which the forms count. `metadata` may be null; `name` is the domain's.
std::vector<TenantClaim> read_tenant_claims(const xmlNode* metadata, std::string_view name,
                                            config::OpenNebulaOwner opennebula);

}  // namespace bulkhead::inventory

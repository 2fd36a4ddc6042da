// The parser of domain XML and the decision on the tenant, for any bytes.
#include <cstdint>
#include <cstdlib>

#include "agent/inventory/domain_xml.h"
#include "agent/inventory/tenant_mapping.h"
#include "text/tenancy.h"

using namespace bulkhead;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<config::TenantRule> kRules = {{std::nullopt, "*[a-c]?x*", "*:*", "mapped"}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto owner : {config::OpenNebulaOwner::kGroup, config::OpenNebulaOwner::kUser}) {
    const auto parsed = inventory::parse_domain_xml(text, owner);
    if (!parsed.ok()) continue;
    const inventory::Domain& domain = parsed->domain;
    require(domain.uuid.size() == 36);
    require(!domain.name.empty() && domain.name.size() <= inventory::kMaxNameBytes);
    for (const inventory::Volume& volume : domain.volumes) {
      require(!volume.source.empty() && volume.source.size() <= inventory::kMaxSourceBytes);
    }
    for (const inventory::Port& port : domain.ports) require(port.device.size() < 16 && port.bridge.size() < 16);
    const auto verdict = inventory::decide_tenant(*parsed, kRules);
    const bool unknown = verdict.tenant == "unknown:" + domain.uuid;
    // Nobody gets a word of our own by claiming it.
    require(unknown == (verdict.source == "none") && (unknown || text::check_tenant_key(verdict.tenant).ok()));
  }
  return 0;
}

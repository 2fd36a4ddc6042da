// What the configuration says about libvirt, in the inventory's terms.
#pragma once

#include "agent/config/config.h"
#include "agent/inventory/libvirt_inventory.h"

namespace bulkhead {

inline inventory::LibvirtOptions libvirt_options(const config::Config& config) {
  inventory::LibvirtOptions options;
  options.uri = config.libvirt.uri;
  options.run_dir = config.libvirt.run_dir;
  options.tenant_rules = config.tenants.rules;
  options.opennebula = config.tenants.opennebula;
  return options;
}

}  // namespace bulkhead

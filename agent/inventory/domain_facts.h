// What libvirt answers about one domain, before anything of it is parsed. Internal to agent/inventory.
#pragma once

#include <string>

#include "agent/inventory/model.h"

namespace bulkhead::inventory {

struct DomainFacts {
  std::string uuid;
  std::string name;  // raw, as libvirt spells it in file names
  DomainState state = DomainState::kShutOff;
  std::string xml;  // live when the domain is active
};

}  // namespace bulkhead::inventory

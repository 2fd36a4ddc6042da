// A domain's guest agent channel, consoles and displays, as libvirt's XML has them. Internal to agent/inventory.
#pragma once

#include <vector>

#include "agent/inventory/model.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {

// Of a live domain's <devices>. Only what the VMM itself listens on: a socket that it connects to is somebody else's,
// and a host device that it was given has an owner already. At most kMaxDevices, each once.
std::vector<Endpoint> read_endpoints(const xmlNode* devices);

}  // namespace bulkhead::inventory

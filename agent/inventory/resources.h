// Host devices, shared memory and ports that a domain's XML hands to it. Internal to agent/inventory.
#pragma once

#include <vector>

#include "agent/inventory/model.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {

// Of a domain's <devices>, ordered, each once, at most kMaxDevices:
// - PCI, USB, SCSI and mediated devices, as <hostdev>, <interface type='hostdev'> or <disk type='nvme'>. A USB device
//   that is named by vendor and product has an address in a running domain's XML, and is told by both;
// - <shmem>, and the files of NVDIMMs and of virtio-pmem, unless they are read-only, as an image for all is;
// - network devices that a definition names as its own end (<target dev=…>), those that macvtap takes over as a whole
//   (mode='passthrough'), vDPA devices, and the sockets of vhost-user ports and disks.
// What is not well-formed is left out: libvirt refuses it as well.
std::vector<Resource> read_resources(const xmlNode* devices);

}  // namespace bulkhead::inventory

// Where libvirt put the memory of a domain that it saved (virsh managedsave, libvirt-guests at the host's shutdown):
// all that the guest computed with, in a file. Internal to agent/inventory.
#pragma once

#include <optional>
#include <string>

#include "agent/inventory/model.h"

namespace bulkhead::inventory {

// Nothing when there is none now. `name` as libvirt spells it in file names.
std::optional<Volume> saved_memory_of(const std::string& name,
                                      const std::string& directory = "/var/lib/libvirt/qemu/save");

}  // namespace bulkhead::inventory

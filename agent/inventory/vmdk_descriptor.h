// The text that describes a VMDK image. Internal to agent/inventory; what it reads is hostile.
#pragma once

#include <cstddef>
#include <string_view>

#include "agent/inventory/image_header.h"

namespace bulkhead::inventory {

inline constexpr std::size_t kMaxVmdkDescriptorBytes = 64 << 10;

// By the first bytes of a file, as QEMU probes: comments and empty lines, then a version.
bool is_vmdk_descriptor(std::string_view start);

// Adds the parent and the extents that it names, kMaxReferences at most.
void read_vmdk_descriptor(std::string_view text, ImageHeader& header);

}  // namespace bulkhead::inventory

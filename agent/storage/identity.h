// Names for storage that are the same on every host that has it, and another's never: Volume.identity in host.proto.
#pragma once

#include <cstdint>
#include <string>

#include "agent/probes/ownership_maps.h"
#include "agent/probes/storage_queries.h"
#include "agent/storage/block_devices.h"

namespace bulkhead::storage {

// "file:<uuid of the file system>:<inode>:<generation>". A file system that has no uuid, such as NFS, is named by its
// device's number and `host`, which says that nobody else can have it: "file:<host>/8:1:12:7". Pure.
std::string identity_of(const probes::FileKey& file, const probes::FileSystemUuid& file_system,
                        const std::string& host);

// As blkid writes one. Pure.
std::string uuid_text(const probes::FileSystemUuid& uuid);

// "dm:<uuid>", "wwid:<id>", each with "-part<N>" for a partition; for a loop device its file's, with "@<offset>+<size>"
// when it shows a part of it. Empty where nothing names the device, and for a number that is no device's. Pure.
std::string identity_of(const BlockDevices& devices, std::uint32_t number, const std::string& host);

}  // namespace bulkhead::storage

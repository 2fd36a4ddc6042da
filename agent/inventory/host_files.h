// What libvirt's status file of a running domain lets its VMM open on the host: VMM-02 and VMM-04 are judged by it.
#pragma once

#include <libxml/tree.h>

#include <string>
#include <vector>

#include "agent/inventory/model.h"

namespace bulkhead::inventory {

// `status` is the file's root, <domstatus>. Every absolute path that libvirt's own elements of the live definition, and
// of running backups, name; the directories that libvirt made for this domain, but nothing in them by itself: there the
// VMM may put whatever it likes in the place of a name. What <qemu:commandline> says, and metadata, counts for nothing.
// Host devices are found in `sys_dir`. Ordered, each path once; at most kMaxDevices.
std::vector<HostFile> read_host_files(const xmlNode* status, const std::string& sys_dir = "/sys");

}  // namespace bulkhead::inventory

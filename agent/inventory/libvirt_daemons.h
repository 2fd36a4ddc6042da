// Where libvirt's daemons and their library are on this host: who is asked to control domains, and which file the
// probes of that are in.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::inventory {

// Paths that can be opened now. Those of a running daemon go through /proc, so that they hold in any mount namespace
// and also for files that an upgrade has replaced meanwhile.
struct LibvirtFiles {
  std::vector<std::string> daemons;    // executables
  std::vector<std::string> libraries;  // libvirt.so.0
};

// The places where distributions install them, and what the daemons that run as root have in use. A program is taken
// for a daemon of libvirt's by its name, which root alone can give to one that runs as root. Reads /proc once, some
// milliseconds on a host of thousands of processes.
LibvirtFiles find_libvirt_files(const std::string& proc_dir = "/proc");

}  // namespace bulkhead::inventory

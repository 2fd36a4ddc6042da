// What VMMs may open and connect to on the host, in the kernel's map: what libvirt names for each domain, and what
// every VMM needs. All else that a VMM opens is told (VMM-02, VMM-04).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/inventory/model.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// What every VMM may open, as Debian's and Red Hat's QEMU need it: libraries, firmware, name service, devices.
std::vector<config::VmmFile> files_of_every_vmm();

// Belongs to one thread.
class DeclaredFiles {
 public:
  // `maps` must outlive this. `configured` comes besides files_of_every_vmm().
  DeclaredFiles(probes::OwnershipMaps& maps, std::vector<config::VmmFile> configured);

  // Looks the files of every VMM up again: an upgrade of a package gives some of them a new inode. What was there
  // before stays declared, since who has it open may open it again.
  void refresh();

  // The domain's VMM may open `files` from now on, and what it might before and is not among them no more. A path is
  // looked up once, when it is first named for this process: what the VMM puts in its place later is not declared. One
  // that is not there is looked up again with each call.
  // False when the map has no room for all of it; then the VMM must not be judged by it.
  bool set(std::uint32_t domain, const probes::ProcessKey& vmm, const std::vector<inventory::HostFile>& files);
  void remove(std::uint32_t domain);

  // Whether that file itself is declared for the domain, or for every one.
  bool contains(std::uint32_t domain, const probes::FileKey& key, bool for_writing) const;

 private:
  struct Domain {
    probes::ProcessKey vmm;
    std::map<std::string, probes::FileKey> keys;  // by path
    std::map<probes::FileKey, probes::DeclaredAccess> files;
    bool full = false;  // it was said so
  };

  bool put(Domain& domain, std::uint32_t number, std::map<probes::FileKey, probes::DeclaredAccess> files);
  // Files of every VMM that lie elsewhere for this one: it has a root directory of its own.
  std::vector<config::VmmFile> files_in_root(const std::string& root) const;

  probes::OwnershipMaps& maps_;
  const std::vector<config::VmmFile> configured_;
  std::map<probes::FileKey, probes::DeclaredAccess> every_vmm_;
  std::map<std::uint32_t, Domain> domains_;  // by number
};

}  // namespace bulkhead::ownership

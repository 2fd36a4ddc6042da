#include "agent/ownership/declared_files.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

namespace {

probes::DeclaredAccess join(probes::DeclaredAccess left, probes::DeclaredAccess right) {
  return {.read = left.read || right.read, .write = left.write || right.write, .below = left.below || right.below};
}

bool is_same_directory(const std::string& left, const std::string& right) {
  struct stat a{}, b{};
  return stat(left.c_str(), &a) == 0 && stat(right.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

std::vector<config::VmmFile> files_of_every_vmm() {
  std::vector<config::VmmFile> files;
  const auto add = [&files](bool read, bool write, bool below, std::initializer_list<const char*> paths) {
    for (const char* path : paths) files.push_back({.path = path, .read = read, .write = write, .below = below});
  };
  // Libraries, QEMU's own modules and tables, firmware, character sets, time zones.
  add(true, false, true,
      {"/lib",
       "/lib32",
       "/lib64",
       "/usr/lib",
       "/usr/lib32",
       "/usr/lib64",
       "/usr/libexec",
       "/usr/local/lib",
       "/usr/local/share",
       "/usr/share",
       "/etc/qemu",
       "/etc/crypto-policies",
       "/etc/ssl/certs",
       "/etc/pki/qemu",
       "/etc/pki/ca-trust",
       "/etc/pki/libvirt-vnc",
       "/etc/pki/libvirt-spice",
       "/etc/pki/libvirt-chardev",
       "/etc/pki/libvirt-migrate",
       "/etc/pki/libvirt-nbd",
       "/etc/pki/libvirt-backup",
       "/run/udev/data"});
  add(true, false, false,
      {"/", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/passwd", "/etc/group",
       "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
       "/etc/resolv.conf", "/etc/ssl/openssl.cnf", "/etc/gnutls/config", "/etc/sasl2/qemu.conf", "/etc/ceph/ceph.conf",
       "/etc/machine-id"});
  add(true, true, false,
      {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/pts/ptmx", "/dev/kvm",
       "/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vsock", "/dev/vfio/vfio", "/dev/udmabuf", "/dev/userfaultfd",
       "/dev/sev", "/dev/sgx_vepc", "/dev/sgx_provision"});
  // Screenshots and peeks at memory, which libvirt fetches from there.
  add(false, true, true, {"/var/cache/libvirt/qemu"});
  // The system's log and name service.
  add(false, true, false, {"/dev/log", "/run/systemd/journal/dev-log", "/run/nscd/socket"});
  return files;
}

DeclaredFiles::DeclaredFiles(probes::OwnershipMaps& maps, std::vector<config::VmmFile> configured)
    : maps_(maps), configured_([&] {
        std::vector<config::VmmFile> all = files_of_every_vmm();
        all.insert(all.end(), configured.begin(), configured.end());
        return all;
      }()) {
  refresh();
}

void DeclaredFiles::refresh() {
  for (const config::VmmFile& file : configured_) {
    const auto found = maps_.declared_file(file.path);
    if (!found.ok()) continue;  // not installed here
    const probes::DeclaredAccess wanted = {
        .read = file.read, .write = file.write, .below = file.below && found->directory};
    const auto known = every_vmm_.find(found->key);
    const probes::DeclaredAccess access = known == every_vmm_.end() ? wanted : join(known->second, wanted);
    if (known != every_vmm_.end() && known->second == access) continue;
    if (absl::Status status = maps_.set_declared(found->key, probes::kEveryDomain, access); !status.ok()) {
      spdlog::error("VMMs that open {} will be told of: {}", file.path, std::string(status.message()));
      continue;
    }
    every_vmm_.insert_or_assign(found->key, access);
  }
}

std::vector<config::VmmFile> DeclaredFiles::files_in_root(const std::string& root) const {
  return is_same_directory(root, "/") ? std::vector<config::VmmFile>() : configured_;
}

bool DeclaredFiles::set(std::uint32_t number, const probes::ProcessKey& vmm,
                        const std::vector<inventory::HostFile>& files) {
  if (const auto before = domains_.find(number); before != domains_.end() && before->second.vmm != vmm) remove(number);
  Domain& current = domains_[number];
  current.vmm = vmm;
  const std::string root = absl::StrCat("/proc/", vmm.tgid, "/root");
  std::vector<config::VmmFile> wanted = files_in_root(root);
  for (const inventory::HostFile& file : files) {
    wanted.push_back({.path = file.path, .read = true, .write = !file.read_only, .below = file.below});
  }
  std::map<std::string, probes::FileKey> keys;
  std::map<probes::FileKey, probes::DeclaredAccess> declared;
  for (const config::VmmFile& file : wanted) {
    const auto known = current.keys.find(file.path);
    probes::DeclaredFile found;
    if (known != current.keys.end()) {
      found = {.key = known->second, .directory = file.below};
    } else if (const auto looked_up = maps_.declared_file(file.path, root); looked_up.ok()) {
      found = *looked_up;
    } else {
      continue;
    }
    keys.emplace(file.path, found.key);
    const probes::DeclaredAccess access = {
        .read = file.read, .write = file.write, .below = file.below && found.directory};
    const auto [entry, is_new] = declared.try_emplace(found.key, access);
    if (!is_new) entry->second = join(entry->second, access);
  }
  current.keys = std::move(keys);
  return put(current, number, std::move(declared));
}

bool DeclaredFiles::put(Domain& domain, std::uint32_t number, std::map<probes::FileKey, probes::DeclaredAccess> files) {
  absl::Status status;
  for (const auto& [key, access] : files) {
    const auto before = domain.files.find(key);
    if (before == domain.files.end() || before->second != access)
      status.Update(maps_.set_declared(key, number, access));
  }
  for (const auto& [key, access] : domain.files) {
    if (!files.contains(key)) maps_.remove_declared(key, number);
  }
  domain.files = std::move(files);
  if (!status.ok()) {
    // What did not get in is tried again.
    for (const auto& [key, access] : domain.files) maps_.remove_declared(key, number);
    domain.files.clear();
    if (!std::exchange(domain.full, true)) {
      spdlog::error("what a VMM opens is not judged, of domain number {}: {}", number, std::string(status.message()));
    }
    return false;
  }
  domain.full = false;
  return true;
}

void DeclaredFiles::remove(std::uint32_t number) {
  const auto domain = domains_.find(number);
  if (domain == domains_.end()) return;
  for (const auto& [key, access] : domain->second.files) maps_.remove_declared(key, number);
  domains_.erase(domain);
}

bool DeclaredFiles::contains(std::uint32_t number, const probes::FileKey& key, bool for_writing) const {
  const auto allows = [&](const std::map<probes::FileKey, probes::DeclaredAccess>& files) {
    const auto file = files.find(key);
    return file != files.end() && (!for_writing || file->second.write);
  };
  const auto domain = domains_.find(number);
  return allows(every_vmm_) || (domain != domains_.end() && allows(domain->second.files));
}

}  // namespace bulkhead::ownership

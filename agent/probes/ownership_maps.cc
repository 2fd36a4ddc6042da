#include "agent/probes/ownership_maps.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/probes/bpf_handles.h"
#include "ebpf/records/record.h"

namespace bulkhead::probes {

namespace {

static_assert(kHostNumber == BH_OWNER_HOST && kStartingNumber == BH_OWNER_STARTING &&
              kContestedNumber == BH_OWNER_CONTESTED && kAgentNumber == BH_OWNER_AGENT);

bh_owner to_kernel(Owner owner) {
  return {.tenant = owner.tenant, .domain = owner.domain};
}

bh_file_key to_kernel(const FileKey& key) {
  return {.inode = key.inode,
          .device = key.device,
          .generation = key.generation,
          .is_block = key.block_device       ? BH_BLOCK_DEVICE
                      : key.character_device ? BH_CHARACTER_DEVICE
                                             : 0u,
          .padding = 0};
}

FileKey from_kernel(const bh_file_key& key) {
  return {.inode = key.inode,
          .device = key.device,
          .generation = key.generation,
          .block_device = key.is_block == BH_BLOCK_DEVICE,
          .character_device = key.is_block == BH_CHARACTER_DEVICE};
}

bh_declared_key to_kernel(const FileKey& key, std::uint32_t domain) {
  return {.file = to_kernel(key), .domain = domain, .padding = 0};
}

bh_port_key to_kernel(const PortKey& key) {
  return {.network_namespace = key.network_namespace, .ifindex = key.ifindex};
}

bh_endpoint_key to_kernel(const EndpointKey& key) {
  return {.inode = key.inode,
          .device = key.device,
          .generation = key.generation,
          .network_namespace = key.network_namespace,
          .port = key.port};
}

// Programs of type "syscall" get their argument and give their answer in place.
template <typename Query>
bool ask(int program, Query& query) {
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &query, .ctx_size_in = sizeof(query));
  return bpf_prog_test_run_opts(program, &options) == 0 && options.retval == 0;
}

absl::Status write_vmm(int map, std::uint32_t tgid, const VmmEntry& entry) {
  const bh_vmm value = {.owner = to_kernel(entry.owner),
                        .start_ns = entry.start_ns,
                        .flags = (entry.descendant ? BH_VMM_DESCENDANT : 0u) | (entry.confined ? BH_VMM_CONFINED : 0u),
                        .padding = 0};
  if (bpf_map_update_elem(map, &tgid, &value, BPF_ANY) == 0) return absl::OkStatus();
  if (errno == E2BIG) return absl::ResourceExhaustedError("the kernel map 'vmms' is full");
  return absl::ErrnoToStatus(errno, "cannot write the kernel map 'vmms'");
}

}  // namespace

OwnershipMaps::OwnershipMaps(OwnershipDescriptors descriptors)
    : descriptors_(descriptors),
      volumes_(descriptors.volumes, "volumes"),
      alias_disks_(descriptors.alias_disks, "alias_disks"),
      declared_files_(descriptors.declared_files, "declared_files"),
      ports_(descriptors.ports, "ports"),
      trusted_executables_(descriptors.trusted_executables, "trusted_executables"),
      emulators_(descriptors.emulators, "emulators"),
      domains_(descriptors.domains, "domains"),
      endpoints_(descriptors.endpoints, "endpoints"),
      libvirt_daemons_(descriptors.libvirt_daemons, "libvirt_daemons"),
      guarded_(descriptors.guarded, "guarded"),
      detached_(descriptors.detached, "detached"),
      cgroup_owners_(descriptors.cgroup_owners, "cgroup_owners") {}

absl::Status OwnershipMaps::set_vmm(const ProcessKey& process, Owner owner, bool descendant, bool confined) {
  const std::lock_guard lock(vmms_mutex_);
  const VmmEntry entry = {.start_ns = process.start_ns, .owner = owner, .descendant = descendant, .confined = confined};
  if (absl::Status status = write_vmm(descriptors_.vmms, process.tgid, entry); !status.ok()) return status;
  written_vmms_.insert_or_assign(process.tgid, entry);
  return absl::OkStatus();
}

void OwnershipMaps::remove_vmm(std::uint32_t tgid) {
  const std::lock_guard lock(vmms_mutex_);
  written_vmms_.erase(tgid);
  bpf_map_delete_elem(descriptors_.vmms, &tgid);
}

absl::StatusOr<VmmEntry> OwnershipMaps::vmm(std::uint32_t tgid) const {
  bh_vmm value = {};
  if (bpf_map_lookup_elem(descriptors_.vmms, &tgid, &value) != 0) return absl::NotFoundError("no VMM's process");
  return VmmEntry{.start_ns = value.start_ns,
                  .owner = {value.owner.tenant, value.owner.domain},
                  .descendant = (value.flags & BH_VMM_DESCENDANT) != 0,
                  .confined = (value.flags & BH_VMM_CONFINED) != 0};
}

// Nothing is left of an entry that neither has an owner nor domains that had it.
absl::Status OwnershipMaps::write_volume(const FileKey& key) {
  const auto owner = volume_owners_.find(key);
  const bool detached = detached_domains_.contains(key);
  const bh_file_key kernel_key = to_kernel(key);
  if (owner == volume_owners_.end() && !detached) {
    volumes_.remove(kernel_key);
    return absl::OkStatus();
  }
  const OwnedVolume volume = owner == volume_owners_.end() ? OwnedVolume{} : owner->second;
  return volumes_.set(kernel_key, bh_volume{.owner = to_kernel(volume.owner),
                                            .flags = volume.flags | (detached ? BH_VOLUME_DETACHED : 0u),
                                            .ledger = volume.ledger});
}

absl::Status OwnershipMaps::set_volume(const FileKey& key, Owner owner, std::uint32_t ledger) {
  const std::lock_guard lock(volumes_mutex_);
  if (key.block_device) alias_disks_.remove(key.device);
  volume_owners_.insert_or_assign(key, OwnedVolume{.owner = owner, .flags = 0, .ledger = ledger});
  return write_volume(key);
}

absl::Status OwnershipMaps::set_detached(const FileKey& key, std::uint32_t domain, std::uint64_t grace_end_ns) {
  const std::lock_guard lock(volumes_mutex_);
  const absl::Status status = detached_.set(bh_detached_key{.file = to_kernel(key), .domain = domain, .padding = 0},
                                            bh_detached{.grace_end_ns = grace_end_ns});
  if (!status.ok()) return status;
  detached_domains_[key].insert(domain);
  return write_volume(key);
}

void OwnershipMaps::remove_detached(const FileKey& key, std::uint32_t domain) {
  const std::lock_guard lock(volumes_mutex_);
  detached_.remove(bh_detached_key{.file = to_kernel(key), .domain = domain, .padding = 0});
  const auto domains = detached_domains_.find(key);
  if (domains == detached_domains_.end() || domains->second.erase(domain) == 0) return;
  if (domains->second.empty()) detached_domains_.erase(domains);
  // An entry with less in it than before, or none.
  write_volume(key).IgnoreError();
}

absl::Status OwnershipMaps::set_cgroup(std::uint64_t cgroup, Owner owner) {
  return cgroup_owners_.set(cgroup, to_kernel(owner));
}

void OwnershipMaps::remove_cgroup(std::uint64_t cgroup) {
  cgroup_owners_.remove(cgroup);
}

absl::StatusOr<std::uint64_t> OwnershipMaps::block_cgroup(std::uint32_t pid) const {
  bh_cgroup_query query = {.process = pid, .padding = 0, .cgroup = 0};
  if (!ask(descriptors_.cgroup_program, query)) return absl::NotFoundError(absl::StrCat("there is no process ", pid));
  return query.cgroup;
}

absl::Status OwnershipMaps::set_base_image(const FileKey& key) {
  const std::lock_guard lock(volumes_mutex_);
  volume_owners_.insert_or_assign(key, OwnedVolume{.owner = {kHostNumber, 0}, .flags = BH_VOLUME_BASE});
  return write_volume(key);
}

absl::Status OwnershipMaps::set_guest_memory(const FileKey& key, Owner owner) {
  return volumes_.set(to_kernel(key), bh_volume{.owner = to_kernel(owner), .flags = BH_VOLUME_MEMORY, .ledger = 0});
}

absl::Status OwnershipMaps::set_alias(const FileKey& key, Owner owner, std::uint64_t disk_sequence) {
  const std::lock_guard lock(volumes_mutex_);
  if (absl::Status status = alias_disks_.set(key.device, disk_sequence); !status.ok()) return status;
  volume_owners_.insert_or_assign(key, OwnedVolume{.owner = owner, .flags = BH_VOLUME_ALIAS});
  return write_volume(key);
}

void OwnershipMaps::remove_volume(const FileKey& key) {
  const std::lock_guard lock(volumes_mutex_);
  if (key.block_device) alias_disks_.remove(key.device);
  volume_owners_.erase(key);
  write_volume(key).IgnoreError();  // as in remove_detached()
}

absl::Status OwnershipMaps::set_declared(const FileKey& key, std::uint32_t domain, DeclaredAccess access) {
  const bh_declared value = {.access = (access.read ? BH_DECLARED_READ : 0u) | (access.write ? BH_DECLARED_WRITE : 0u) |
                                       (access.below ? BH_DECLARED_BELOW : 0u)};
  return declared_files_.set(to_kernel(key, domain), value);
}

void OwnershipMaps::remove_declared(const FileKey& key, std::uint32_t domain) {
  const bh_declared_key kernel_key = to_kernel(key, domain);
  declared_files_.remove(kernel_key);
}

absl::StatusOr<DeclaredFile> OwnershipMaps::declared_file(const std::string& path, const std::string& root) const {
  const FileDescriptor base(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", root));
  open_how how = {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  const FileDescriptor file(static_cast<int>(syscall(SYS_openat2, base.get(), path.c_str(), &how, sizeof(how))));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", path));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  bh_file_key_query query = {.descriptor = static_cast<std::uint32_t>(file.get()), .padding = 0, .key = {}};
  if (!ask(descriptors_.declared_key_program, query)) {
    return absl::InternalError(absl::StrCat("the kernel gives no key of ", path));
  }
  return DeclaredFile{.key = from_kernel(query.key), .directory = S_ISDIR(status.st_mode)};
}

absl::Status OwnershipMaps::set_port(const PortKey& key, Owner owner, const std::array<std::uint8_t, 6>& mac) {
  bh_port value = {};
  value.owner = to_kernel(owner);
  std::memcpy(value.mac, mac.data(), mac.size());
  return ports_.set(to_kernel(key), value);
}

void OwnershipMaps::remove_port(const PortKey& key) {
  const bh_port_key kernel_key = to_kernel(key);
  ports_.remove(kernel_key);
}

absl::Status OwnershipMaps::set_domain(const DomainUuid& uuid, Owner owner) {
  bh_domain_key key = {};
  std::memcpy(key.uuid, uuid.data(), uuid.size());
  return domains_.set(key, to_kernel(owner));
}

void OwnershipMaps::remove_domain(const DomainUuid& uuid) {
  domains_.remove(uuid);
}

absl::Status OwnershipMaps::set_endpoint(const EndpointKey& key, Owner owner, v1::EndpointKind kind) {
  return endpoints_.set(to_kernel(key),
                        bh_endpoint{.owner = to_kernel(owner), .kind = static_cast<std::uint32_t>(kind)});
}

void OwnershipMaps::remove_endpoint(const EndpointKey& key) {
  const bh_endpoint_key kernel_key = to_kernel(key);
  endpoints_.remove(kernel_key);
}

absl::Status OwnershipMaps::set_libvirt_daemon(const FileKey& executable) {
  return libvirt_daemons_.set(to_kernel(executable), std::uint32_t{1});
}

void OwnershipMaps::remove_libvirt_daemon(const FileKey& executable) {
  const bh_file_key key = to_kernel(executable);
  libvirt_daemons_.remove(key);
}

absl::Status OwnershipMaps::set_trusted(const FileKey& executable, const Trust& trust) {
  bh_trust value = {};
  if (trust.may_open_volumes) value.permissions |= BH_MAY_OPEN_VOLUMES;
  if (trust.may_access_memory) value.permissions |= BH_MAY_ACCESS_MEMORY;
  if (trust.may_control_domains) value.permissions |= BH_MAY_CONTROL_DOMAINS;
  if (trust.needs_trusted_parent) value.permissions |= BH_NEEDS_TRUSTED_PARENT;
  value.uid = trust.uid;
  return trusted_executables_.set(to_kernel(executable), value);
}

void OwnershipMaps::remove_trusted(const FileKey& executable) {
  const bh_file_key kernel_key = to_kernel(executable);
  trusted_executables_.remove(kernel_key);
}

absl::Status OwnershipMaps::set_emulator(const FileKey& executable) {
  return emulators_.set(to_kernel(executable), std::uint32_t{1});
}

absl::Status OwnershipMaps::set_agent(const ProcessKey& agent) {
  return guarded_.set(std::uint32_t{0}, bh_guarded{.start_ns = agent.start_ns, .tgid = agent.tgid, .padding = 0});
}

std::vector<std::string> OwnershipMaps::restore() {
  std::vector<std::string> faults = restore_vmms();
  for (WrittenMap* map : {&volumes_, &alias_disks_, &declared_files_, &ports_, &trusted_executables_, &emulators_,
                          &domains_, &endpoints_, &libvirt_daemons_, &guarded_, &detached_, &cgroup_owners_}) {
    std::vector<std::string> more = map->restore();
    faults.insert(faults.end(), more.begin(), more.end());
  }
  return faults;
}

// The kernel side removes a process that ends and adds those that are forked or starting: each difference is looked at
// with that in mind, the process itself being asked last.
std::vector<std::string> OwnershipMaps::restore_vmms() {
  const std::lock_guard lock(vmms_mutex_);
  std::vector<std::string> faults;
  std::erase_if(written_vmms_, [&](const auto& written) {
    const auto& [tgid, entry] = written;
    const absl::StatusOr<VmmEntry> there = vmm(tgid);
    if (there.ok() && *there == entry) return false;
    const absl::StatusOr<ProcessKey> alive = process(tgid);
    if (!alive.ok() || *alive != ProcessKey{tgid, entry.start_ns}) return true;
    faults.push_back(absl::StrCat("map vmms: the entry of process ", tgid, there.ok() ? " was altered" : " is gone"));
    if (!write_vmm(descriptors_.vmms, tgid, entry).ok()) faults.back() += ", still";
    return false;
  });
  std::uint32_t tgid = 0;
  std::vector<std::uint32_t> foreign;
  for (const std::uint32_t* previous = nullptr; bpf_map_get_next_key(descriptors_.vmms, previous, &tgid) == 0;
       previous = &tgid) {
    if (written_vmms_.contains(tgid)) continue;
    const absl::StatusOr<VmmEntry> there = vmm(tgid);
    if (there.ok() && !there->descendant && there->owner.tenant != kStartingNumber) foreign.push_back(tgid);
  }
  for (const std::uint32_t one : foreign) {
    bpf_map_delete_elem(descriptors_.vmms, &one);
    faults.push_back(absl::StrCat("map vmms: an entry of process ", one, " that the agent did not make"));
  }
  return faults;
}

absl::StatusOr<FileKey> OwnershipMaps::file_key(const std::string& path) const {
  const FileDescriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", path));
  bh_file_key_query query = {.descriptor = static_cast<std::uint32_t>(file.get()), .padding = 0, .key = {}};
  if (!ask(descriptors_.file_key_program, query)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is neither a regular file nor a block device"));
  }
  return from_kernel(query.key);
}

absl::StatusOr<EndpointKey> OwnershipMaps::endpoint_key(const std::string& path) const {
  const FileDescriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", path));
  bh_endpoint_key_query query = {.descriptor = static_cast<std::uint32_t>(file.get()), .padding = 0, .key = {}};
  if (!ask(descriptors_.endpoint_key_program, query)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is neither a socket nor a character device"));
  }
  return EndpointKey{.inode = query.key.inode, .device = query.key.device, .generation = query.key.generation};
}

absl::StatusOr<ProcessKey> OwnershipMaps::process(std::uint32_t pid) const {
  bh_process_query query = {.number = pid, .tgid = 0, .start_ns = 0};
  if (!ask(descriptors_.process_program, query)) return absl::NotFoundError(absl::StrCat("there is no process ", pid));
  return ProcessKey{.tgid = query.tgid, .start_ns = query.start_ns};
}

}  // namespace bulkhead::probes

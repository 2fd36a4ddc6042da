#include "agent/probes/ownership_maps.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/probes/bpf_handles.h"
#include "ebpf/records/record.h"

namespace bulkhead::probes {

namespace {

static_assert(kHostNumber == BH_OWNER_HOST && kStartingNumber == BH_OWNER_STARTING &&
              kContestedNumber == BH_OWNER_CONTESTED);

bh_owner to_kernel(Owner owner) {
  return {.tenant = owner.tenant, .domain = owner.domain};
}

bh_file_key to_kernel(const FileKey& key) {
  return {.inode = key.inode,
          .device = key.device,
          .generation = key.generation,
          .is_block = key.block_device ? 1u : 0u,
          .padding = 0};
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

template <typename Key, typename Value>
absl::Status update(int map, const Key& key, const Value& value, const char* name) {
  if (bpf_map_update_elem(map, &key, &value, BPF_ANY) == 0) return absl::OkStatus();
  if (errno == E2BIG) return absl::ResourceExhaustedError(absl::StrCat("the kernel map '", name, "' is full"));
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write the kernel map '", name, "'"));
}

// Programs of type "syscall" get their argument and give their answer in place.
template <typename Query>
bool ask(int program, Query& query) {
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &query, .ctx_size_in = sizeof(query));
  return bpf_prog_test_run_opts(program, &options) == 0 && options.retval == 0;
}

}  // namespace

absl::Status OwnershipMaps::set_vmm(const ProcessKey& process, Owner owner, bool descendant) {
  const bh_vmm value = {.owner = to_kernel(owner),
                        .start_ns = process.start_ns,
                        .flags = descendant ? BH_VMM_DESCENDANT : 0u,
                        .padding = 0};
  return update(descriptors_.vmms, process.tgid, value, "vmms");
}

void OwnershipMaps::remove_vmm(std::uint32_t tgid) {
  bpf_map_delete_elem(descriptors_.vmms, &tgid);
}

absl::StatusOr<VmmEntry> OwnershipMaps::vmm(std::uint32_t tgid) const {
  bh_vmm value = {};
  if (bpf_map_lookup_elem(descriptors_.vmms, &tgid, &value) != 0) return absl::NotFoundError("no VMM's process");
  return VmmEntry{.start_ns = value.start_ns,
                  .owner = {value.owner.tenant, value.owner.domain},
                  .descendant = (value.flags & BH_VMM_DESCENDANT) != 0};
}

absl::Status OwnershipMaps::set_volume(const FileKey& key, Owner owner) {
  return update(descriptors_.volumes, to_kernel(key), bh_volume{.owner = to_kernel(owner), .is_memory = 0}, "volumes");
}

absl::Status OwnershipMaps::set_guest_memory(const FileKey& key, Owner owner) {
  return update(descriptors_.volumes, to_kernel(key), bh_volume{.owner = to_kernel(owner), .is_memory = 1}, "volumes");
}

void OwnershipMaps::remove_volume(const FileKey& key) {
  const bh_file_key kernel_key = to_kernel(key);
  bpf_map_delete_elem(descriptors_.volumes, &kernel_key);
}

absl::Status OwnershipMaps::set_port(const PortKey& key, Owner owner, const std::array<std::uint8_t, 6>& mac) {
  bh_port value = {};
  value.owner = to_kernel(owner);
  std::memcpy(value.mac, mac.data(), mac.size());
  return update(descriptors_.ports, to_kernel(key), value, "ports");
}

void OwnershipMaps::remove_port(const PortKey& key) {
  const bh_port_key kernel_key = to_kernel(key);
  bpf_map_delete_elem(descriptors_.ports, &kernel_key);
}

absl::Status OwnershipMaps::set_domain(const DomainUuid& uuid, Owner owner) {
  bh_domain_key key = {};
  std::memcpy(key.uuid, uuid.data(), uuid.size());
  return update(descriptors_.domains, key, to_kernel(owner), "domains");
}

void OwnershipMaps::remove_domain(const DomainUuid& uuid) {
  bpf_map_delete_elem(descriptors_.domains, uuid.data());
}

absl::Status OwnershipMaps::set_endpoint(const EndpointKey& key, Owner owner, v1::EndpointKind kind) {
  return update(descriptors_.endpoints, to_kernel(key),
                bh_endpoint{.owner = to_kernel(owner), .kind = static_cast<std::uint32_t>(kind)}, "endpoints");
}

void OwnershipMaps::remove_endpoint(const EndpointKey& key) {
  const bh_endpoint_key kernel_key = to_kernel(key);
  bpf_map_delete_elem(descriptors_.endpoints, &kernel_key);
}

absl::Status OwnershipMaps::set_libvirt_daemon(const FileKey& executable) {
  return update(descriptors_.libvirt_daemons, to_kernel(executable), std::uint32_t{1}, "libvirt_daemons");
}

void OwnershipMaps::remove_libvirt_daemon(const FileKey& executable) {
  const bh_file_key key = to_kernel(executable);
  bpf_map_delete_elem(descriptors_.libvirt_daemons, &key);
}

absl::Status OwnershipMaps::set_trusted(const FileKey& executable, const Trust& trust) {
  bh_trust value = {};
  if (trust.may_open_volumes) value.permissions |= BH_MAY_OPEN_VOLUMES;
  if (trust.may_access_memory) value.permissions |= BH_MAY_ACCESS_MEMORY;
  if (trust.may_control_domains) value.permissions |= BH_MAY_CONTROL_DOMAINS;
  if (trust.needs_trusted_parent) value.permissions |= BH_NEEDS_TRUSTED_PARENT;
  value.uid = trust.uid;
  return update(descriptors_.trusted_executables, to_kernel(executable), value, "trusted_executables");
}

void OwnershipMaps::remove_trusted(const FileKey& executable) {
  const bh_file_key kernel_key = to_kernel(executable);
  bpf_map_delete_elem(descriptors_.trusted_executables, &kernel_key);
}

absl::Status OwnershipMaps::set_emulator(const FileKey& executable) {
  return update(descriptors_.emulators, to_kernel(executable), std::uint32_t{1}, "emulators");
}

absl::StatusOr<FileKey> OwnershipMaps::file_key(const std::string& path) const {
  const FileDescriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", path));
  bh_file_key_query query = {.descriptor = static_cast<std::uint32_t>(file.get()), .padding = 0, .key = {}};
  if (!ask(descriptors_.file_key_program, query)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is neither a regular file nor a block device"));
  }
  return FileKey{.inode = query.key.inode,
                 .device = query.key.device,
                 .generation = query.key.generation,
                 .block_device = query.key.is_block != 0};
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

#include "agent/ownership/ownership.h"

#include <time.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/ownership/descendants.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

namespace {

v1::DomainState to_proto(inventory::DomainState state) {
  switch (state) {
    case inventory::DomainState::kShutOff:
      return v1::DOMAIN_STATE_SHUT_OFF;
    case inventory::DomainState::kStarting:
      return v1::DOMAIN_STATE_STARTING;
    case inventory::DomainState::kRunning:
      return v1::DOMAIN_STATE_RUNNING;
    case inventory::DomainState::kPaused:
      return v1::DOMAIN_STATE_PAUSED;
  }
  return v1::DOMAIN_STATE_UNSPECIFIED;
}

v1::Domain describe(const inventory::Domain& domain) {
  v1::Domain told;
  told.set_uuid(domain.uuid);
  told.set_name(domain.name);
  told.set_tenant(domain.tenant);
  told.set_tenant_source(domain.tenant_source);
  told.set_state(to_proto(domain.state));
  told.set_vmm_pid(domain.vmm_pid);
  for (const inventory::Volume& volume : domain.volumes) {
    v1::Volume* one = told.add_volumes();
    one->set_source(volume.source);
    one->set_type(volume.type);
    one->set_target(volume.target);
    one->set_read_only(volume.read_only);
    one->set_shareable(volume.shareable);
    one->set_reason(cannot_be_owned(volume));
    one->set_format(volume.format);
    one->set_identity(volume.identity);
  }
  return told;
}

// The inventory's uuids are 36 characters of the usual form.
probes::DomainUuid bytes_of(const std::string& uuid) {
  probes::DomainUuid bytes{};
  const std::string digits = absl::HexStringToBytes(absl::StrReplaceAll(uuid, {{"-", ""}}));
  std::copy_n(digits.begin(), std::min(bytes.size(), digits.size()), bytes.begin());
  return bytes;
}

// Longer than libvirt takes from the fork to the exec. Who is older and runs no emulator that is known, such as a
// wrapper that stays or a binary that was upgraded since, is the VMM all the same.
constexpr std::uint64_t kLongestStartNs = 5'000'000'000;

std::uint64_t boot_time_ns() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// Of VMMs that ended, and those that run.
constexpr std::size_t kCgroupsKept = 8192;

constexpr const char* kEmulatorDirectories[] = {"/usr/bin", "/usr/libexec", "/usr/local/bin"};

bool looks_like_emulator(const std::string& name) {
  return absl::StartsWith(name, "qemu-system-") || name == "qemu-kvm" || name == "kvm";
}

}  // namespace

Ownership::Ownership(probes::OwnershipMaps& maps, VolumeClaims claims,
                     std::vector<config::TrustedService> trusted_services, std::vector<config::VmmFile> vmm_files)
    : maps_(maps),
      trust_(std::move(trusted_services)),
      ports_(maps),
      endpoints_(maps),
      declared_(maps, std::move(vmm_files)),
      guest_memory_(maps),
      volumes_(maps, std::move(claims),
               [this](const probes::FileKey& key, const std::string& path) { return storage_.identity_of(key, path); }),
      detached_(maps),
      aliases_(maps) {}

absl::StatusOr<std::unique_ptr<Ownership>> Ownership::create(probes::OwnershipMaps& maps, const std::string& state_dir,
                                                             std::vector<config::TrustedService> trusted_services,
                                                             std::vector<config::VmmFile> vmm_files) {
  absl::StatusOr<VolumeClaims> claims = VolumeClaims::open(state_dir.empty() ? "" : state_dir + "/volume-holdings");
  if (!claims.ok()) return claims.status();
  std::unique_ptr<Ownership> ownership(
      new Ownership(maps, *std::move(claims), std::move(trusted_services), std::move(vmm_files)));
  ownership->apply_trust();
  ownership->apply_emulators({});
  return ownership;
}

// Again with every snapshot: an upgrade of a package gives its executables new inodes.
void Ownership::apply_trust() {
  const Trust::Change change = trust_.refresh([this](const std::string& path) { return maps_.file_key(path); });
  for (const auto& [key, trust] : change.put) {
    if (absl::Status status = maps_.set_trusted(key, trust); !status.ok()) {
      spdlog::error("a host service is not trusted although configured: {}", std::string(status.message()));
    }
  }
  for (const probes::FileKey& key : change.remove) maps_.remove_trusted(key);
}

void Ownership::set_trusted_services(std::vector<config::TrustedService> services) {
  trust_.set(std::move(services));
  apply_trust();
}

absl::StatusOr<probes::FileKey> Ownership::executable_of(std::uint32_t pid) const {
  return maps_.file_key(absl::StrCat("/proc/", pid, "/exe"));
}

void Ownership::apply_emulators(const inventory::Snapshot& snapshot) {
  std::set<std::string> paths;
  for (const inventory::Domain& domain : snapshot.domains) {
    if (!domain.emulator.empty()) paths.insert(domain.emulator);
  }
  for (const char* directory : kEmulatorDirectories) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (looks_like_emulator(entry.path().filename())) paths.insert(std::filesystem::canonical(entry.path(), error));
    }
  }
  for (const std::string& path : paths) {
    const absl::StatusOr<probes::FileKey> key = maps_.file_key(path);
    if (!key.ok()) continue;
    emulators_.insert(*key);
    if (absl::Status status = maps_.set_emulator(*key); !status.ok()) {
      spdlog::error("VMMs started from {} are not recognised early: {}", path, std::string(status.message()));
    }
  }
}

void Ownership::own_vmm(const probes::ProcessKey& process, probes::Owner owner,
                        const std::optional<std::vector<inventory::HostFile>>& host_files) {
  const bool confined = host_files && declared_.set(owner.domain, process, *host_files);
  absl::Status status = maps_.set_vmm(process, owner, false, confined);
  // Children forked from now on inherit in the kernel; those that are there already are looked up.
  for (const std::uint32_t pid : descendants_of(process.tgid)) {
    const absl::StatusOr<probes::ProcessKey> child = maps_.process(pid);
    if (child.ok() && child->tgid == pid) status.Update(maps_.set_vmm(*child, owner, true, confined));
  }
  if (!status.ok()) spdlog::error("a VMM is not watched: {}", std::string(status.message()));
  registry_.set_vmm(owner.domain, process);
  own_cgroup(process, owner);
}

// What kernel threads write for it is told by its cgroup. One that VMMs of several tenants share is nobody's.
void Ownership::own_cgroup(const probes::ProcessKey& process, probes::Owner owner) {
  const absl::StatusOr<std::uint64_t> cgroup = maps_.block_cgroup(process.tgid);
  if (!cgroup.ok() || *cgroup == 0) return;
  const auto [known, is_new] = cgroups_.try_emplace(*cgroup, owner);
  if (!is_new && known->second == owner) return;
  if (known->second.tenant != owner.tenant) known->second = {probes::kContestedNumber, 0};
  if (absl::Status status = maps_.set_cgroup(*cgroup, known->second); !status.ok()) {
    spdlog::error("what the kernel writes for a VMM is not told apart: {}", std::string(status.message()));
  }
  if (cgroups_.size() <= kCgroupsKept) return;
  // Numbers grow: the lowest is of the cgroup that was made first.
  maps_.remove_cgroup(cgroups_.begin()->first);
  cgroups_.erase(cgroups_.begin());
}

void Ownership::declare_again(const std::set<std::uint32_t>& domains, const Identify& identify) {
  for (const std::uint32_t number : domains) {
    const DomainFacts* domain = registry_.domain(number);
    if (domain == nullptr) continue;
    const inventory::VmmIdentity identity = identify(domain->vmm.tgid);
    if (identity.domain_uuid == domain->uuid && identity.host_files) {
      declared_.set(number, domain->vmm, *identity.host_files);
    }
  }
}

void Ownership::disown_starting(const probes::ProcessKey& process) {
  std::vector<std::uint32_t> pids = descendants_of(process.tgid);
  pids.push_back(process.tgid);
  for (const std::uint32_t pid : pids) {
    const absl::StatusOr<probes::VmmEntry> entry = maps_.vmm(pid);
    if (entry.ok() && entry->owner.tenant == probes::kStartingNumber) maps_.remove_vmm(pid);
  }
}

void Ownership::settle_starting(const Identify& identify, StartingVmms::Clock::time_point now) {
  std::map<std::uint32_t, std::optional<std::vector<inventory::HostFile>>> host_files;  // by process
  const auto ask = [&](std::uint32_t pid) -> std::optional<StartOutcome> {
    const inventory::VmmIdentity identity = identify(pid);
    switch (identity.verdict) {
      case inventory::VmmIdentity::Verdict::kNotYetKnown:
        return std::nullopt;
      case inventory::VmmIdentity::Verdict::kNotADomain:
        return StartOutcome{StartOutcome::Kind::kNoVmm, {}};
      case inventory::VmmIdentity::Verdict::kDomain:
        break;
    }
    if (identity.tenant.empty()) return std::nullopt;  // the next snapshot has it
    host_files.emplace(pid, identity.host_files);
    const auto known = domains_.find(identity.domain_uuid);
    if (known != domains_.end()) return StartOutcome{StartOutcome::Kind::kVmm, known->second};
    const probes::Owner owner = registry_.assign({.uuid = identity.domain_uuid,
                                                  .name = identity.domain_name,
                                                  .tenant = identity.tenant,
                                                  .tenant_source = "",
                                                  .emulator = "",
                                                  .volumes = {},
                                                  .ports = {},
                                                  .endpoints = {},
                                                  .host_files = {}});
    return StartOutcome{StartOutcome::Kind::kVmm, owner};
  };
  starting_.poll(now, ask, [&](const probes::ProcessKey& process, const StartOutcome& outcome) {
    if (outcome.kind == StartOutcome::Kind::kVmm) {
      own_vmm(process, outcome.owner, host_files[process.tgid]);
    } else {
      disown_starting(process);
    }
  });
}

// libvirt writes the pid file before its child executes the emulator: what executes it then is libvirt, and no VMM.
bool Ownership::is_before_exec(const probes::ProcessKey& process) const {
  if (boot_time_ns() - process.start_ns > kLongestStartNs) return false;
  const absl::StatusOr<probes::FileKey> executable = executable_of(process.tgid);
  return !executable.ok() || !emulators_.contains(*executable);
}

void Ownership::apply_vmm(const inventory::Domain& domain, probes::Owner owner, Applied& applied) {
  const auto before = vmms_.find(owner.domain);
  if (domain.vmm_pid == 0) {
    if (before != vmms_.end()) {
      maps_.remove_vmm(before->second.tgid);
      declared_.remove(owner.domain);
      vmms_.erase(before);
    }
    return;
  }
  const absl::StatusOr<probes::ProcessKey> process = maps_.process(domain.vmm_pid);
  if (!process.ok()) return;  // it just ended; libvirt's event comes
  if (is_before_exec(*process)) {
    applied.incomplete = true;
    return;
  }
  own_vmm(*process, owner, domain.host_files);
  starting_.settle(*process, {StartOutcome::Kind::kVmm, owner});
  vmms_.insert_or_assign(owner.domain, *process);
}

Applied Ownership::apply(const inventory::Snapshot& snapshot) {
  Applied applied;
  apply_trust();
  declared_.refresh();
  apply_emulators(snapshot);
  std::map<std::string, probes::Owner> domains;
  for (const inventory::Domain& domain : snapshot.domains) {
    const auto before = domains_.find(domain.uuid);
    const std::string old_tenant = before == domains_.end() ? domain.tenant : registry_.tenant(before->second.tenant);
    const probes::Owner owner = registry_.assign(domain);
    domains.emplace(domain.uuid, owner);
    if (old_tenant != domain.tenant) applied.tenant_changes.push_back({owner.domain, old_tenant, domain.tenant});
    if (absl::Status status = maps_.set_domain(bytes_of(domain.uuid), owner); !status.ok()) {
      spdlog::error("libvirt's calls about a domain are told without its tenant: {}", std::string(status.message()));
    }
    apply_vmm(domain, owner, applied);
    v1::Domain* told = applied.inventory.add_domains();
    *told = describe(domain);
    ports_.add(domain, owner, *told);
    endpoints_.add(domain, owner, *told);
  }
  for (const auto& [uuid, owner] : domains_) {
    if (domains.contains(uuid)) continue;
    if (const auto vmm = vmms_.find(owner.domain); vmm != vmms_.end()) {
      maps_.remove_vmm(vmm->second.tgid);
      declared_.remove(owner.domain);
      vmms_.erase(vmm);
    }
    maps_.remove_domain(bytes_of(uuid));
    registry_.retire(uuid);
  }
  domains_ = std::move(domains);
  Volumes::Applied volumes = volumes_.apply(snapshot, domains_, applied.inventory);
  const auto is_tenants = [this](const probes::FileKey& key, std::uint32_t tenant) {
    const VolumeFacts* facts = volumes_.find(key);
    return facts != nullptr && facts->owner.tenant == tenant;
  };
  detached_.apply(snapshot, domains_, vmms_, is_tenants, boot_time_ns());
  applied.foreign_claims = std::move(volumes.foreign_claims);
  applied.alias_changes = aliases_.apply(storage_.devices(), volumes_.all());
  for (ForeignClaim& claim : resources_.judge(snapshot, domains_)) applied.foreign_claims.push_back(std::move(claim));
  applied.incomplete = applied.incomplete || volumes.incomplete;
  ports_.settle();
  endpoints_.settle();
  return applied;
}

void Ownership::apply_guest_memory(const std::vector<probes::MemoryClaim>& claims) {
  guest_memory_.apply(claims, [this](const probes::FileKey& key) { return volume(key) != nullptr; });
}

std::vector<AliasChange> Ownership::block_device_changed(std::uint32_t number) {
  const bool changed = number == 0 ? storage_.rescan() : storage_.update(number);
  return changed ? aliases_.apply(storage_.devices(), volumes_.all()) : std::vector<AliasChange>();
}

probes::Owner Ownership::domain(const std::string& uuid) const {
  const auto domain = domains_.find(uuid);
  return domain == domains_.end() ? probes::Owner{} : domain->second;
}

}  // namespace bulkhead::ownership

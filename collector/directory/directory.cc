#include "collector/directory/directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/directory/checks.h"

namespace bulkhead::directory {

namespace {

constexpr std::size_t kHosts = 10'000;
// Health comes every few seconds from every host; the table needs it less often.
constexpr absl::Duration kSaveInterval = absl::Seconds(10);
constexpr char kHostPrefix[] = "host/";
constexpr char kInventoryPrefix[] = "inventory/";

void set_time(absl::Time time, google::protobuf::Timestamp* to) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  to->set_seconds(seconds);
  to->set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace

std::uint64_t lost_records(const v1::Health& health) {
  std::uint64_t lost = health.malformed() + health.spool_dropped_events();
  for (const auto& counters : health.counters()) lost += counters.lost();
  return lost;
}

Directory::Directory(store::Table& table, Clock clock)
    : table_(table),
      clock_(std::move(clock)),
      port_bridges_(table),
      shared_volumes_(table, [](const std::string& host) { return kInventoryPrefix + host; }) {}

absl::StatusOr<std::unique_ptr<Directory>> Directory::open(store::Table& table, Clock clock) {
  std::unique_ptr<Directory> directory(new Directory(table, std::move(clock)));
  if (auto status = directory->load(); !status.ok()) return status;
  return directory;
}

absl::Status Directory::load() {
  absl::Status bad;
  const auto unreadable = [&](std::string_view key) {
    bad = absl::DataLossError(absl::StrCat("the store's table has an unreadable value for '", std::string(key), "'"));
    return false;
  };
  auto status = table_.for_each(kHostPrefix, [&](std::string_view key, std::string_view value) {
    Entry entry;
    if (!entry.host.ParseFromArray(value.data(), static_cast<int>(value.size()))) return unreadable(key);
    entry.host.set_connected(false);
    entries_.emplace(entry.host.host_id(), std::move(entry));
    return true;
  });
  if (!status.ok() || !bad.ok()) return status.ok() ? bad : status;
  if (status = shared_volumes_.open(); !status.ok()) return status;
  status = table_.for_each(kInventoryPrefix, [&](std::string_view key, std::string_view value) {
    v1::Inventory inventory;
    if (!inventory.ParseFromArray(value.data(), static_cast<int>(value.size()))) return unreadable(key);
    const auto entry = entries_.find(std::string(key.substr(sizeof kInventoryPrefix - 1)));
    if (entry == entries_.end()) return true;
    count(inventory, entry->second);
    shared_volumes_.load(entry->first, inventory);
    return true;
  });
  shared_volumes_.loaded();
  return status.ok() ? bad : status;
}

Directory::Entry* Directory::speaking(const std::string& host_id, Connection connection) {
  const auto found = entries_.find(host_id);
  if (found == entries_.end() || found->second.connection != connection) return nullptr;
  return &found->second;
}

void Directory::touch(Entry& entry) const {
  set_time(clock_(), entry.host.mutable_last_seen());
}

absl::Status Directory::save(Entry& entry) {
  entry.saved = clock_();
  return table_.put(kHostPrefix + entry.host.host_id(), entry.host.SerializeAsString());
}

absl::Status Directory::connect(const v1::Hello& hello, Connection connection) {
  if (auto status = check(hello); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kHosts && !entries_.contains(hello.host_id())) {
    return absl::ResourceExhaustedError(absl::StrCat("this collector already knows ", kHosts, " hosts"));
  }
  Entry& entry = entries_[hello.host_id()];
  entry.connection = connection;
  // What the last boot's agent counted says nothing of this one.
  if (entry.host.boot_id() != hello.boot_id()) entry.host.clear_health();
  entry.host.set_host_id(hello.host_id());
  entry.host.set_boot_id(hello.boot_id());
  entry.host.set_hostname(hello.hostname());
  entry.host.set_agent_version(hello.agent_version());
  entry.host.set_kernel_release(hello.kernel_release());
  *entry.host.mutable_coverage() = hello.coverage();
  entry.host.set_connected(true);
  entry.connected = clock_();
  touch(entry);
  return save(entry);
}

void Directory::disconnect(const std::string& host_id, Connection connection) {
  const std::lock_guard lock(mutex_);
  Entry* entry = speaking(host_id, connection);
  if (entry == nullptr) return;
  entry->host.set_connected(false);
  // The host's record is saved again with its next Hello; a failure here costs at most kSaveInterval of last_seen.
  save(*entry).IgnoreError();
}

void Directory::seen(const std::string& host_id, Connection connection) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = speaking(host_id, connection); entry != nullptr) touch(*entry);
}

absl::Status Directory::set_health(const std::string& host_id, Connection connection, const v1::Health& health) {
  if (auto status = check(health); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  Entry* entry = speaking(host_id, connection);
  if (entry == nullptr) return absl::OkStatus();
  *entry->host.mutable_health() = health;
  touch(*entry);
  return clock_() - entry->saved >= kSaveInterval ? save(*entry) : absl::OkStatus();
}

absl::Status Directory::set_coverage(const std::string& host_id, Connection connection, const v1::Coverage& coverage) {
  if (auto status = check(coverage); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  Entry* entry = speaking(host_id, connection);
  if (entry == nullptr) return absl::OkStatus();
  *entry->host.mutable_coverage() = coverage;
  touch(*entry);
  return save(*entry);
}

absl::Status Directory::set_inventory(const std::string& host_id, Connection connection,
                                      const v1::Inventory& inventory) {
  if (auto status = check(inventory); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  Entry* entry = speaking(host_id, connection);
  if (entry == nullptr) return absl::OkStatus();
  count(inventory, *entry);
  touch(*entry);
  if (auto status = table_.put(kInventoryPrefix + host_id, inventory.SerializeAsString()); !status.ok()) return status;
  port_bridges_.forget(host_id);
  shared_volumes_.update(host_id, inventory);
  return save(*entry);
}

// Memory holds the counts, and the fingerprints of volumes: whole inventories of a thousand hosts would be hundreds of
// megabytes.
void Directory::count(const v1::Inventory& inventory, Entry& entry) {
  entry.tenants.clear();
  std::uint32_t running = 0;
  for (const auto& domain : inventory.domains()) {
    auto& tenant = entry.tenants[domain.tenant()];
    tenant.set_domains(tenant.domains() + 1);
    tenant.set_volumes(tenant.volumes() + static_cast<std::uint32_t>(domain.volumes_size()));
    tenant.set_ports(tenant.ports() + static_cast<std::uint32_t>(domain.ports_size()));
    // A paused domain has its VMM, and so memory that others can touch.
    if (domain.state() != v1::DOMAIN_STATE_RUNNING && domain.state() != v1::DOMAIN_STATE_PAUSED) continue;
    tenant.set_running_domains(tenant.running_domains() + 1);
    ++running;
  }
  entry.host.set_domains(static_cast<std::uint32_t>(inventory.domains_size()));
  entry.host.set_running_domains(running);
}

std::vector<v1::Host> Directory::hosts(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::Host> found;
  for (const auto& [id, entry] : entries_) {
    if (host.empty() || id == host || entry.host.hostname() == host) found.push_back(entry.host);
  }
  return found;
}

std::vector<v1::TenantSummary> Directory::tenants(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  TenantCounts totals;
  for (const auto& [id, entry] : entries_) {
    for (const auto& [name, counts] : entry.tenants) {
      if (!tenant.empty() && name != tenant) continue;
      auto& total = totals[name];
      total.set_tenant(name);
      total.set_hosts(total.hosts() + 1);
      total.set_domains(total.domains() + counts.domains());
      total.set_running_domains(total.running_domains() + counts.running_domains());
      total.set_volumes(total.volumes() + counts.volumes());
      total.set_ports(total.ports() + counts.ports());
    }
  }
  std::vector<v1::TenantSummary> found;
  for (auto& [name, total] : totals) found.push_back(std::move(total));
  return found;
}

std::string Directory::hostname(const std::string& host_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host_id);
  return found == entries_.end() ? std::string() : found->second.host.hostname();
}

std::optional<std::string> Directory::bridge_of(const std::string& host_id, const std::string& port) const {
  return port_bridges_.find(host_id, kInventoryPrefix + host_id, port);
}

std::vector<std::string> Directory::behind(const std::string& policy_sha256, absl::Time in_force,
                                           absl::Duration patience) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, entry] : entries_) {
    if (!entry.host.connected() || entry.host.health().policy_sha256() == policy_sha256) continue;
    if (clock_() - std::max(entry.connected, in_force) <= patience) continue;
    names.push_back(entry.host.hostname().empty() ? id : entry.host.hostname());
  }
  return names;
}

bool Directory::matches(const std::string& host_id, const std::string& host) const {
  return host.empty() || host_id == host || hostname(host_id) == host;
}

Totals Directory::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals{.known_hosts = static_cast<std::uint32_t>(entries_.size())};
  for (const auto& [id, entry] : entries_) {
    totals.connected_hosts += entry.host.connected() ? 1 : 0;
    totals.lost_records += lost_records(entry.host.health());
  }
  return totals;
}

}  // namespace bulkhead::directory

#include "agent/inventory/domain_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "agent/inventory/saved_memory.h"

namespace bulkhead::inventory {

DomainTable::DomainTable(const VmmProcesses& processes, std::vector<config::TenantRule> rules,
                         config::OpenNebulaOwner opennebula)
    : processes_(processes), opennebula_(opennebula), rules_(std::move(rules)) {}

bool DomainTable::put(const DomainFacts& facts, const VolumePath& volume_path) {
  Entry& entry = entries_[facts.uuid];
  entry.raw_name = facts.name;
  auto parsed = parse_domain_xml(facts.xml, opennebula_);
  if (parsed.ok() && parsed->domain.uuid != facts.uuid) {
    parsed = absl::InvalidArgumentError(fmt::format("XML is of domain {}", parsed->domain.uuid));
  }
  if (parsed.ok()) {
    entry.parsed = *std::move(parsed);
    entry.unreadable.clear();
  } else {
    entry.unreadable = std::string(parsed.status().message());
    entry.parsed.domain.uuid = facts.uuid;
    if (entry.parsed.domain.name.empty()) entry.parsed.domain.name = name_for_people(facts.name);
  }
  Domain& domain = entry.parsed.domain;
  domain.state = facts.state;
  for (Volume& volume : domain.volumes) {
    if (volume.type == "volume") volume.source = volume_path(volume.source);
  }
  // What an unreadable definition kept of before is looked for again.
  std::erase_if(domain.volumes, [](const Volume& one) { return one.type == "saved"; });
  if (auto saved = saved_memory_of(facts.name)) domain.volumes.push_back(*std::move(saved));
  if (facts.state == DomainState::kShutOff) {
    for (Port& port : domain.ports) port.device.clear();
    domain.endpoints.clear();
  }
  decide(entry);
  return find_vmm(entry);
}

void DomainTable::remove(const std::string& uuid) {
  entries_.erase(uuid);
}

void DomainTable::retain(const std::set<std::string>& uuids) {
  std::erase_if(entries_, [&uuids](const auto& entry) { return !uuids.contains(entry.first); });
}

void DomainTable::set_rules(std::vector<config::TenantRule> rules) {
  rules_ = std::move(rules);
  for (auto& [uuid, entry] : entries_) decide(entry);
}

std::vector<Domain> DomainTable::domains() const {
  std::vector<Domain> all;
  all.reserve(entries_.size());
  for (const auto& [uuid, entry] : entries_) all.push_back(entry.parsed.domain);
  return all;
}

std::map<std::string, std::string> DomainTable::uuids_by_name() const {
  std::map<std::string, std::string> uuids;
  for (const auto& [uuid, entry] : entries_) uuids.emplace(entry.raw_name, uuid);
  return uuids;
}

std::string DomainTable::problem() const {
  std::size_t count = 0;
  std::string first;
  for (const auto& [uuid, entry] : entries_) {
    if (entry.unreadable.empty()) continue;
    if (++count == 1) first = fmt::format("domain {}: {}", uuid, entry.unreadable);
  }
  return count > 1 ? fmt::format("{} (and {} more domains that cannot be read)", first, count - 1) : first;
}

void DomainTable::decide(Entry& entry) {
  TenantVerdict verdict = decide_tenant(entry.parsed, rules_);
  entry.parsed.domain.tenant = std::move(verdict.tenant);
  entry.parsed.domain.tenant_source = std::move(verdict.source);

  std::vector<std::string> warnings = entry.parsed.problems;
  if (!verdict.warning.empty()) warnings.push_back(std::move(verdict.warning));
  if (!entry.unreadable.empty()) warnings.push_back(entry.unreadable);
  std::string warning = fmt::format("{}", fmt::join(warnings, "; "));
  if (warning == entry.warned) return;
  entry.warned = std::move(warning);
  if (!entry.warned.empty())
    spdlog::warn("inventory: domain {}: {}", entry.parsed.domain.uuid, entry.warned.substr(0, 1024));
}

bool DomainTable::find_vmm(Entry& entry) {
  Domain& domain = entry.parsed.domain;
  domain.vmm_pid = 0;
  domain.host_files.reset();
  if (domain.state == DomainState::kShutOff || !processes_.has_pid_files()) return false;
  const auto process = processes_.of_domain(entry.raw_name);
  if (process.ok() && process->uuid == domain.uuid) {
    domain.vmm_pid = process->pid;
    domain.host_files = process->host_files;
    std::erase_if(domain.endpoints, [](const Endpoint& one) { return one.kind == EndpointKind::kMonitor; });
    if (process->monitor.starts_with('/')) {
      domain.endpoints.push_back({.kind = EndpointKind::kMonitor, .path = process->monitor, .port = 0});
    }
    return false;
  }
  spdlog::debug("inventory: domain {}: no VMM: {}", domain.uuid,
                process.ok() ? fmt::format("process {} was started for {}", process->pid, process->uuid)
                             : std::string(process.status().message()));
  return true;
}

}  // namespace bulkhead::inventory

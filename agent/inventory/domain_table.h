// The domains that are known now, and what is said about them in the log. Internal to agent/inventory; one thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/inventory/domain_facts.h"
#include "agent/inventory/domain_xml.h"
#include "agent/inventory/tenant_mapping.h"
#include "agent/inventory/vmm_process.h"

namespace bulkhead::inventory {

class DomainTable {
 public:
  // Path of "pool/volume", or the same string when there is none.
  using VolumePath = std::function<std::string(const std::string& pool_and_volume)>;

  DomainTable(const VmmProcesses& processes, std::vector<config::TenantRule> rules, config::OpenNebulaOwner opennebula);

  // True when the domain is active and its VMM could not be told yet: worth asking again soon.
  // A domain whose XML cannot be understood keeps what was known of it, or stands there with its uuid and name alone.
  bool put(const DomainFacts& facts, const VolumePath& volume_path);
  void remove(const std::string& uuid);
  void retain(const std::set<std::string>& uuids);
  void set_rules(std::vector<config::TenantRule> rules);

  std::vector<Domain> domains() const;  // ordered by uuid
  std::map<std::string, std::string> uuids_by_name() const;
  // One line about the domains that could not be read; empty when all could.
  std::string problem() const;

 private:
  struct Entry {
    DomainXml parsed;
    std::string raw_name;
    std::string unreadable;  // why the XML could not be understood
    std::string warned;      // what was logged last, so that it is logged once
  };

  void decide(Entry& entry);
  bool find_vmm(Entry& entry);

  const VmmProcesses& processes_;  // outlives this
  const config::OpenNebulaOwner opennebula_;
  std::vector<config::TenantRule> rules_;
  std::map<std::string, Entry> entries_;  // by uuid
};

}  // namespace bulkhead::inventory

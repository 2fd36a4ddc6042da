#include "collector/directory/port_bridges.h"

#include <algorithm>

#include "bulkhead/v1/host.pb.h"

namespace bulkhead::directory {

std::shared_ptr<const PortBridges::Ports> PortBridges::read(const std::string& key) const {
  auto ports = std::make_shared<Ports>();
  const auto value = table_.get(key);
  v1::Inventory inventory;
  if (!value.ok() || !value->has_value() || !inventory.ParseFromString(**value)) return ports;
  for (const v1::Domain& domain : inventory.domains()) {
    for (const v1::Port& port : domain.ports()) {
      if (port.device().empty()) continue;
      const auto [known, is_new] = ports->try_emplace(port.device(), port.bridge());
      if (!is_new) known->second.clear();
    }
  }
  return ports;
}

std::optional<std::string> PortBridges::find(const std::string& host_id, const std::string& key,
                                             const std::string& port) {
  std::shared_ptr<const Ports> ports;
  std::uint64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(hosts_, host_id, &decltype(hosts_)::value_type::first);
    if (known != hosts_.end()) {
      hosts_.splice(hosts_.begin(), hosts_, known);
      ports = known->second;
    }
    changes = changes_;
  }
  if (ports == nullptr) {
    ports = read(key);
    const std::lock_guard lock(mutex_);
    if (changes == changes_) hosts_.emplace_front(host_id, ports);
    if (hosts_.size() > kHosts) hosts_.pop_back();
  }
  const auto found = ports->find(port);
  if (found == ports->end() || found->second.empty()) return std::nullopt;
  return found->second;
}

void PortBridges::forget(const std::string& host_id) {
  const std::lock_guard lock(mutex_);
  ++changes_;
  hosts_.remove_if([&](const auto& host) { return host.first == host_id; });
}

}  // namespace bulkhead::directory

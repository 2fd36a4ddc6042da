#include "agent/ownership/ports.h"

#include "fmt/format.h"

namespace bulkhead::ownership {

namespace {

std::string text_of(const inventory::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

}  // namespace

void Ports::add(const inventory::Domain& domain, probes::Owner owner, v1::Domain& told) {
  for (const inventory::Port& port : domain.ports) {
    v1::Port* one = told.add_ports();
    one->set_device(port.device);
    one->set_bridge(port.bridge);
    if (port.mac) one->set_mac(text_of(*port.mac));
    if (port.device.empty() || domain.vmm_pid == 0) {
      one->set_reason("the domain is off");
      continue;
    }
    const absl::StatusOr<inventory::NetworkDevice> device = namespaces_.resolve(domain.vmm_pid, port.device);
    if (!device.ok()) {
      one->set_reason(std::string(device.status().message()));
      continue;
    }
    const probes::PortKey key = {device->network_namespace, device->ifindex};
    const inventory::MacAddress mac = port.mac.value_or(inventory::MacAddress{});
    one->set_ifindex(key.ifindex);
    one->set_network_namespace(key.network_namespace);
    if (absl::Status status = maps_.set_port(key, owner, mac); !status.ok()) {
      one->set_reason(std::string(status.message()));
      continue;
    }
    one->set_watched(true);
    added_.emplace(key, PortFacts{port.device, owner, mac});
  }
}

void Ports::settle() {
  for (const auto& [key, facts] : ports_) {
    if (!added_.contains(key)) maps_.remove_port(key);
  }
  ports_ = std::move(added_);
  added_.clear();
  namespaces_.release_idle();
}

const PortFacts* Ports::find(const probes::PortKey& key) const {
  const auto port = ports_.find(key);
  return port == ports_.end() ? nullptr : &port->second;
}

std::string Ports::tenant_of_mac(const inventory::MacAddress& mac, const Registry& registry) const {
  std::string found;
  for (const auto& [key, facts] : ports_) {
    if (facts.mac != mac) continue;
    const std::string& tenant = registry.tenant(facts.owner.tenant);
    if (!found.empty() && found != tenant) return "";
    found = tenant;
  }
  return found;
}

}  // namespace bulkhead::ownership

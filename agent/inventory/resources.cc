#include "agent/inventory/resources.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {
namespace {

// As libvirt takes numbers: decimal, or hexadecimal with 0x.
std::optional<unsigned> number_of(const xmlNode* element, const char* name, std::optional<unsigned> otherwise = {}) {
  const std::optional<std::string> text = attribute(element, name);
  if (!text) return otherwise;
  const bool hexadecimal = absl::StartsWithIgnoreCase(*text, "0x");
  const char* begin = text->data() + (hexadecimal ? 2 : 0);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(begin, text->data() + text->size(), number, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

std::string pci_id(const xmlNode* address) {
  const auto domain = number_of(address, "domain", 0), bus = number_of(address, "bus"),
             slot = number_of(address, "slot"), function = number_of(address, "function", 0);
  if (!domain || !bus || !slot || !function) return "";
  return fmt::format("pci:{:04x}:{:02x}:{:02x}.{:x}", *domain, *bus, *slot, *function);
}

class ResourceReader {
 public:
  void read(const xmlNode& device) {
    const std::string_view kind = local_name(device);
    const xmlNode* source = child(&device, "source");
    const std::string type = attribute(&device, "type").value_or("");
    if (kind == "hostdev") {
      read_hostdev(device, source, type);
    } else if (kind == "interface") {
      read_interface(device, source, type);
    } else if (kind == "disk") {
      read_disk(source, type);
    } else if (kind == "shmem") {
      read_shmem(device);
    } else if (kind == "memory" && child(child(&device, "target"), "readonly") == nullptr) {
      add(ResourceKind::kSharedMemory, text_of(child(source, "path")), "memory");
    }
  }

  std::vector<Resource> take() && { return {found_.begin(), found_.end()}; }

 private:
  void read_hostdev(const xmlNode& device, const xmlNode* source, const std::string& type) {
    if (attribute(&device, "mode").value_or("subsystem") != "subsystem") return;
    const xmlNode* address = child(source, "address");
    if (type == "pci") {
      add(ResourceKind::kHostDevice, pci_id(address), "hostdev");
    } else if (type == "mdev") {
      add_named(ResourceKind::kHostDevice, "mdev:", absl::AsciiStrToLower(attribute(address, "uuid").value_or("")),
                "hostdev");
    } else if (type == "usb") {
      read_usb(source);
    } else if (type == "scsi") {
      read_scsi(source);
    } else if (type == "scsi_host") {
      add_named(ResourceKind::kHostDevice, "scsi-host:", attribute(source, "wwpn").value_or(""), "hostdev");
    }
  }

  void read_usb(const xmlNode* source) {
    const xmlNode* address = child(source, "address");
    const auto bus = number_of(address, "bus"), device = number_of(address, "device");
    if (bus && device) add(ResourceKind::kHostDevice, fmt::format("usb:{}.{}", *bus, *device), "hostdev");
    const auto vendor = number_of(child(source, "vendor"), "id"), product = number_of(child(source, "product"), "id");
    if (vendor && product) {
      add(ResourceKind::kHostDevice, fmt::format("usb:{:04x}:{:04x}", *vendor, *product), "hostdev");
    }
  }

  void read_scsi(const xmlNode* source) {
    const std::string adapter = attribute(child(source, "adapter"), "name").value_or("");
    const xmlNode* address = child(source, "address");
    const auto bus = number_of(address, "bus", 0), target = number_of(address, "target", 0),
               unit = number_of(address, "unit", 0);
    if (adapter.empty() || !bus || !target || !unit) return;
    add(ResourceKind::kHostDevice, fmt::format("scsi:{}:{}:{}:{}", adapter, *bus, *target, *unit), "hostdev");
  }

  void read_interface(const xmlNode& device, const xmlNode* source, const std::string& type) {
    add(ResourceKind::kPort, attribute(child(&device, "target"), "dev").value_or(""), "interface");
    if (type == "hostdev") add(ResourceKind::kHostDevice, pci_id(child(source, "address")), "interface");
    if (type == "vhostuser") add(ResourceKind::kPort, attribute(source, "path").value_or(""), "interface");
    if (type == "vdpa") add(ResourceKind::kPort, attribute(source, "dev").value_or(""), "interface");
    if (type == "direct" && attribute(source, "mode").value_or("") == "passthrough") {
      add(ResourceKind::kPort, attribute(source, "dev").value_or(""), "interface");
    }
  }

  void read_disk(const xmlNode* source, const std::string& type) {
    if (type == "nvme") add(ResourceKind::kHostDevice, pci_id(child(source, "address")), "disk");
    if (type == "vhostuser") add(ResourceKind::kPort, attribute(source, "path").value_or(""), "disk");
    if (type == "vhostvdpa") add(ResourceKind::kHostDevice, attribute(source, "dev").value_or(""), "disk");
  }

  // The doorbell's server has the memory; without one it is a file of that name.
  void read_shmem(const xmlNode& device) {
    if (const auto server = attribute(child(&device, "server"), "path")) {
      add(ResourceKind::kSharedMemory, *server, "shmem");
    } else {
      add_named(ResourceKind::kSharedMemory, "/dev/shm/", attribute(&device, "name").value_or(""), "shmem");
    }
  }

  void add_named(ResourceKind kind, const char* prefix, const std::string& name, const char* target) {
    if (!name.empty()) add(kind, prefix + name, target);
  }

  void add(ResourceKind kind, std::string id, const char* target) {
    if (id.empty() || id.size() > kMaxSourceBytes || found_.size() >= kMaxDevices) return;
    found_.insert({kind, std::move(id), target});
  }

  std::set<Resource> found_;
};

}  // namespace

std::vector<Resource> read_resources(const xmlNode* devices) {
  ResourceReader reader;
  for_each_child(devices, [&](const xmlNode& device) { reader.read(device); });
  return std::move(reader).take();
}

}  // namespace bulkhead::inventory

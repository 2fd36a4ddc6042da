#include "agent/inventory/domain_xml.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "agent/inventory/endpoints.h"
#include "agent/inventory/image_chain.h"
#include "agent/inventory/image_name.h"
#include "agent/inventory/resources.h"
#include "agent/inventory/tenant_claims.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {
namespace {

// Cut at a character's edge: half a character is not UTF-8, and protobuf refuses it.
std::string for_people(std::string text, std::size_t limit) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }, '?');
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  text.resize(limit);
  return text;
}

// libvirt writes 8-4-4-4-12 in lower case; what is anything else cannot be a domain's uuid.
bool is_uuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == kShape.size() && std::equal(text.begin(), text.end(), kShape.begin(), [](char c, char shape) {
           return shape == '-' ? c == '-' : absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

// Where a <source> points, by the type of the disk that it belongs to; empty for an empty drive.
std::string source_of(const xmlNode* source, std::string_view type) {
  if (type == "file") return attribute(source, "file").value_or("");
  if (type == "block" || type == "vhostvdpa") return attribute(source, "dev").value_or("");
  if (type == "dir") return attribute(source, "dir").value_or("");
  if (type == "vhostuser") return attribute(source, "path").value_or("");
  if (type == "network") {
    const auto protocol = attribute(source, "protocol"), name = attribute(source, "name");
    return protocol ? fmt::format("{}:{}", *protocol, name.value_or("")) : "";
  }
  if (type == "volume") {
    const auto pool = attribute(source, "pool"), volume = attribute(source, "volume");
    return pool && volume ? fmt::format("{}/{}", *pool, *volume) : "";
  }
  if (type == "nvme") {
    const xmlNode* address = child(source, "address");
    const auto part = [address](const char* name) { return attribute(address, name).value_or("0x0"); };
    if (address == nullptr) return "";
    return fmt::format("nvme:{}:{}:{}.{}", part("domain"), part("bus"), part("slot"), part("function"));
  }
  return "";
}

// Where a network disk's storage is, on whatever host; empty for any other disk.
std::string identity_of(const xmlNode* source, std::string_view type) {
  const auto protocol = attribute(source, "protocol");
  if (type != "network" || !protocol) return "";
  const xmlNode* host = child(source, "host");
  std::string name = attribute(source, "name").value_or("");
  const std::string socket = attribute(host, "socket").value_or("");
  return network_identity(*protocol, name, socket.empty() ? attribute(host, "name").value_or("") : socket,
                          attribute(host, "port").value_or(""));
}

class DomainReader {
 public:
  explicit DomainReader(DomainXml& result) : result_(result) {}

  absl::Status read_devices(const xmlNode* devices) {
    std::size_t count = 0;
    for_each_child(devices, [&](const xmlNode& device) {
      const std::string_view kind = local_name(device);
      if ((kind != "disk" && kind != "interface") || ++count > kMaxDevices) return;
      if (kind == "disk") {
        read_disk(device);
      } else {
        read_interface(device);
      }
    });
    if (count > kMaxDevices) {
      return absl::InvalidArgumentError(fmt::format("{} disks and interfaces are more than {}", count, kMaxDevices));
    }
    return absl::OkStatus();
  }

  void read_firmware(const xmlNode* os) {
    if (const xmlNode* loader = child(os, "loader")) {
      const bool read_only = attribute(loader, "readonly").value_or("yes") != "no";
      add({.source = text_of(loader),
           .type = "nvram",
           .target = "loader",
           .read_only = read_only,
           .shareable = read_only});
    }
    if (const xmlNode* nvram = child(os, "nvram")) {
      // Since libvirt 8.5 the variable store may have a <source> like a disk's.
      const xmlNode* source = child(nvram, "source");
      const std::string type = attribute(nvram, "type").value_or("file");
      add({.source = source != nullptr ? source_of(source, type) : text_of(nvram),
           .type = "nvram",
           .target = "nvram",
           .format = attribute(nvram, "format").value_or("raw")});
    }
  }

 private:
  void read_disk(const xmlNode& disk) {
    Volume volume;
    volume.type = attribute(&disk, "type").value_or("file");
    volume.source = source_of(child(&disk, "source"), volume.type);
    volume.target = for_people(attribute(child(&disk, "target"), "dev").value_or(""), kMaxNameBytes);
    volume.read_only = child(&disk, "readonly") != nullptr;
    volume.shareable = child(&disk, "shareable") != nullptr;
    volume.format = for_people(attribute(child(&disk, "driver"), "type").value_or(""), kMaxNameBytes);
    volume.identity = identity_of(child(&disk, "source"), volume.type);
    read_chain(disk, volume);
    if (const xmlNode* mirror = child(&disk, "mirror")) read_mirror(mirror, volume.target);
    add(std::move(volume));
  }

  // A running block copy or commit writes the same tenant's data to a second image.
  void read_mirror(const xmlNode* mirror, const std::string& target) {
    Volume volume;
    volume.type = attribute(mirror, "type").value_or("file");
    volume.source = source_of(child(mirror, "source"), volume.type);
    if (volume.source.empty()) volume.source = attribute(mirror, "file").value_or("");
    volume.target = target;
    volume.format = for_people(attribute(child(mirror, "format"), "type").value_or(""), kMaxNameBytes);
    volume.identity = identity_of(child(mirror, "source"), volume.type);
    read_chain(*mirror, volume);
    add(std::move(volume));
  }

  // What the definition states behind the image or, of a running domain, what libvirt found there. QEMU goes by it, and
  // not by the header.
  static void read_chain(const xmlNode& disk, Volume& volume) {
    std::string image = volume.source;
    if (const xmlNode* data = child(child(&disk, "source"), "dataStore")) add_image(data, "data file", image, volume);
    const xmlNode* store = child(&disk, "backingStore");
    while (store != nullptr && volume.chain.size() < kMaxChain) {
      const std::string source = add_image(store, "backing file", image, volume);
      if (const xmlNode* data = child(child(store, "source"), "dataStore"))
        add_image(data, "data file", source, volume);
      image = source;
      store = child(store, "backingStore");
    }
  }

  static std::string add_image(const xmlNode* store, const char* role, const std::string& image, Volume& volume) {
    const std::string type = attribute(store, "type").value_or("file");
    const xmlNode* element = child(store, "source");
    std::string source = source_of(element, type);
    if (source.empty() || source.size() > kMaxSourceBytes) return source;
    ChainImage found{.source = source,
                     .path = source.starts_with('/') ? source : "",
                     .format = for_people(attribute(child(store, "format"), "type").value_or(""), kMaxNameBytes),
                     .role = role,
                     .image = image,
                     .written = role == std::string_view("data file") && image == volume.source};
    if (const std::string identity = identity_of(element, type); !identity.empty()) found.source = identity;
    volume.chain.push_back(std::move(found));
    return source;
  }

  void add(Volume volume) {
    if (volume.source.empty()) return;
    if (volume.source.size() > kMaxSourceBytes || volume.type.size() > kMaxNameBytes) {
      result_.problems.push_back(fmt::format("disk '{}': its source is longer than {} bytes and cannot be watched",
                                             volume.target, kMaxSourceBytes));
      return;
    }
    result_.domain.volumes.push_back(std::move(volume));
  }

  void read_interface(const xmlNode& interface) {
    Port port;
    port.device = device_name(attribute(child(&interface, "target"), "dev").value_or(""));
    port.bridge = device_name(attribute(child(&interface, "source"), "bridge").value_or(""));
    if (const auto text = attribute(child(&interface, "mac"), "address")) {
      port.mac = to_mac(*text);
      if (!port.mac) result_.problems.push_back(fmt::format("'{}' is no MAC address", for_people(*text, 32)));
    }
    result_.domain.ports.push_back(std::move(port));
  }

  // What the kernel would not take as a device's name names no device.
  std::string device_name(std::string name) {
    const bool usable = name.size() < IF_NAMESIZE && name != "." && name != ".." &&
                        std::all_of(
                            name.begin(), name.end(),
                            [](char c) {
                              const auto byte = static_cast<unsigned char>(c);
                              return byte > 0x20 && byte != 0x7f && c != '/' && c != ':';
                            });
    if (usable) return name;
    result_.problems.push_back(fmt::format("'{}' is no network device's name", for_people(std::move(name), 64)));
    return {};
  }

  static std::optional<MacAddress> to_mac(std::string_view text) {
    MacAddress mac{};
    if (text.size() != mac.size() * 3 - 1) return std::nullopt;
    for (std::size_t i = 0; i < mac.size(); ++i) {
      const char* digits = text.data() + i * 3;
      const auto [end, error] = std::from_chars(digits, digits + 2, mac[i], 16);
      if (error != std::errc() || end != digits + 2) return std::nullopt;
      if (i + 1 < mac.size() && digits[2] != ':') return std::nullopt;
    }
    return mac;
  }

  DomainXml& result_;
};

}  // namespace

std::string name_for_people(std::string_view name) {
  return for_people(std::string(name), kMaxNameBytes);
}

absl::StatusOr<DomainXml> parse_domain_xml(std::string_view xml, config::OpenNebulaOwner opennebula) {
  auto document = parse_xml(xml, {.bytes = kMaxXmlBytes, .depth = kMaxXmlDepth});
  if (!document.ok()) return document.status();
  const xmlNode* root = xmlDocGetRootElement(document->get());
  if (root == nullptr || local_name(*root) != "domain") {
    return absl::InvalidArgumentError("XML is not a libvirt domain: its root is not <domain>");
  }
  DomainXml result;
  result.domain.uuid = absl::AsciiStrToLower(text_of(child(root, "uuid")));
  if (!is_uuid(result.domain.uuid)) return absl::InvalidArgumentError("the domain's XML has no valid <uuid>");
  const std::string name = text_of(child(root, "name"));
  if (name.empty()) return absl::InvalidArgumentError("the domain's XML has no <name>");
  result.domain.name = name_for_people(name);
  result.title = for_people(text_of(child(root, "title")), kMaxTitleBytes);
  result.claims = read_tenant_claims(child(root, "metadata"), name, opennebula);
  DomainReader reader(result);
  reader.read_firmware(child(root, "os"));
  const xmlNode* devices = child(root, "devices");
  result.domain.emulator = text_of(child(devices, "emulator"));
  if (result.domain.emulator.size() > kMaxSourceBytes) result.domain.emulator.clear();
  if (auto status = reader.read_devices(devices); !status.ok()) return status;
  result.domain.endpoints = read_endpoints(devices);
  result.domain.resources = read_resources(devices);
  return result;
}

}  // namespace bulkhead::inventory

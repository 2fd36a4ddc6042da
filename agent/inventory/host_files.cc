#include "agent/inventory/host_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>

#include "agent/inventory/domain_xml.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {

namespace {

// Attributes of libvirt's elements that hold a path of the host.
constexpr std::array kPathAttributes = {"file", "dev", "path", "dir", "socket"};
// Elements whose text is one.
constexpr std::array kPathElements = {"kernel", "initrd", "dtb", "loader", "nvram", "table", "backend"};
// Of those, and others, the ones that a VMM only reads.
constexpr std::array kReadOnly = {"kernel", "initrd", "dtb", "table", "rom"};

bool contains(const auto& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const char* one) { return name == one; });
}

// "0x1f" or "31".
std::optional<unsigned> number(const xmlNode* element, const char* name) {
  const std::string text = attribute(element, name).value_or("");
  const bool hexadecimal = text.starts_with("0x");
  const char* begin = text.data() + (hexadecimal ? 2 : 0);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(std::string sys_dir) : sys_dir_(std::move(sys_dir)) {}

  // `read_only`: what stands above it says so.
  void read(const xmlNode& element, bool read_only = false) {
    const std::string_view name = local_name(element);
    if (!namespace_of(element).empty() || name == "metadata" || name == "emulator") return;
    read_only = read_only || child(&element, "readonly") != nullptr || contains(kReadOnly, name) ||
                (name == "loader" && attribute(&element, "readonly").value_or("yes") != "no");
    for (const char* one : kPathAttributes) {
      add({.path = attribute(&element, one).value_or(""), .read_only = read_only, .below = one == kDirectory});
    }
    if (contains(kPathElements, name)) add({.path = text_of(&element), .read_only = read_only, .below = false});
    if (name == "hostdev") read_host_device(element);
    if (name == "shmem") add_shared_memory(attribute(&element, "name").value_or(""));
    for_each_child(&element, [&](const xmlNode& inner) { read(inner, read_only); });
  }

  // Those of the domain's own, by the name that libvirt gives them: "domain-1-web" and "1-web".
  void add_own_directories(const xmlNode* status) {
    for (const char* element : {"libDir", "channelTargetDir"}) {
      const std::string path = attribute(child(status, element), "path").value_or("");
      if (path.starts_with('/')) own_.push_back(path);
    }
    if (own_.empty()) return;
    const std::string name = std::filesystem::path(own_.front()).filename();
    constexpr std::string_view kPrefix = "domain-";
    if (!name.starts_with(kPrefix)) return;
    const std::string short_name = name.substr(kPrefix.size());
    for (const char* memory :
         {"/dev/hugepages/libvirt/qemu/", "/dev/hugepages1G/libvirt/qemu/", "/dev/hugepages2M/libvirt/qemu/",
          "/var/lib/libvirt/qemu/ram/libvirt/qemu/", "/var/lib/libvirt/qemu/ram/"}) {
      own_.push_back(memory + short_name);
    }
    add({.path = fmt::format("/run/libvirt/qemu/swtpm/{}-swtpm.sock", short_name)});
    add({.path = fmt::format("/run/libvirt/qemu/dbus/{}-dbus.sock", short_name)});
  }

  std::vector<HostFile> take() {
    std::vector<HostFile> files;
    for (const auto& [path, file] : files_) {
      const bool is_inside = std::ranges::any_of(
          own_, [&](const std::string& directory) { return path == directory || path.starts_with(directory + "/"); });
      if (!is_inside) files.push_back(file);
    }
    for (const std::string& directory : own_) files.push_back({.path = directory, .read_only = false, .below = true});
    std::ranges::sort(files);
    return files;
  }

 private:
  static constexpr std::string_view kDirectory = "dir";

  // The same path in two places: what the more generous says.
  void add(HostFile file) {
    if (!file.path.starts_with('/') || file.path.size() > kMaxSourceBytes || files_.size() >= kMaxDevices) return;
    const auto [known, is_new] = files_.try_emplace(file.path, file);
    if (is_new) return;
    known->second.read_only = known->second.read_only && file.read_only;
    known->second.below = known->second.below || file.below;
  }

  void add_shared_memory(const std::string& name) {
    if (!name.empty() && name.find('/') == std::string::npos) add({.path = "/dev/shm/" + name});
  }

  void read_host_device(const xmlNode& device) {
    const std::string type = attribute(&device, "type").value_or("");
    const xmlNode* address = child(child(&device, "source"), "address");
    if (type == "pci") {
      const auto domain = number(address, "domain"), bus = number(address, "bus"), slot = number(address, "slot"),
                 function = number(address, "function");
      if (bus && slot && function) {
        add_group(fmt::format("{}/bus/pci/devices/{:04x}:{:02x}:{:02x}.{:x}", sys_dir_, domain.value_or(0), *bus, *slot,
                              *function));
      }
    } else if (type == "mdev") {
      const std::string uuid = attribute(address, "uuid").value_or("");
      if (!uuid.empty() && uuid.find('/') == std::string::npos) add_group(sys_dir_ + "/bus/mdev/devices/" + uuid);
    } else if (type == "usb") {
      const auto bus = number(address, "bus"), number_on_bus = number(address, "device");
      if (bus && number_on_bus) add({.path = fmt::format("/dev/bus/usb/{:03}/{:03}", *bus, *number_on_bus)});
    }
  }

  // VFIO's device of the group that the kernel put this one into.
  void add_group(const std::string& device) {
    std::error_code error;
    const auto group = std::filesystem::read_symlink(device + "/iommu_group", error).filename().string();
    if (!error && !group.empty()) add({.path = "/dev/vfio/" + group});
  }

  const std::string sys_dir_;
  std::map<std::string, HostFile> files_;  // by path
  std::vector<std::string> own_;
};

}  // namespace

std::vector<HostFile> read_host_files(const xmlNode* status, const std::string& sys_dir) {
  Reader reader(sys_dir);
  reader.add_own_directories(status);
  if (const xmlNode* domain = child(status, "domain")) reader.read(*domain);
  if (const xmlNode* backups = child(status, "backups")) reader.read(*backups);
  return reader.take();
}

}  // namespace bulkhead::inventory

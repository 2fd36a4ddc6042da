#include "agent/storage/block_devices.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bulkhead::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAttributeLimit = 4096;  // a page, as the kernel has it
constexpr std::size_t kBelowLimit = 4096;
constexpr std::uint64_t kSector = 512;
constexpr std::uint32_t kMinorBits = 20;

// Empty when there is none.
std::string attribute(const std::string& folder, const char* name) {
  std::ifstream file(absl::StrCat(folder, "/", name), std::ios::binary);
  std::string text(kAttributeLimit, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return std::string(absl::StripSuffix(text, "\n"));
}

std::uint64_t number_in(const std::string& folder, const char* name) {
  const std::string text = attribute(folder, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::vector<std::uint32_t> devices_below(const std::string& folder) {
  std::vector<std::uint32_t> below;
  std::error_code error;
  for (fs::directory_iterator entry(folder + "/slaves", error), end; !error && entry != end; entry.increment(error)) {
    if (below.size() == kBelowLimit) break;
    if (const auto number = parse_device_number(attribute(entry->path(), "dev"))) below.push_back(*number);
  }
  std::ranges::sort(below);
  return below;
}

void read_partition(const std::string& folder, BlockDevice& device) {
  device.kind = DeviceKind::kPartition;
  device.partition = static_cast<std::uint32_t>(number_in(folder, "partition"));
  if (const auto disk = parse_device_number(attribute(folder + "/..", "dev"))) device.below = {*disk};
}

// What a disk's kind has for itself, by what there is in its folder.
void read_kind(const Sources& sources, const std::string& folder, BlockDevice& device) {
  std::error_code error;
  if (fs::exists(folder + "/partition", error)) return read_partition(folder, device);
  device.below = devices_below(folder);
  if (fs::exists(folder + "/dm", error)) {
    device.kind = DeviceKind::kDeviceMapper;
    device.mapper_name = attribute(folder, "dm/name");
    device.mapper_uuid = attribute(folder, "dm/uuid");
    if (sources.mapper_type) device.type = sources.mapper_type(device.number);
  } else if (fs::exists(folder + "/md", error)) {
    device.kind = DeviceKind::kRaid;
    device.type = attribute(folder, "md/level");
  } else if (device.name.starts_with("nbd")) {
    device.kind = DeviceKind::kNbd;
    device.nbd_pid = static_cast<std::uint32_t>(number_in(folder, "pid"));
  } else if (device.name.starts_with("loop")) {
    device.kind = DeviceKind::kLoop;
    device.backing_path = attribute(folder, "loop/backing_file");
  } else {
    device.wwid = attribute(folder, "wwid");
    if (device.wwid.empty()) device.wwid = attribute(folder, "device/wwid");
    if (!device.below.empty()) device.kind = DeviceKind::kRaid;  // bcache and others like it
  }
}

}  // namespace

bool BlockDevice::operator==(const BlockDevice& other) const {
  const auto same_backing = [&] {
    if (backing.has_value() != other.backing.has_value()) return false;
    return !backing || (backing->key == other.backing->key && backing->offset == other.backing->offset &&
                        backing->limit == other.backing->limit);
  };
  return number == other.number && name == other.name && kind == other.kind && disk_sequence == other.disk_sequence &&
         size == other.size && read_only == other.read_only && below == other.below && wwid == other.wwid &&
         mapper_name == other.mapper_name && mapper_uuid == other.mapper_uuid && type == other.type &&
         nbd_pid == other.nbd_pid && same_backing();
}

std::optional<std::uint32_t> parse_device_number(const std::string& text) {
  std::uint32_t major = 0, minor = 0;
  const char* end = text.data() + text.size();
  const auto [colon, error] = std::from_chars(text.data(), end, major);
  if (error != std::errc() || colon == end || *colon != ':') return std::nullopt;
  const auto [rest, minor_error] = std::from_chars(colon + 1, end, minor);
  if (minor_error != std::errc() || rest != end) return std::nullopt;
  if (major == 0 || major >= 1u << (32 - kMinorBits) || minor >= 1u << kMinorBits) return std::nullopt;
  return major << kMinorBits | minor;
}

probes::FileKey key_of(std::uint32_t number) {
  return {.inode = 0, .device = number, .generation = 0, .block_device = true};
}

absl::StatusOr<BlockDevice> read_block_device(const Sources& sources, std::uint32_t number) {
  std::error_code error;
  const std::string link =
      absl::StrCat(sources.sysfs, "/dev/block/", number >> kMinorBits, ":", number & ((1u << kMinorBits) - 1));
  const std::string folder = fs::canonical(link, error);
  if (error) return absl::NotFoundError(absl::StrCat(link, ": ", error.message()));
  BlockDevice device;
  device.number = number;
  device.name = fs::path(folder).filename();
  device.size = number_in(folder, "size") * kSector;
  device.read_only = attribute(folder, "ro") == "1";
  read_kind(sources, folder, device);
  device.disk_sequence = number_in(device.kind == DeviceKind::kPartition ? folder + "/.." : folder, "diskseq");
  if (device.kind == DeviceKind::kLoop && sources.ask_kernel) {
    const auto known = sources.ask_kernel(folder);
    if (!known.ok()) return known.status();
    if (known->device != number) return absl::NotFoundError(absl::StrCat(link, ": it is another device by now"));
    device.backing = known->backing;
  }
  return device;
}

BlockDevices read_block_devices(const Sources& sources) {
  BlockDevices devices;
  std::error_code error;
  const std::string folder = sources.sysfs + "/dev/block";
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (devices.size() == kDeviceLimit) break;
    const auto number = parse_device_number(entry->path().filename());
    if (!number) continue;
    if (auto device = read_block_device(sources, *number); device.ok()) devices.emplace(*number, *std::move(device));
  }
  return devices;
}

}  // namespace bulkhead::storage

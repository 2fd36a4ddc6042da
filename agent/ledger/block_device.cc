#include "agent/ledger/block_device.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::ledger {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::size_t kLongestName = 256;

// The first line of a small file; empty when there is none.
std::string line_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::array<char, kLongestName> text{};
  file.read(text.data(), text.size() - 1);
  std::string line(text.data(), static_cast<std::size_t>(file.gcount()));
  line.resize(std::min(line.find('\n'), line.size()));
  absl::StripAsciiWhitespace(&line);
  return line;
}

std::optional<std::uint64_t> number_of(const std::filesystem::path& path) {
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(line_of(path), &number)) return std::nullopt;
  return number;
}

std::string identity_of(const std::filesystem::path& device) {
  if (const std::string uuid = line_of(device / "dm/uuid"); !uuid.empty()) return absl::StrCat("dm:", uuid);
  for (const char* name : {"wwid", "device/wwid", "serial", "device/serial"}) {
    if (const std::string id = line_of(device / name); !id.empty()) return absl::StrCat("wwid:", id);
  }
  return "";
}

}  // namespace

absl::StatusOr<BlockDevice> block_device(std::uint32_t number, const std::string& sysfs) {
  const std::filesystem::path device = absl::StrCat(sysfs, "/dev/block/", number >> 20, ":", number & ((1u << 20) - 1));
  const std::optional<std::uint64_t> sectors = number_of(device / "size");
  if (!sectors) return absl::NotFoundError("no such block device");
  if (*sectors > (std::uint64_t{1} << 54)) return absl::DataLossError("the size of a block device is absurd");
  BlockDevice found = {.number = number, .size = *sectors * kSector, .disk_sequence = 0, .identity = {}};
  const std::optional<std::uint64_t> partition = number_of(device / "partition");
  const std::filesystem::path disk = partition ? device / ".." : device;
  const std::optional<std::uint64_t> sequence = number_of(disk / "diskseq");
  if (!sequence) return absl::NotFoundError("this kernel does not number its disks (diskseq, Linux 5.15)");
  found.disk_sequence = *sequence;
  found.identity = identity_of(disk);
  if (partition && !found.identity.empty()) absl::StrAppend(&found.identity, "-part", *partition);
  return found;
}

std::vector<BlockDevice> block_devices(const std::string& sysfs) {
  std::vector<BlockDevice> devices;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(sysfs + "/dev/block", error)) {
    unsigned major = 0, minor = 0;
    if (std::sscanf(entry.path().filename().c_str(), "%u:%u", &major, &minor) != 2) continue;
    if (major >= 1u << 12 || minor >= 1u << 20) continue;
    if (auto device = block_device(major << 20 | minor, sysfs); device.ok()) devices.push_back(*std::move(device));
  }
  return devices;
}

}  // namespace bulkhead::ledger

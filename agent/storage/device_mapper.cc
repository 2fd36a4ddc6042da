#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "agent/storage/block_devices.h"

namespace bulkhead::storage {

namespace {

constexpr std::size_t kStatusSize = 16384;
constexpr std::uint32_t kMinorMask = (1u << 20) - 1;

// Of dev_t as user space has it (new_encode_dev).
std::uint64_t encoded(std::uint32_t number) {
  const std::uint32_t major = number >> 20, minor = number & kMinorMask;
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

// Names, each once; of a status that was cut, those that are there.
std::vector<std::string> target_types(const std::vector<char>& answer) {
  std::vector<std::string> types;
  dm_ioctl head;
  std::memcpy(&head, answer.data(), sizeof(head));
  std::size_t offset = head.data_start;
  for (std::uint32_t i = 0; i < head.target_count; ++i) {
    if (offset < head.data_start || offset + sizeof(dm_target_spec) > answer.size()) break;
    dm_target_spec target;
    std::memcpy(&target, answer.data() + offset, sizeof(target));
    const std::string type(target.target_type, strnlen(target.target_type, sizeof(target.target_type)));
    if (std::ranges::find(types, type) == types.end()) types.push_back(type);
    if (target.next == 0) break;
    offset = head.data_start + target.next;
  }
  return types;
}

}  // namespace

std::string mapper_type(std::uint32_t number) {
  const int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
  if (control < 0) return "";
  std::vector<char> buffer(kStatusSize);
  dm_ioctl head = {};
  head.version[0] = DM_VERSION_MAJOR;
  head.data_size = static_cast<std::uint32_t>(buffer.size());
  head.data_start = sizeof(head);
  head.dev = encoded(number);
  head.flags = DM_NOFLUSH_FLAG;  // a status is no reason for a snapshot or a pool to write
  std::memcpy(buffer.data(), &head, sizeof(head));
  const int failed = ioctl(control, DM_TABLE_STATUS, buffer.data());
  close(control);
  return failed != 0 ? "" : absl::StrJoin(target_types(buffer), "+");
}

}  // namespace bulkhead::storage

#include "collector/grants/operations.h"

#include <fcntl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace bulkhead::grants {
namespace {

std::vector<v1::Operation> by_flags(std::uint32_t flags, v1::Operation read, v1::Operation write) {
  const std::uint32_t access = flags & O_ACCMODE;
  const bool writes = access == O_WRONLY || access == O_RDWR || (flags & O_TRUNC) != 0;
  // A descriptor that can neither read nor write (O_PATH, ioctl only) is the first half of a second open.
  const bool reads = access == O_RDONLY || access == O_RDWR || !writes;
  std::vector<v1::Operation> operations;
  if (reads) operations.push_back(read);
  if (writes) operations.push_back(write);
  return operations;
}

std::vector<v1::Operation> of_memory(const v1::MemoryAccess& access) {
  switch (access.operation()) {
    case v1::MEMORY_OPERATION_PROCESS_VM_READ:
      return {v1::OPERATION_MEMORY_READ};
    case v1::MEMORY_OPERATION_PROCESS_VM_WRITE:
      return {v1::OPERATION_MEMORY_WRITE};
    case v1::MEMORY_OPERATION_PTRACE:
      return {v1::OPERATION_MEMORY_DEBUG};
    case v1::MEMORY_OPERATION_PROC_MEM_OPEN:
      return by_flags(access.open_flags(), v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE);
    case v1::MEMORY_OPERATION_UNSPECIFIED:
    case v1::MemoryOperation_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::MemoryOperation_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return {};
}

constexpr std::string_view kPrefix = "OPERATION_";

}  // namespace

std::vector<v1::Operation> operations_of(const v1::Event& event) {
  if (event.has_memory_access()) return of_memory(event.memory_access());
  if (event.has_file_open()) {
    return by_flags(event.file_open().flags(), v1::OPERATION_VOLUME_READ, v1::OPERATION_VOLUME_WRITE);
  }
  return {};
}

std::string operation_name(v1::Operation operation) {
  const std::string name = v1::Operation_Name(operation);
  if (!name.starts_with(kPrefix)) return "unknown";
  return absl::StrReplaceAll(absl::AsciiStrToLower(name.substr(kPrefix.size())), {{"_", "-"}});
}

v1::Operation operation_named(std::string_view name) {
  for (int number = v1::Operation_MIN; number <= v1::Operation_MAX; ++number) {
    if (number == 0 || !v1::Operation_IsValid(number)) continue;
    if (operation_name(static_cast<v1::Operation>(number)) == name) return static_cast<v1::Operation>(number);
  }
  return v1::OPERATION_UNSPECIFIED;
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (int number = v1::Operation_MIN; number <= v1::Operation_MAX; ++number) {
    if (number != 0 && v1::Operation_IsValid(number))
      names.push_back(operation_name(static_cast<v1::Operation>(number)));
  }
  return names;
}

}  // namespace bulkhead::grants

// What a host program may be trusted with. The words are those of the policy file and of grants.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

namespace bulkhead::config {

enum class Operation : unsigned {
  kMemoryRead,
  kMemoryWrite,
  kMemoryDebug,
  kVolumeRead,
  kVolumeWrite,
  // Through libvirt (docs/control-calls.md); the console, the monitor and the guest agent past it, too.
  kMemoryDump,
  kMemoryPeek,
  kMemorySave,
  kMigrate,
  kBlockPeek,
  kBlockCopy,
  kScreenshot,
  kConsole,
  kGuestAgent,
  kMonitor,
  kSnapshot,
  kAttach,
  kRedefine,
  kCredentials,
  kInput,
  kPower,
};

// In the order of enum class Operation.
inline constexpr std::array<std::string_view, 21> kOperationNames = {
    "memory-read", "memory-write", "memory-debug", "volume-read", "volume-write", "memory-dump", "memory-peek",
    "memory-save", "migrate",      "block-peek",   "block-copy",  "screenshot",   "console",     "guest-agent",
    "monitor",     "snapshot",     "attach",       "redefine",    "credentials",  "input",       "power"};

// A set of operations; a value.
class Operations {
 public:
  constexpr Operations() = default;
  constexpr Operations(std::initializer_list<Operation> operations) {
    for (const Operation one : operations) add(one);
  }

  constexpr void add(Operation operation) { bits_ |= 1u << static_cast<unsigned>(operation); }
  constexpr void add(Operations others) { bits_ |= others.bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool contains(Operations others) const { return (others.bits_ & ~bits_) == 0; }
  constexpr bool intersects(Operations others) const { return (bits_ & others.bits_) != 0; }
  constexpr bool operator==(const Operations&) const = default;

 private:
  unsigned bits_ = 0;
};

// The kernel side tells these apart, and the agent what is in them.
inline constexpr Operations kOpenVolumes = {Operation::kVolumeRead, Operation::kVolumeWrite};
inline constexpr Operations kAccessMemory = {Operation::kMemoryRead, Operation::kMemoryWrite, Operation::kMemoryDebug};

inline constexpr Operations kControlDomains = {
    Operation::kMemoryDump, Operation::kMemoryPeek,  Operation::kMemorySave, Operation::kMigrate,
    Operation::kBlockPeek,  Operation::kBlockCopy,   Operation::kScreenshot, Operation::kConsole,
    Operation::kGuestAgent, Operation::kMonitor,     Operation::kSnapshot,   Operation::kAttach,
    Operation::kRedefine,   Operation::kCredentials, Operation::kInput,      Operation::kPower};

}  // namespace bulkhead::config

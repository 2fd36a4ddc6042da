// DISK-02: volumes that domains of several tenants have and one can write to, or that one domain has on two hosts at
// once, by the identities in all hosts' inventories. What no identity names on every host is not compared.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/host.pb.h"
#include "collector/store/table.h"

namespace bulkhead::directory {

// How long something must hold before it is told: agents' words cross each other when a volume is handed over, and two
// hosts run one domain for a moment when it moves.
inline constexpr absl::Duration kSharedByTenants = absl::Seconds(15);
inline constexpr absl::Duration kRunningTwice = absl::Minutes(2);
// What was gone for less than that was not gone: an agent that restarts, an image that was renamed and came back.
inline constexpr absl::Duration kOverAfter = absl::Minutes(10);

// Thread safe. Memory: 24 bytes for each volume with an identity; who it is of is read from the stored inventories.
class SharedVolumes {
 public:
  // The key of a host's inventory in the table.
  using InventoryKey = std::function<std::string(const std::string& host_id)>;

  // `table` outlives this.
  SharedVolumes(store::Table& table, InventoryKey key) : table_(table), key_(std::move(key)) {}

  // Reads what was told; then load() for each stored inventory, then loaded().
  absl::Status open();
  void load(const std::string& host_id, const v1::Inventory& inventory);
  void loaded();

  // In the place of what the host had. The table has it already.
  void update(const std::string& host_id, const v1::Inventory& inventory);

  // Tells what holds for long enough and was not told yet, once; it survives restarts that it was told. When `tell`
  // fails, it is tried again with the next call.
  absl::Status look(absl::Time now, const std::function<absl::Status(v1::Event)>& tell);

 private:
  // One domain's, of one host.
  struct Use {
    std::uint64_t volume;  // fingerprint of its identity
    std::uint64_t domain;
    std::uint32_t tenant;
    std::uint32_t flags;
    auto operator<=>(const Use&) const = default;
  };
  // About one identity.
  struct Watch {
    absl::Time since = absl::InfiniteFuture();  // it holds, as far as fingerprints say
    absl::Time last_held = absl::InfinitePast();
    bool due = false;            // something changed since it was looked at in full
    std::set<std::string> told;  // tenants, or "domain/<uuid>"
    std::string identity;        // of one that was told
  };
  struct Conflict;

  static std::vector<Use> uses_of(const v1::Inventory& inventory);
  std::vector<Use> all_of(std::uint64_t volume) const;
  static absl::Duration patience_for(const std::vector<Use>& uses);
  Conflict examine(std::uint64_t volume) const;
  absl::Status settle(std::uint64_t volume, Watch& watch, absl::Time now,
                      const std::function<absl::Status(v1::Event)>& tell);
  absl::Status remember(const Watch& watch);
  absl::Status forget(const Watch& watch);

  store::Table& table_;
  const InventoryKey key_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Use>> hosts_;  // each ordered
  std::set<std::uint64_t> changed_;                // volumes to be looked at
  std::map<std::uint64_t, Watch> watches_;
};

}  // namespace bulkhead::directory

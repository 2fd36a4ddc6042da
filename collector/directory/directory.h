// What the collector knows of every host: who it is, what it can see, whether it is there, and whose domains run on it.
// Remembered in the store, so that questions are answered after a restart.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/ingest.pb.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/directory/port_bridges.h"
#include "collector/directory/shared_volumes.h"
#include "collector/store/table.h"

namespace bulkhead::directory {

using Clock = std::function<absl::Time()>;

struct Totals {
  std::uint32_t known_hosts = 0;
  std::uint32_t connected_hosts = 0;
  // Records lost on all hosts, as their agents count them: in the kernel, in decoding, for want of spool.
  std::uint64_t lost_records = 0;
};

// Records that the agent says are lost, since it started.
std::uint64_t lost_records(const v1::Health& health);

// Thread safe.
class Directory {
 public:
  // One stream of one agent. A newer one of the same host takes over.
  using Connection = std::uint64_t;

  // Reads what the table remembers; nobody is connected yet. `table` outlives the directory.
  static absl::StatusOr<std::unique_ptr<Directory>> open(store::Table& table, Clock clock = absl::Now);

  // kResourceExhausted when there are too many hosts, kInvalidArgument when the message is beyond its limits.
  absl::Status connect(const v1::Hello& hello, Connection connection);
  // Does nothing when a newer connection has taken over. This holds for all that follow.
  void disconnect(const std::string& host_id, Connection connection);
  void seen(const std::string& host_id, Connection connection);
  absl::Status set_health(const std::string& host_id, Connection connection, const v1::Health& health);
  absl::Status set_coverage(const std::string& host_id, Connection connection, const v1::Coverage& coverage);
  absl::Status set_inventory(const std::string& host_id, Connection connection, const v1::Inventory& inventory);

  // By host id; `stored` and `missing_events` are left empty. `host` is a host id or a hostname, or empty for all.
  std::vector<v1::Host> hosts(const std::string& host = {}) const;
  // By tenant; `open_alerts` is left empty. `tenant` may be empty for all.
  std::vector<v1::TenantSummary> tenants(const std::string& tenant = {}) const;
  // Empty for a host that is not known.
  std::string hostname(const std::string& host_id) const;
  // The bridge that the host's port of this device name is on, by its latest inventory; nothing for a port that is not
  // there, whose bridge is not known, or whose name two ports have (in two network namespaces).
  std::optional<std::string> bridge_of(const std::string& host_id, const std::string& port) const;
  // SharedVolumes::look(), by all hosts' latest inventories.
  absl::Status tell_shared_volumes(const std::function<absl::Status(v1::Event)>& tell) {
    return shared_volumes_.look(clock_(), tell);
  }
  // Names of the connected hosts that do not work by this policy (empty: by none), and have been connected, with that
  // policy in force since `in_force`, for longer than `patience`.
  std::vector<std::string> behind(const std::string& policy_sha256, absl::Time in_force, absl::Duration patience) const;
  bool matches(const std::string& host_id, const std::string& host) const;
  Totals totals() const;

 private:
  using TenantCounts = std::map<std::string, v1::TenantSummary>;
  struct Entry {
    v1::Host host;
    TenantCounts tenants;
    Connection connection = 0;
    absl::Time connected = absl::InfinitePast();
    absl::Time saved = absl::InfinitePast();
  };

  Directory(store::Table& table, Clock clock);
  absl::Status load();
  // The entry if `connection` is the one that speaks for the host.
  Entry* speaking(const std::string& host_id, Connection connection);
  void touch(Entry& entry) const;
  absl::Status save(Entry& entry);
  static void count(const v1::Inventory& inventory, Entry& entry);

  store::Table& table_;
  const Clock clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  // Bridges of the hosts' ports, read from the table when someone asks for them.
  mutable PortBridges port_bridges_;
  SharedVolumes shared_volumes_;
};

}  // namespace bulkhead::directory

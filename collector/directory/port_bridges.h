// Which bridge each port of a host is on, from the inventories that the table keeps. Internal to collector/directory.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "collector/store/table.h"

namespace bulkhead::directory {

// Thread safe. Memory holds the ports of the hosts that were asked about last: those of all would be hundreds of
// megabytes.
class PortBridges {
 public:
  // `table` outlives it.
  explicit PortBridges(store::Table& table) : table_(table) {}

  // `key` is that of the host's inventory in the table. Nothing when the port or its bridge is not known, or two ports
  // have the name.
  std::optional<std::string> find(const std::string& host_id, const std::string& key, const std::string& port);
  // The host's inventory is another one.
  void forget(const std::string& host_id);

 private:
  static constexpr std::size_t kHosts = 32;
  // By device; empty for a name that two ports have.
  using Ports = std::map<std::string, std::string>;

  std::shared_ptr<const Ports> read(const std::string& key) const;

  store::Table& table_;
  std::mutex mutex_;
  // Most recently asked first.
  std::list<std::pair<std::string, std::shared_ptr<const Ports>>> hosts_;
  // Counts what was forgotten: what was read before that may be old.
  std::uint64_t changes_ = 0;
};

}  // namespace bulkhead::directory

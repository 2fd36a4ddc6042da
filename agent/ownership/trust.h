// Which host programs are trusted with what. The kernel knows an executable by its file and judges file, user and
// parent; what it cannot know (the unit, whose the object is, reading or writing) is judged here.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// One access of a host process.
struct TrustedAct {
  config::Operations operations;  // all that it is
  std::uint32_t uid = 0;
  std::string_view object_tenant;
  std::string_view cgroup;  // the process's, from the root of the tree
};

// Belongs to one thread.
class Trust {
 public:
  using KeyOf = std::function<absl::StatusOr<probes::FileKey>(const std::string& path)>;

  // What the kernel's map has to become. To be written in this order, so that nobody who stays trusted is not for a
  // moment.
  struct Change {
    std::map<probes::FileKey, probes::Trust> put;
    std::vector<probes::FileKey> remove;
  };

  explicit Trust(std::vector<config::TrustedService> services) : services_(std::move(services)) {}

  // In the place of the services before; refresh() makes them count.
  void set(std::vector<config::TrustedService> services) { services_ = std::move(services); }

  // Looks each executable up again: an upgrade of a package gives it a new file, while the old one may still run for
  // long. Those that are not there now count from when they are.
  Change refresh(const KeyOf& key_of);

  // Whether one of the services with this executable's file is trusted with the act. To be asked only about what the
  // kernel found trusted. False for a file that is of none.
  bool allows(const probes::FileKey& executable, const TrustedAct& act) const;

 private:
  // Files of one path that are remembered: of the present one and of those that were there before.
  static constexpr std::size_t kFilesKept = 4;

  struct Entry {
    std::vector<const config::TrustedService*> services;
    probes::Trust kernel;
  };

  std::vector<config::TrustedService> services_;
  std::map<std::string, std::deque<probes::FileKey>> files_;  // by path, the present one first
  std::map<probes::FileKey, Entry> entries_;
  // What entries_ point into: services_ as they were at the last refresh().
  std::vector<config::TrustedService> in_force_;
};

// Whether a process of this cgroup is in the system's unit of that name: its slice's innermost, or below it. A user's
// own unit of the same name, and a cgroup that is not known up to its root, are not.
bool is_in_unit(std::string_view cgroup, std::string_view unit);

}  // namespace bulkhead::ownership

// Who processes are: from the actor records that the kernel sends ahead, else from /proc while the process still lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "agent/decode/records.h"

namespace bulkhead::attribute {

struct ActorFacts {
  std::string executable;
  // All 0 when only its path is known.
  decode::FileKey executable_file;
  std::string command;
  struct Ancestor {
    std::uint32_t tgid = 0;
    std::uint64_t start_ns = 0;
    std::string executable;  // empty when it ended before it could be looked at
    std::string command;
  };
  std::vector<Ancestor> lineage;  // parent first
  std::string cgroup;
};

// Belongs to one thread. Keeps the kCapacity actors that were used last, twice what the kernel side announces.
class Actors {
 public:
  explicit Actors(std::string proc_dir = "/proc") : proc_dir_(std::move(proc_dir)) {}

  void learn(const decode::ActorRecord& record);

  // Null when the kernel has not announced it (yet).
  const ActorFacts* find(const decode::ActorKey& key);

  // kernel.core_pattern as it is now; empty when it cannot be read.
  std::string core_pattern() const;

  // For an actor whose record was lost: what /proc says about a process with that pid and start. Empty facts when it is
  // gone.
  const ActorFacts& look_up(const decode::ActorKey& key);

 private:
  static constexpr std::size_t kCapacity = 16384;
  using Order = std::list<decode::ActorKey>;
  struct Entry {
    ActorFacts facts;
    Order::iterator place;
  };

  const ActorFacts& store(const decode::ActorKey& key, ActorFacts facts);
  std::string executable_of(std::uint32_t tgid, std::uint64_t start_ns) const;
  std::string cgroup_of(std::uint32_t tgid, std::uint64_t start_ns) const;
  bool is_alive(std::uint32_t tgid, std::uint64_t start_ns) const;

  const std::string proc_dir_;
  std::map<decode::ActorKey, Entry> entries_;
  Order order_;  // most recently used first
};

}  // namespace bulkhead::attribute

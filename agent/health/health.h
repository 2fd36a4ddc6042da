// The agent's half of the loss identity: what each probe saw, what got how far, and what was lost on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/spool/clock.h"
#include "agent/spool/spool.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::health {

struct InventoryState {
  bool connected = false;
  std::string error;
};

// Where the figures come from. Each function is called at most once per report, on the reporting thread.
struct Sources {
  // Per probe, since the agent began: seen, suppressed, coalesced, emitted, lost, decoded. `spooled` is filled in here.
  std::function<std::vector<v1::ProbeCounters>()> counters;
  // Records that came out of the ring and could not be understood, by probe where that is known.
  std::function<std::map<v1::Probe, std::uint64_t>()> malformed;
  std::function<spool::Statistics()> spool;
  std::function<InventoryState()> inventory;
  // SHA-256 of the policy in use; empty for none.
  std::function<std::string()> policy_sha256 = [] { return std::string(); };
  // Bytes of memory in use; 0 when it cannot be had.
  std::function<std::uint64_t()> resident_bytes;
  spool::Clock clock = spool::now;
};

struct Report {
  v1::Health health;
  // One for each probe and place whose count of lost records grew since the last report; to be spooled by the caller.
  // What the spool itself dropped is not here: the spool states it.
  std::vector<v1::Event> losses;
};

// Belongs to one thread.
class Reporter {
 public:
  explicit Reporter(Sources sources);

  Report report();

 private:
  struct Stated {
    std::uint64_t count = 0;
    std::uint64_t boot_ns = 0;
  };
  void state_growth(v1::Probe probe, v1::Loss::Place place, std::uint64_t count, const spool::Moment& now,
                    std::vector<v1::Event>* losses);

  Sources sources_;
  std::uint64_t began_boot_ns_;
  std::map<std::pair<v1::Probe, v1::Loss::Place>, Stated> stated_;
};

// From /proc/self/statm, or another file of its form; 0 when it cannot be read.
std::uint64_t resident_bytes(const std::string& statm = "/proc/self/statm");

}  // namespace bulkhead::health

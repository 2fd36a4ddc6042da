// Records with numbers become events with names: which tenant, which domain, which process, which volume or port.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "agent/attribute/actors.h"
#include "agent/attribute/describer.h"
#include "agent/attribute/record_owners.h"
#include "agent/decode/records.h"
#include "agent/ownership/ownership.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::attribute {

// Belongs to one thread.
//
// A record waits a moment when its actor's own record, or that of a starting VMM's exec, is still in another CPU's
// ring, up to ownership::StartingVmms' patience when it is about a VMM whose domain is not known yet, and up to a
// second when a call of libvirt's names a domain that the inventory does not have yet. What a VMM opens and its domain
// does not declare waits for some seconds: libvirt writes down what it plugs after the VMM has opened it. Order among
// the others stays. A starting VMM whose exec nobody told of is the host's.
class Attributor {
 public:
  using Clock = std::chrono::steady_clock;

  // `ownership` must outlive this.
  explicit Attributor(ownership::Ownership& ownership, std::string proc_dir = "/proc");
  Attributor(const Attributor&) = delete;
  Attributor& operator=(const Attributor&) = delete;

  // Lifecycle and canary records are not for here.
  void take(decode::Record record, Clock::time_point now);

  // The events that can be told by now. `realtime_offset_ns` is CLOCK_REALTIME minus CLOCK_BOOTTIME.
  std::vector<v1::Event> ready(Clock::time_point now, std::int64_t realtime_offset_ns);

  bool waiting() const { return !waiting_.empty(); }
  // Domains, by number, whose VMMs opened what they do not declare, so far: Ownership::declare_again() may help.
  std::set<std::uint32_t> undeclared() const;

 private:
  // Longer than two rounds of the rings.
  static constexpr std::chrono::milliseconds kRecordPatience{50};
  // For a domain that the call has just made: libvirt tells the inventory of it.
  static constexpr std::chrono::milliseconds kDomainPatience{1000};
  // For what libvirt is plugging in, which takes it the longest with a disk that is slow to open.
  static constexpr std::chrono::milliseconds kDeclarationPatience{5000};
  static constexpr std::size_t kWaitingLimit = 65536;

  struct Waiting {
    decode::Record record;
    Clock::time_point deadline;
  };

  std::chrono::milliseconds patience_with(const decode::Record& record) const;
  // `overdue`: what is not here by now was lost.
  bool must_wait(const decode::Record& record, bool overdue);

  RecordOwners owners_;
  Actors actors_;
  Describer describer_;
  std::deque<Waiting> waiting_;
};

}  // namespace bulkhead::attribute

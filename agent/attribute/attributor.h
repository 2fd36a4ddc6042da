// Records with numbers become events with names: which tenant, which domain, which process, which volume or port.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "agent/attribute/actors.h"
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
  bool names_unknown_domain(const decode::ControlRecord& record) const;
  // The actor is a VMM that opened or connected to what is no tenant's and what its domain does not declare (yet).
  bool is_undeclared(const decode::Record& record) const;
  // `overdue`: what is not here by now was lost.
  bool must_wait(const decode::Record& record, bool overdue);
  v1::Event describe(const decode::Record& record, std::int64_t realtime_offset_ns);

  void describe_actor(const decode::Header& header, v1::Actor& actor);
  // Of an actor and an object that are described: the kernel's verdict, and what it could not judge.
  bool is_trusted(const decode::Header& header, config::Operations operations, const v1::Event& event);
  std::string name_of_file(v1::ObjectKind kind, const decode::FileKey& file, const std::string& path) const;
  void describe_object_owner(probes::Owner owner, v1::Object& object);
  void describe_guest_memory(probes::Owner owner, const probes::ProcessKey& vmm, v1::Object& object);
  void describe(const decode::ActorRecord& record, v1::Event& event);
  void describe(const decode::MemoryRecord& record, v1::Event& event);
  void describe(const decode::FileOpenRecord& record, v1::Event& event);
  void describe(const decode::DeliveryRecord& record, v1::Event& event);
  void describe(const decode::LifecycleRecord& record, v1::Event& event);
  void describe(const decode::ControlRecord& record, v1::Event& event);
  void describe(const decode::EndpointRecord& record, v1::Event& event);
  void describe(const decode::SignalRecord& record, v1::Event& event);
  void describe(const decode::MergeRecord& record, v1::Event& event);
  void describe(const decode::CoreRecord& record, v1::Event& event);
  void describe(const decode::CanaryRecord& record, v1::Event& event);
  void describe(const decode::VmmActRecord& record, v1::Event& event);
  // Of the host; or of the VMM's own tenant, whose domain declares it by now.
  void describe_host_object(v1::ObjectKind kind, const decode::Record& record, v1::Event& event);
  void describe(const decode::HoldingRecord& record, v1::Event& event);

  // What became of a process that was starting, or that descends from one that was.
  std::optional<ownership::StartOutcome> start_of(decode::Owner owner, const probes::ProcessKey& process) const;
  // The owner as it is known now: one that was starting when the kernel wrote the record may have a domain by now.
  probes::Owner settled(decode::Owner owner, const probes::ProcessKey& process) const;

  ownership::Ownership& ownership_;
  Actors actors_;
  std::deque<Waiting> waiting_;
};

}  // namespace bulkhead::attribute

// The words of an event: what a record of each kind says, with names for its numbers.
#pragma once

#include <cstdint>
#include <string>

#include "agent/attribute/actors.h"
#include "agent/attribute/record_owners.h"
#include "agent/config/operations.h"
#include "agent/decode/records.h"
#include "agent/ownership/ownership.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::attribute {

// Belongs to one thread.
class Describer {
 public:
  // Both must outlive this.
  Describer(ownership::Ownership& ownership, Actors& actors)
      : ownership_(ownership), actors_(actors), owners_(ownership) {}

  // By what is known now. Lifecycle and canary records are not for here. `realtime_offset_ns` is CLOCK_REALTIME minus
  // CLOCK_BOOTTIME.
  v1::Event describe(const decode::Record& record, std::int64_t realtime_offset_ns);

 private:
  void describe_actor(const decode::Header& header, v1::Actor& actor);
  // Of an actor and an object that are described: the kernel's verdict, and what it could not judge.
  bool is_trusted(const decode::Header& header, config::Operations operations, const v1::Event& event);
  std::string name_of_file(v1::ObjectKind kind, const decode::FileKey& file, const std::string& path) const;
  void describe_guest_memory(probes::Owner owner, const probes::ProcessKey& vmm, v1::Object& object);
  void describe_vmm(probes::Owner owner, const probes::ProcessKey& vmm, v1::Process& process);
  void describe(const decode::ActorRecord& record, v1::Event& event);
  void describe(const decode::MemoryRecord& record, v1::Event& event);
  void describe(const decode::FileOpenRecord& record, v1::Event& event);
  void describe(const decode::VolumeChangeRecord& record, v1::Event& event);  // describe_volume_change.cc
  void describe(const decode::DeliveryRecord& record, v1::Event& event);
  // describer_disk.cc
  void describe(const decode::VolumeIoRecord& record, v1::Event& event);
  void describe(const decode::LifecycleRecord& record, v1::Event& event);
  void describe(const decode::ControlRecord& record, v1::Event& event);
  void describe(const decode::EndpointRecord& record, v1::Event& event);
  void describe(const decode::SignalRecord& record, v1::Event& event);
  void describe(const decode::MergeRecord& record, v1::Event& event);
  void describe(const decode::SiblingsRecord& record, v1::Event& event);
  void describe(const decode::CoreRecord& record, v1::Event& event);
  void describe(const decode::CanaryRecord& record, v1::Event& event);
  void describe(const decode::VmmActRecord& record, v1::Event& event);
  void describe(const decode::HoldingRecord& record, v1::Event& event);
  // describer_disk.cc
  void describe(const decode::ResidueRecord& record, v1::Event& event);
  void describe(const decode::MappingRecord& record, v1::Event& event);  // describe_mapping.cc
  // Of the host; or of the VMM's own tenant, whose domain declares it by now.
  void describe_host_object(v1::ObjectKind kind, const decode::Record& record, v1::Event& event);

  ownership::Ownership& ownership_;
  Actors& actors_;
  RecordOwners owners_;
};

}  // namespace bulkhead::attribute

// Whose a record's actor and object are, by what is known now: ownership goes on while records wait.
#pragma once

#include <optional>

#include "agent/decode/records.h"
#include "agent/ownership/ownership.h"

namespace bulkhead::attribute {

probes::ProcessKey actor_process(const decode::Header& header);
// The process whose memory a record is about; tgid 0 for other kinds.
probes::ProcessKey target_process(const decode::Record& record);

probes::FileKey key_of(const decode::FileKey& file);

// Belongs to one thread.
class RecordOwners {
 public:
  // `ownership` must outlive this.
  explicit RecordOwners(ownership::Ownership& ownership) : ownership_(ownership) {}

  // What became of a process that was starting, or that descends from one that was.
  std::optional<ownership::StartOutcome> start_of(decode::Owner owner, const probes::ProcessKey& process) const;
  // The owner as it is known now: one that was starting when the kernel wrote the record may have a domain by now.
  probes::Owner settled(decode::Owner owner, const probes::ProcessKey& process) const;

  // The actor is a VMM that opened or connected to what is no tenant's and what its domain does not declare (yet).
  bool is_undeclared(const decode::Record& record) const;
  bool names_unknown_domain(const decode::ControlRecord& record) const;

 private:
  ownership::Ownership& ownership_;
};

}  // namespace bulkhead::attribute

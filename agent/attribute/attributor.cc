#include "agent/attribute/attributor.h"

namespace bulkhead::attribute {

Attributor::Attributor(ownership::Ownership& ownership, std::string proc_dir)
    : owners_(ownership), actors_(std::move(proc_dir)), describer_(ownership, actors_) {}

void Attributor::take(decode::Record record, Clock::time_point now) {
  if (const auto* actor = std::get_if<decode::ActorRecord>(&record)) {
    actors_.learn(*actor);
    return;
  }
  const auto deadline = now + patience_with(record);
  waiting_.push_back({std::move(record), deadline});
}

std::chrono::milliseconds Attributor::patience_with(const decode::Record& record) const {
  if (owners_.is_undeclared(record)) return kDeclarationPatience;
  const auto* control = std::get_if<decode::ControlRecord>(&record);
  return control != nullptr && owners_.names_unknown_domain(*control) ? kDomainPatience : kRecordPatience;
}

std::set<std::uint32_t> Attributor::undeclared() const {
  std::set<std::uint32_t> domains;
  for (const Waiting& one : waiting_) {
    if (owners_.is_undeclared(one.record)) domains.insert(decode::header_of(one.record).actor.domain);
  }
  return domains;
}

bool Attributor::must_wait(const decode::Record& record, bool overdue) {
  const decode::Header& header = decode::header_of(record);
  const auto unsettled = [&](decode::Owner owner, const probes::ProcessKey& process) {
    if (owner.tenant != probes::kStartingNumber) return false;
    const auto outcome = owners_.start_of(owner, process);
    if (!outcome) return !overdue;
    return outcome->kind == ownership::StartOutcome::Kind::kPending;
  };
  if (unsettled(header.actor, actor_process(header))) return true;
  if (unsettled(header.object, target_process(record))) return true;
  if (!overdue && owners_.is_undeclared(record)) return true;
  const auto* control = std::get_if<decode::ControlRecord>(&record);
  if (control != nullptr && !overdue && owners_.names_unknown_domain(*control)) return true;
  if (std::holds_alternative<decode::SiblingsRecord>(record)) return false;
  return header.actor_key.tgid != 0 && !overdue && actors_.find(header.actor_key) == nullptr;
}

std::vector<v1::Event> Attributor::ready(Clock::time_point now, std::int64_t realtime_offset_ns) {
  std::vector<v1::Event> events;
  std::deque<Waiting> still_waiting;
  const std::size_t excess = waiting_.size() > kWaitingLimit ? waiting_.size() - kWaitingLimit : 0;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    Waiting& one = waiting_[i];
    const bool overdue = i < excess || now >= one.deadline;
    if (i >= excess && must_wait(one.record, overdue)) {
      still_waiting.push_back(std::move(one));
    } else {
      events.push_back(describer_.describe(one.record, realtime_offset_ns));
    }
  }
  waiting_ = std::move(still_waiting);
  return events;
}

}  // namespace bulkhead::attribute

#include "agent/attribute/record_owners.h"

#include <fcntl.h>

namespace bulkhead::attribute {

probes::ProcessKey actor_process(const decode::Header& header) {
  return {header.actor_key.tgid, header.actor_key.start_ns};
}

probes::ProcessKey target_process(const decode::Record& record) {
  if (const auto* memory = std::get_if<decode::MemoryRecord>(&record)) {
    return {memory->target_tgid, memory->target_start_ns};
  }
  if (const auto* merge = std::get_if<decode::MergeRecord>(&record)) {
    return {merge->target_tgid, merge->target_start_ns};
  }
  if (const auto* siblings = std::get_if<decode::SiblingsRecord>(&record)) {
    return {siblings->target_tgid, siblings->target_start_ns};
  }
  if (std::holds_alternative<decode::CoreRecord>(record)) return actor_process(decode::header_of(record));
  if (const auto* holding = std::get_if<decode::HoldingRecord>(&record)) {
    return {holding->target_tgid, holding->target_start_ns};
  }
  return {};
}

probes::FileKey key_of(const decode::FileKey& file) {
  return {file.inode, file.device, file.generation, file.block_device, file.character_device};
}

std::optional<ownership::StartOutcome> RecordOwners::start_of(decode::Owner owner,
                                                              const probes::ProcessKey& process) const {
  const auto outcome = ownership_.starting().outcome(process);
  return outcome ? outcome : ownership_.starting().outcome(owner.domain);
}

probes::Owner RecordOwners::settled(decode::Owner owner, const probes::ProcessKey& process) const {
  if (owner.tenant != probes::kStartingNumber) return {owner.tenant, owner.domain};
  const auto outcome = start_of(owner, process);
  if (outcome && outcome->kind == ownership::StartOutcome::Kind::kVmm) return outcome->owner;
  return {probes::kHostNumber, 0};
}

bool RecordOwners::is_undeclared(const decode::Record& record) const {
  const std::uint32_t domain = decode::header_of(record).actor.domain;
  if (const auto* opened = std::get_if<decode::FileOpenRecord>(&record)) {
    return opened->is_host_file &&
           !ownership_.is_declared(domain, key_of(opened->file), (opened->open.flags() & O_ACCMODE) != O_RDONLY);
  }
  const auto* endpoint = std::get_if<decode::EndpointRecord>(&record);
  if (endpoint == nullptr || endpoint->access.kind() != v1::ENDPOINT_KIND_HOST_SOCKET) return false;
  const decode::EndpointKey& key = endpoint->endpoint;
  return key.inode == 0 || !ownership_.is_declared(domain,
                                                   {.inode = key.inode,
                                                    .device = key.device,
                                                    .generation = key.generation,
                                                    .block_device = false,
                                                    .character_device = false},
                                                   true);
}

bool RecordOwners::names_unknown_domain(const decode::ControlRecord& record) const {
  return !record.domain_uuid.empty() && record.header.object.tenant == probes::kHostNumber &&
         ownership_.domain(record.domain_uuid) == probes::Owner{};
}

}  // namespace bulkhead::attribute

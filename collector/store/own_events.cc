#include "collector/store/own_events.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"

namespace bulkhead::store {

absl::StatusOr<std::unique_ptr<OwnEvents>> OwnEvents::open(EventLog& log, SequenceLedger& ledger,
                                                           std::string collector_id) {
  const auto boot = ledger.boot(limits::kCollectorHost, collector_id);
  if (!boot.ok()) return boot.status();
  return std::unique_ptr<OwnEvents>(new OwnEvents(log, std::move(collector_id), boot->next_sequence));
}

absl::StatusOr<std::uint64_t> OwnEvents::append(v1::Event event) {
  event.set_host_id(limits::kCollectorHost);
  event.set_boot_id(collector_id_);
  event.set_probe(v1::PROBE_COLLECTOR);
  // Over the write too: a sequence is taken by the event that is durable under it, and by no other.
  const std::lock_guard lock(mutex_);
  const std::uint64_t sequence = next_sequence_;
  event.set_sequence(sequence);
  const auto batches = batch::pack(std::span(&event, 1));
  if (!batches.ok()) return batches.status();
  const auto results = log_.append(*batches);
  if (!results.ok()) return results.status();
  next_sequence_ = results->front().next_sequence;
  if (results->front().stored && next_sequence_ == sequence + 1) return sequence;
  return absl::InternalError(absl::StrCat("another writer appends events of host '", limits::kCollectorHost,
                                          "': sequence ", sequence, " was not the next one"));
}

}  // namespace bulkhead::store

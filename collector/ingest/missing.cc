#include "collector/ingest/missing.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "collector/directory/checks.h"
#include "proto/batch/batch.h"
#include "proto/batch/event_time.h"

namespace bulkhead::ingest {

absl::StatusOr<v1::EventBatch> state_missing(const std::string& host_id, const v1::SequenceGap& gap, absl::Time now) {
  if (auto status = directory::check_id(gap.boot_id(), "gap.boot_id"); !status.ok()) return status;
  constexpr std::uint64_t kMaxSequence = std::numeric_limits<std::int64_t>::max();
  if (gap.from_sequence() == 0 || gap.through_sequence() < gap.from_sequence() ||
      gap.through_sequence() > kMaxSequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("a gap from ", gap.from_sequence(), " through ", gap.through_sequence(), " is no range"));
  }
  v1::Event event;
  event.set_host_id(host_id);
  event.set_boot_id(gap.boot_id());
  event.set_sequence(gap.from_sequence());
  batch::set_nanoseconds(absl::ToUnixNanos(now), event.mutable_time());
  event.set_probe(v1::PROBE_AGENT);
  event.mutable_actor()->set_tenant("host");
  event.mutable_object()->set_kind(v1::OBJECT_KIND_PROBE);
  event.mutable_object()->set_tenant("host");
  event.mutable_object()->set_id("agent.spool");
  event.mutable_loss()->set_probe(v1::PROBE_AGENT);
  event.mutable_loss()->set_count(gap.through_sequence() - gap.from_sequence() + 1);
  event.mutable_loss()->set_place(v1::Loss::PLACE_SPOOL);
  auto batches = batch::pack(std::span(&event, 1));
  if (!batches.ok()) return batches.status();
  return std::move(batches->front());
}

}  // namespace bulkhead::ingest

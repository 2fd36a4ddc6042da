// Any bytes as a batch: either refused, or unpacked to events that pack again and slice as they should.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proto/batch/batch.h"
#include "proto/batch/limits.h"

using namespace bulkhead;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = batch::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  const auto events = batch::unpack(*parsed);
  require(events.ok() == batch::validate(*parsed).ok());
  if (!events.ok()) return 0;
  require(events->size() == static_cast<std::size_t>(parsed->events_size()));
  require(events->back().sequence() == batch::last_sequence(*parsed));
  const auto packed = batch::pack(*events);
  require(packed.ok());

  const std::uint64_t middle = parsed->first_sequence() + events->size() / 2;
  const auto rest = batch::unpack(batch::slice_from(*parsed, middle));
  require(rest.ok());
  require(rest->size() == events->size() - events->size() / 2);
  require(rest->front().SerializeAsString() == (*events)[events->size() / 2].SerializeAsString());
  return 0;
}

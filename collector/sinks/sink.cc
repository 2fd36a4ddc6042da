#include "collector/sinks/sink.h"

namespace bulkhead::sinks {

std::vector<absl::Status> SingleSink::deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) {
  std::vector<absl::Status> results;
  for (const Delivery& delivery : deliveries) {
    const bool blocked = !results.empty() && !results.back().ok() && !absl::IsInvalidArgument(results.back());
    results.push_back(blocked ? results.back() : deliver_one(delivery, stop));
  }
  return results;
}

}  // namespace bulkhead::sinks

#include "collector/alerts/event_order.h"

#include <tuple>

namespace bulkhead::alerts {

v1::EventIdentity identity_of(const v1::Event& event) {
  v1::EventIdentity identity;
  *identity.mutable_time() = event.time();
  identity.set_host_id(event.host_id());
  identity.set_boot_id(event.boot_id());
  identity.set_sequence(event.sequence());
  return identity;
}

std::strong_ordering compare(const v1::EventIdentity& left, const v1::EventIdentity& right) {
  const auto key = [](const v1::EventIdentity& one) {
    return std::make_tuple(static_cast<std::int64_t>(one.time().seconds()), one.time().nanos(),
                           std::string_view(one.host_id()), std::string_view(one.boot_id()),
                           static_cast<std::uint64_t>(one.sequence()));
  };
  return key(left) <=> key(right);
}

}  // namespace bulkhead::alerts

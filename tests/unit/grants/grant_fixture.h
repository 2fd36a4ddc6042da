// Grants of tenant "acme", and the accesses of a host process that they are about.
#pragma once

#include "absl/time/time.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/grant.pb.h"
#include "proto/batch/event_time.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::test {

// The time of test::set_time(event, seconds).
inline absl::Time moment(double seconds) {
  v1::Event event;
  set_time(event, seconds);
  return absl::FromUnixSeconds(event.time().seconds()) + absl::Nanoseconds(event.time().nanos());
}

inline google::protobuf::Timestamp stamp(double seconds) {
  google::protobuf::Timestamp result;
  batch::set_nanoseconds(absl::ToUnixNanos(moment(seconds)), &result);
  return result;
}

// For login uid 1000 to read memory of domain "web", from second 0 to 3600.
inline v1::Grant grant() {
  v1::Grant grant;
  grant.set_tenant("acme");
  grant.add_domains("web");
  grant.add_operations(v1::OPERATION_MEMORY_READ);
  grant.mutable_actor()->set_login_uid(1000);
  *grant.mutable_from() = stamp(0);
  *grant.mutable_until() = stamp(3600);
  grant.set_ticket("ACME-17");
  grant.set_approver("ann@acme.example");
  grant.set_reason("core dump for support");
  grant.set_created_by("kim");
  return grant;
}

inline v1::Event read_at(double seconds) {
  v1::Event event = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);
  set_time(event, seconds);
  event.mutable_actor()->set_login_uid(1000);
  return event;
}

}  // namespace bulkhead::test

#include <catch2/catch.hpp>
#include <string>

#include "proto/batch/batch.h"
#include "proto/batch/limits.h"
#include "tests/unit/proto/round_trip.h"
#include "tests/unit/proto/sample_events.h"

using namespace bulkhead;
using test::require_same;
using test::round_trip;

TEST_CASE("What is done with volumes, and what is left on them, comes back as it was") {
  auto events = test::sample_events(6);
  events[0].mutable_volume_io()->set_bytes_read(1u << 20);
  events[1].mutable_volume_change()->set_other_path("/var/lib/libvirt/images/copy.qcow2");
  events[2].mutable_volume_mapping()->set_type("crypt");
  events[3].mutable_residue_read()->set_previous_tenant("acme");
  events[3].mutable_residue_read()->add_extents()->set_offset(4096);
  events[4].mutable_wipe_record()->set_identity("dm:LVM-1234");
  events[4].mutable_wipe_record()->add_remaining()->set_length(4096);
  events[4].mutable_wipe_record()->add_hosts("host-1");
  events[5].mutable_shared_volume()->add_holders()->set_tenant("globex");
  require_same(events, round_trip(events));

  const std::string overlong(limits::kStringBytes + 1, 'x');
  events[1].mutable_volume_change()->set_other_path(overlong);
  events[2].mutable_volume_mapping()->set_name(overlong);
  events[4].mutable_wipe_record()->set_identity(overlong);
  events[5].mutable_shared_volume()->mutable_holders(0)->set_source(overlong);
  const auto cut = round_trip(events);
  CHECK(cut[1].volume_change().other_path().size() == limits::kStringBytes);
  CHECK(cut[2].volume_mapping().name().size() == limits::kStringBytes);
  CHECK(cut[4].wipe_record().identity().size() == limits::kStringBytes);
  CHECK(cut[5].shared_volume().holders(0).source().size() == limits::kStringBytes);

  events[3].mutable_residue_read()->set_previous_tenant(overlong);
  CHECK(absl::IsInvalidArgument(batch::pack(events).status()));
}

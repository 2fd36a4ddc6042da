#include "proto/batch/batch.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <limits>

#include "proto/batch/limits.h"
#include "proto/batch/utf8.h"
#include "tests/unit/proto/round_trip.h"
#include "tests/unit/proto/sample_events.h"

using namespace bulkhead;
using test::require_same;
using test::round_trip;

namespace {

v1::EventBatch valid_batch(std::size_t events = 9) {
  const auto batches = batch::pack(test::sample_events(events));
  REQUIRE(batches.ok());
  REQUIRE(batches->size() == 1);
  return batches->front();
}

void require_refused(const v1::EventBatch& packed, const std::string& reason) {
  const auto unpacked = batch::unpack(packed);
  REQUIRE_FALSE(unpacked.ok());
  CHECK(absl::IsInvalidArgument(unpacked.status()));
  CHECK_THAT(std::string(unpacked.status().message()), Catch::Contains(reason));
}

}  // namespace

TEST_CASE("Events of every kind come back from a batch as they were") {
  require_same(test::sample_events(512), round_trip(test::sample_events(512)));
}

TEST_CASE("What the collector itself states comes back as it was") {
  auto events = test::sample_events(2);
  v1::GrantChange& grant = *events[0].mutable_grant_change();
  grant.set_kind(v1::GRANT_CHANGE_KIND_EXPIRED);
  grant.set_uses(3);
  grant.mutable_grant()->set_id("G-0123456789AB");
  grant.mutable_grant()->add_domains("web");
  events[1].mutable_policy_change()->set_new_version("7");
  require_same(events, round_trip(events));

  grant.mutable_grant()->set_reason(std::string(limits::kGrantChangeBytes, 'x'));
  CHECK(absl::IsInvalidArgument(batch::pack(events).status()));
}

TEST_CASE("What was asked of libvirt, and past it, comes back as it was") {
  auto events = test::sample_events(2);
  v1::ControlCall& call = *events[0].mutable_control_call();
  call.set_procedure("DOMAIN_SCREENSHOT");
  call.set_category(v1::CONTROL_CATEGORY_SCREENSHOT);
  call.set_error(-7);
  call.set_peer_address(std::string(16, 'a'));
  call.mutable_daemon()->set_executable("/usr/sbin/libvirtd");
  events[1].mutable_endpoint_access()->set_kind(v1::ENDPOINT_KIND_CONSOLE);
  events[1].mutable_endpoint_access()->set_result(-13);
  require_same(events, round_trip(events));

  call.set_verb(std::string(limits::kStringBytes + 1, 'v'));
  CHECK(round_trip(events)[0].control_call().verb().size() == limits::kStringBytes);
  call.set_peer_address("five!");
  CHECK(absl::IsInvalidArgument(batch::pack(events).status()));

  v1::EventBatch packed = valid_batch();
  packed.mutable_events(0)->mutable_control_call()->set_peer_address("five!");
  require_refused(packed, "no valid path or payload");
  packed = valid_batch();
  packed.mutable_events(0)->mutable_control_call()->set_procedure(std::string(6 * limits::kStringBytes, 'p'));
  require_refused(packed, "no valid path or payload");
}

TEST_CASE("What VMMs, sweeps, KSM and the agent's own guard tell comes back as it was") {
  auto events = test::sample_events(9);
  events[8].mutable_sibling_time()->set_shared_ns(1'500'000'000);
  events[0].mutable_vmm_act()->set_kind(v1::VMM_ACT_KIND_NAMESPACE);
  events[0].mutable_vmm_act()->set_result(-1);
  events[1].mutable_holding()->set_mapped_bytes(1u << 30);
  events[2].mutable_page_merge()->set_pages(3);
  events[3].mutable_sensor_fault()->set_detail("map volumes");
  events[4].mutable_coverage_change()->set_mechanism("tracepoint syscalls/sys_exit_openat");
  events[5].mutable_agent_stop()->set_signal(15);
  events[6].mutable_core_dump()->set_pattern("|/usr/share/apport %p");
  events[7].mutable_claim()->set_target("vda");
  require_same(events, round_trip(events));

  const std::string overlong(limits::kStringBytes + 1, 'x');
  events[3].mutable_sensor_fault()->set_detail(overlong);
  events[4].mutable_coverage_change()->set_reason(overlong);
  events[6].mutable_core_dump()->set_pattern(overlong);
  events[7].mutable_claim()->set_target(overlong);
  const auto cut = round_trip(events);
  CHECK(cut[3].sensor_fault().detail().size() == limits::kStringBytes);
  CHECK(cut[4].coverage_change().reason().size() == limits::kStringBytes);
  CHECK(cut[6].core_dump().pattern().size() == limits::kStringBytes);
  CHECK(cut[7].claim().target().size() == limits::kStringBytes);

  const std::string hostile(8 * limits::kStringBytes, 'x');
  for (const auto& spoil : std::vector<std::function<void(v1::PackedEvent&)>>{
           [&](v1::PackedEvent& event) { event.mutable_sensor_fault()->set_detail(hostile); },
           [&](v1::PackedEvent& event) { event.mutable_coverage_change()->set_reason(hostile); },
           [&](v1::PackedEvent& event) { event.mutable_core_dump()->set_pattern(hostile); },
           [&](v1::PackedEvent& event) { event.mutable_claim()->set_target(hostile); },
       }) {
    v1::EventBatch packed = valid_batch();
    spoil(*packed.mutable_events(0));
    require_refused(packed, "no valid path or payload");
  }
}

TEST_CASE("More events than a batch may hold become several batches") {
  const auto events = test::sample_events(limits::kEventsPerBatch + 1);
  const auto batches = batch::pack(events);
  REQUIRE(batches.ok());
  REQUIRE(batches->size() == 2);
  CHECK((*batches)[1].first_sequence() == limits::kEventsPerBatch + 1);
  require_same(events, round_trip(events));
}

TEST_CASE("Events out of time order and across a stepped wall clock keep both their times") {
  auto events = test::sample_events(4);
  events[1].mutable_time()->set_seconds(events[0].time().seconds() - 3600);
  events[2].set_boot_time_ns(events[0].boot_time_ns() - 5);
  events[3].set_boot_time_ns(0);
  require_same(events, round_trip(events));
}

TEST_CASE("An event without actor, object and payload comes back without them") {
  v1::Event bare;
  bare.set_host_id("h");
  bare.set_boot_id("b");
  bare.set_sequence(7);
  bare.mutable_time()->set_seconds(1);
  require_same({bare}, round_trip({bare}));
}

TEST_CASE("Text that is not UTF-8 is made so and overlong labels are cut") {
  auto event = test::sample_file_open(1);
  event.set_path("/images/\xff\xfe disk");
  event.mutable_actor()->set_cgroup(std::string(limits::kStringBytes - 1, 'x') + "\xc3\xa9");
  const auto found = round_trip({event});
  CHECK(found[0].path() == "/images/\xef\xbf\xbd\xef\xbf\xbd disk");
  CHECK(found[0].actor().cgroup() == std::string(limits::kStringBytes - 1, 'x'));
}

TEST_CASE("An identity too long to keep whole is refused, not cut") {
  auto event = test::sample_file_open(1);
  event.mutable_object()->set_tenant(std::string(limits::kStringBytes + 1, 't'));
  const auto batches = batch::pack(std::vector{event});
  REQUIRE_FALSE(batches.ok());
  CHECK_THAT(std::string(batches.status().message()), Catch::Contains("object.tenant"));
}

TEST_CASE("A packer that refused an event goes on with the next one") {
  batch::Packer packer("host", "boot", 1);
  auto bad = test::sample_delivery(1);
  bad.mutable_frame_delivery()->set_source_mac("\x01\x02");
  REQUIRE_FALSE(packer.add(bad).ok());
  REQUIRE(packer.add(test::sample_delivery(2)).ok());
  CHECK(packer.size() == 1);
  CHECK(batch::validate(packer.finish()).ok());
}

TEST_CASE("Times that do not fit are refused when packing") {
  auto event = test::sample_file_open(1);
  SECTION("before 1970") {
    event.mutable_time()->set_seconds(-1);
  }
  SECTION("past 2262") {
    event.mutable_time()->set_seconds(1ll << 40);
  }
  SECTION("nanoseconds past a second") {
    event.mutable_time()->set_nanos(1'000'000'000);
  }
  SECTION("boot time") {
    event.set_boot_time_ns(std::numeric_limits<std::uint64_t>::max());
  }
  CHECK_FALSE(batch::pack(std::vector{event}).ok());
}

TEST_CASE("Events that do not follow one another are not packed together") {
  auto events = test::sample_events(3);
  SECTION("a gap") {
    events[2].set_sequence(9);
  }
  SECTION("another boot") {
    events[2].set_boot_id("other");
  }
  SECTION("another host") {
    events[2].set_host_id("other");
  }
  CHECK_FALSE(batch::pack(events).ok());
}

TEST_CASE("Events with the longest strings there may be are split so that each batch is accepted") {
  std::vector<v1::Event> events;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    v1::Event event = test::sample_file_open(i);
    for (auto& ancestor : *event.mutable_actor()->mutable_lineage()) {
      ancestor.set_executable(std::string(limits::kStringBytes - 20, 'e') + std::to_string(i));
    }
    event.set_path(std::string(limits::kStringBytes, 'p'));
    events.push_back(event);
  }
  require_same(events, round_trip(events));
}

TEST_CASE("A batch whose index points outside its table is refused") {
  auto packed = valid_batch();
  SECTION("actor of an event") {
    packed.mutable_events(3)->set_actor(static_cast<std::uint32_t>(packed.actors_size()));
    require_refused(packed, "refers to actor");
  }
  SECTION("object of an event") {
    packed.mutable_events(3)->set_object(0xffffffff);
    require_refused(packed, "refers to actor");
  }
  SECTION("path of an event") {
    packed.mutable_events(3)->set_path_string(static_cast<std::uint32_t>(packed.strings_size()));
    require_refused(packed, "path");
  }
  SECTION("string of an ancestor") {
    packed.mutable_actors(0)->mutable_lineage(1)->set_command_string(0x7fffffff);
    require_refused(packed, "actor");
  }
  SECTION("string of an actor") {
    packed.mutable_actors(0)->set_cgroup_string(0xffffffff);
    require_refused(packed, "actor");
  }
  SECTION("string of an object") {
    packed.mutable_objects(0)->mutable_vmm()->set_executable_string(0xffffffff);
    require_refused(packed, "object");
  }
  SECTION("string of a payload") {
    packed.mutable_events(1)->mutable_frame_delivery()->set_source_mac_tenant_string(0xffffffff);
    require_refused(packed, "payload");
  }
}

TEST_CASE("A batch beyond the limits is refused") {
  auto packed = valid_batch();
  SECTION("no events") {
    packed.clear_events();
    require_refused(packed, "0 events");
  }
  SECTION("too many events") {
    while (packed.events_size() <= static_cast<int>(limits::kEventsPerBatch)) *packed.add_events() = packed.events(0);
    require_refused(packed, "513 events");
  }
  SECTION("no host id") {
    packed.clear_host_id();
    require_refused(packed, "host id");
  }
  SECTION("host id too long") {
    packed.set_host_id(std::string(limits::kHostIdBytes + 1, 'h'));
    require_refused(packed, "host id");
  }
  SECTION("no boot id") {
    packed.clear_boot_id();
    require_refused(packed, "boot id");
  }
  SECTION("sequence 0") {
    packed.set_first_sequence(0);
    require_refused(packed, "first sequence");
  }
  SECTION("sequences that wrap") {
    packed.set_first_sequence(std::numeric_limits<std::uint64_t>::max() - 3);
    require_refused(packed, "first sequence");
  }
  SECTION("string too long") {
    packed.add_strings(std::string(limits::kStringBytes + 1, 's'));
    require_refused(packed, "string");
  }
  SECTION("string that is no UTF-8") {
    packed.add_strings("\xc0\x80");
    require_refused(packed, "UTF-8");
  }
  SECTION("first string not empty") {
    packed.set_strings(0, "x");
    require_refused(packed, "string table");
  }
  SECTION("too many strings") {
    while (packed.strings_size() <= static_cast<int>(limits::kStringsPerBatch)) packed.add_strings("");
    require_refused(packed, "string table");
  }
  SECTION("too many bytes") {
    for (int i = 0; i < 300; ++i) packed.add_strings(std::string(limits::kStringBytes, 's'));
    require_refused(packed, "bytes");
  }
  SECTION("lineage too long") {
    for (int i = 0; i < 9; ++i) packed.mutable_actors(0)->add_lineage();
    require_refused(packed, "actor");
  }
  SECTION("times that overflow") {
    packed.mutable_events(5)->set_time_delta_ns(std::numeric_limits<std::int64_t>::max());
    require_refused(packed, "event 5 has no valid time");
  }
  SECTION("a time before 1970") {
    packed.mutable_events(5)->set_time_delta_ns(std::numeric_limits<std::int64_t>::min());
    require_refused(packed, "event 5 has no valid time");
  }
  SECTION("a time before the boot") {
    packed.set_boot_offset_ns(std::numeric_limits<std::int64_t>::max());
    require_refused(packed, "event 0 has no valid time");
  }
  SECTION("a MAC of five bytes") {
    packed.mutable_events(1)->mutable_frame_delivery()->set_source_mac("12345");
    require_refused(packed, "payload");
  }
}

TEST_CASE("A small batch that stands for a huge one is refused") {
  auto packed = valid_batch();
  packed.add_strings(std::string(limits::kStringBytes, 's'));
  const auto longest = static_cast<std::uint32_t>(packed.strings_size() - 1);
  auto* actor = packed.add_actors();
  while (actor->lineage_size() < static_cast<int>(limits::kLineage)) {
    auto* ancestor = actor->add_lineage();
    ancestor->set_executable_string(longest);
    ancestor->set_command_string(longest);
  }
  auto event = packed.events(0);
  event.set_actor(static_cast<std::uint32_t>(packed.actors_size() - 1));
  while (packed.events_size() < static_cast<int>(limits::kEventsPerBatch)) *packed.add_events() = event;
  require_refused(packed, "unpacks to more than");
}

TEST_CASE("Bytes past the limit are not even parsed") {
  CHECK_FALSE(batch::parse(std::string(limits::kBatchBytes + 1, '\0')).ok());
  CHECK_FALSE(batch::parse("\xff\xff\xff").ok());
}

TEST_CASE("A slice has the events from a sequence on, unchanged") {
  const auto events = test::sample_events(9, 100);
  const auto packed = batch::pack(events);
  REQUIRE(packed.ok());
  for (std::uint64_t from : {90, 100, 101, 104, 108}) {
    const auto slice = batch::unpack(batch::slice_from(packed->front(), from));
    INFO("from " << from << ": " << slice.status());
    REQUIRE(slice.ok());
    const auto skipped = static_cast<std::ptrdiff_t>(from > 100 ? from - 100 : 0);
    require_same({events.begin() + skipped, events.end()}, *slice);
  }
  CHECK(batch::slice_from(packed->front(), 109).events_size() == 0);
  CHECK(batch::slice_from(packed->front(), std::numeric_limits<std::uint64_t>::max()).events_size() == 0);
}

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* good :
       {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x92\xbe", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"}) {
    CHECK(batch::is_utf8(good));
    CHECK(batch::to_utf8(good) == good);
  }
  for (const char* bad : {"\x80", "\xc1\x81", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "a\xe2\x82", "\xc3", "\xff"}) {
    CHECK_FALSE(batch::is_utf8(bad));
    CHECK(batch::is_utf8(batch::to_utf8(bad)));
  }
  CHECK(batch::cut_utf8("a\xe2\x82\xac", 3) == "a");
  CHECK(batch::cut_utf8("a\xe2\x82\xac", 4) == "a\xe2\x82\xac");
}

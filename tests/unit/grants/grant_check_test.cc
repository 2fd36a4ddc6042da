#include "collector/grants/grant_check.h"

#include <catch2/catch.hpp>
#include <functional>

#include "tests/unit/grants/grant_fixture.h"

namespace bulkhead::grants {

using test::grant;
using test::moment;

TEST_CASE("a grant that says everything is accepted") {
  CHECK(check(grant(), {}, moment(0)).ok());
  // Made before its time.
  CHECK(check(grant(), {}, moment(-100000)).ok());
}

TEST_CASE("a grant that lacks something or contradicts itself is refused with the reason") {
  const auto refused = [](const std::function<void(v1::Grant&)>& spoil, double now = 0) {
    v1::Grant spoilt = grant();
    spoil(spoilt);
    const absl::Status status = check(spoilt, {.max_duration = absl::Hours(2)}, moment(now));
    CHECK(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  using Catch::Contains;
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_tenant(); }), Contains("'tenant'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.set_tenant("host"); }), Contains("no customer"));
  CHECK_THAT(refused([](v1::Grant& g) { g.set_ticket("  "); }), Contains("'ticket'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_approver(); }), Contains("'approver'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_reason(); }), Contains("'reason'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_created_by(); }), Contains("'created_by'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.set_reason("a\nb"); }), Contains("control characters"));
  CHECK_THAT(refused([](v1::Grant& g) { g.set_reason(std::string(1025, 'x')); }), Contains("1024"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_operations(); }), Contains("memory-read, memory-write"));
  CHECK_THAT(refused([](v1::Grant& g) { g.add_operations(v1::OPERATION_MEMORY_READ); }), Contains("twice"));
  CHECK_THAT(refused([](v1::Grant& g) { g.add_operations(static_cast<v1::Operation>(77)); }), Contains("not known"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_actor(); }), Contains("'actor'"));
  CHECK_THAT(refused([](v1::Grant& g) { g.mutable_actor()->set_executable("gdb"); }), Contains("absolute"));
  CHECK_THAT(refused([](v1::Grant& g) { g.clear_until(); }), Contains("'until'"));
  CHECK_THAT(refused([](v1::Grant& g) { *g.mutable_until() = g.from(); }), Contains("not after"));
  CHECK_THAT(refused([](v1::Grant&) {}, 3600), Contains("over already"));
  CHECK_THAT(refused([](v1::Grant& g) { *g.mutable_until() = test::stamp(7201); }), Contains("2h"));
  CHECK_THAT(refused([](v1::Grant& g) { g.mutable_until()->set_seconds(-5); }), Contains("'until'"));
  CHECK_THAT(refused([](v1::Grant& g) {
               for (int i = 0; i < 200; ++i) g.add_domains("d" + std::to_string(i));
             }),
             Contains("at most 200"));
}

}  // namespace bulkhead::grants

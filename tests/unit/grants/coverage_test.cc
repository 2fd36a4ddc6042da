#include "collector/grants/coverage.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "collector/grants/operations.h"
#include "tests/unit/grants/grant_fixture.h"

namespace bulkhead::grants {

using test::grant;
using test::read_at;
using Texts = std::vector<std::string>;

TEST_CASE("an access inside a grant's scope, person and time is covered") {
  CHECK(deviations(grant(), read_at(0)).empty());
  CHECK(deviations(grant(), read_at(3599.999)).empty());
  v1::Grant any_domain = grant();
  any_domain.clear_domains();
  CHECK(deviations(any_domain, read_at(10)).empty());
  v1::Grant by_uuid = grant();
  by_uuid.set_domains(0, read_at(0).object().domain_uuid());
  CHECK(deviations(by_uuid, read_at(10)).empty());
}

TEST_CASE("each way to exceed a grant is said") {
  CHECK(deviations(grant(), read_at(3600)) == Texts{"it expired at 2026-01-02T04:04:05Z"});
  CHECK(deviations(grant(), read_at(-1)) == Texts{"it begins at 2026-01-02T03:04:05Z"});
  v1::Event event = read_at(10);
  event.mutable_object()->set_domain_name("db");
  CHECK(deviations(grant(), event) == Texts{"domain db is out of its scope"});
  event = read_at(10);
  event.mutable_actor()->set_login_uid(1001);
  CHECK(deviations(grant(), event) == Texts{"it is for login uid 1000"});
  event = read_at(10);
  event.mutable_memory_access()->set_operation(v1::MEMORY_OPERATION_PROCESS_VM_WRITE);
  CHECK(deviations(grant(), event) == Texts{"it does not allow memory-write"});

  v1::Grant revoked = grant();
  *revoked.mutable_revoked() = test::stamp(100);
  CHECK(deviations(revoked, read_at(99)).empty());
  CHECK(deviations(revoked, read_at(100)) == Texts{"it was revoked at 2026-01-02T03:05:45Z"});

  v1::Grant for_program = grant();
  for_program.mutable_actor()->set_executable("/usr/sbin/backup");
  CHECK(deviations(for_program, read_at(10)) == Texts{"it is for /usr/sbin/backup"});
  v1::Grant for_user = grant();
  for_user.mutable_actor()->set_uid(33);
  CHECK(deviations(for_user, read_at(10)) == Texts{"it is for uid 33"});
}

TEST_CASE("a call of libvirt's is covered by its category's word, and by no uid that a caller without process has") {
  v1::Event event = read_at(10);
  event.mutable_control_call()->set_category(v1::CONTROL_CATEGORY_GUEST_AGENT);
  CHECK(operations_of(event) == std::vector{v1::OPERATION_GUEST_AGENT});
  CHECK(deviations(grant(), event) == Texts{"it does not allow guest-agent"});
  v1::Grant for_agent = grant();
  for_agent.add_operations(v1::OPERATION_GUEST_AGENT);
  CHECK(deviations(for_agent, event).empty());
  event.mutable_control_call()->set_category(v1::CONTROL_CATEGORY_OTHER);
  CHECK(operations_of(event).empty());

  v1::Event endpoint = read_at(10);
  endpoint.mutable_endpoint_access()->set_kind(v1::ENDPOINT_KIND_DISPLAY);
  CHECK(operations_of(endpoint) == std::vector{v1::OPERATION_CONSOLE});

  // As the agent tells a caller over TCP.
  event.mutable_control_call()->set_category(v1::CONTROL_CATEGORY_GUEST_AGENT);
  event.mutable_actor()->set_uid(0xffffffff);
  event.mutable_actor()->set_login_uid(0xffffffff);
  CHECK(deviations(for_agent, event).size() == 1);
}

TEST_CASE("an approval counts from when it was given, whenever it is asked") {
  v1::Grant wanting = grant();
  wanting.set_approvals_needed(1);
  CHECK(deviations(wanting, read_at(10)) == Texts{"it was not approved"});
  v1::GrantApproval& approval = *wanting.add_approvals();
  approval.set_by("lee");
  *approval.mutable_time() = test::stamp(20);
  CHECK(deviations(wanting, read_at(10)) == Texts{"it was not approved"});
  CHECK(deviations(wanting, read_at(20)).empty());
}

TEST_CASE("what a sweep found is covered by what it allows its holder to do, and a foreign machine by nothing") {
  using Operations = std::vector<v1::Operation>;
  v1::Event event = test::file_event(O_RDWR);
  event.mutable_object()->set_kind(v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(operations_of(event) == Operations{v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE});
  event.mutable_holding()->set_kind(v1::HOLDING_KIND_MAPPING);
  CHECK(operations_of(event) == Operations{v1::OPERATION_MEMORY_READ});
  event.mutable_holding()->set_writable(true);
  CHECK(operations_of(event) == Operations{v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE});
  event.mutable_object()->set_kind(v1::OBJECT_KIND_VOLUME);
  event.mutable_holding()->set_kind(v1::HOLDING_KIND_DESCRIPTOR);
  CHECK(operations_of(event) == Operations{v1::OPERATION_VOLUME_READ});
  event.mutable_object()->set_kind(v1::OBJECT_KIND_VIRTUAL_MACHINE);
  CHECK(operations_of(event).empty());
  event.mutable_object()->set_kind(v1::OBJECT_KIND_HOST_MEMORY);
  CHECK(operations_of(event).empty());
}

TEST_CASE("an access needs every operation that it is") {
  const auto opened = [](std::uint32_t flags) { return operations_of(test::file_event(flags)); };
  using Operations = std::vector<v1::Operation>;
  CHECK(opened(O_RDONLY) == Operations{v1::OPERATION_VOLUME_READ});
  CHECK(opened(O_WRONLY) == Operations{v1::OPERATION_VOLUME_WRITE});
  CHECK(opened(O_RDWR) == Operations{v1::OPERATION_VOLUME_READ, v1::OPERATION_VOLUME_WRITE});
  CHECK(opened(O_RDONLY | O_TRUNC) == Operations{v1::OPERATION_VOLUME_READ, v1::OPERATION_VOLUME_WRITE});
  CHECK(opened(O_PATH) == Operations{v1::OPERATION_VOLUME_READ});
  CHECK(operations_of(test::memory_event(v1::MEMORY_OPERATION_PTRACE)) == Operations{v1::OPERATION_MEMORY_DEBUG});
  CHECK(operations_of(test::frame_event()).empty());
  CHECK(operations_of(test::loss_event(1)).empty());
}

}  // namespace bulkhead::grants

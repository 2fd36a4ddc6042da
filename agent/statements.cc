#include "agent/statements.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "agent/attribute/describe_owner.h"
#include "agent/version.h"

namespace bulkhead {
namespace {

std::string first_word_of(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// Of the agent's own, as of now.
v1::Event own_event() {
  const spool::Moment now = spool::now();
  v1::Event event;
  stamp(now, event.mutable_time());
  event.set_boot_time_ns(now.boot_ns);
  event.set_probe(v1::PROBE_AGENT);
  return event;
}

}  // namespace

void stamp(const spool::Moment& moment, google::protobuf::Timestamp* time) {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  time->set_seconds(moment.wall_ns / kNanosecondsPerSecond);
  time->set_nanos(static_cast<std::int32_t>(moment.wall_ns % kNanosecondsPerSecond));
}

std::string boot_id() {
  return first_word_of("/proc/sys/kernel/random/boot_id");
}

v1::Hello make_hello(const std::string& host_id, const std::string& boot_id, const v1::Coverage& coverage) {
  v1::Hello hello;
  hello.set_host_id(host_id);
  hello.set_boot_id(boot_id);
  std::array<char, 256> hostname{};
  if (gethostname(hostname.data(), hostname.size() - 1) == 0) hello.set_hostname(hostname.data());
  hello.set_agent_version(kVersion);
  utsname kernel{};
  if (uname(&kernel) == 0) hello.set_kernel_release(kernel.release);
  hello.set_run_id(first_word_of("/proc/sys/kernel/random/uuid"));
  *hello.mutable_coverage() = coverage;
  return hello;
}

v1::LastRun run_of(const v1::Hello& hello) {
  v1::LastRun run;
  run.set_boot_id(hello.boot_id());
  run.set_agent_version(hello.agent_version());
  run.set_kernel_release(hello.kernel_release());
  *run.mutable_coverage() = hello.coverage();
  return run;
}

v1::Coverage coverage_of(const probes::ProbeSet& probes) {
  v1::Coverage coverage;
  stamp(spool::now(), coverage.mutable_time());
  for (const v1::ProbeCoverage& row : probes.coverage()) *coverage.add_probes() = row;
  return coverage;
}

v1::Event tenant_change_event(const ownership::TenantChanged& change, const ownership::Registry& registry) {
  v1::Event event = own_event();
  event.mutable_actor()->set_tenant(ownership::kHostTenant);
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_DOMAIN);
  object.set_tenant(change.old_tenant);
  if (const ownership::DomainFacts* domain = registry.domain(change.domain_number)) {
    object.set_domain_uuid(domain->uuid);
    object.set_domain_name(domain->name);
    object.set_id(domain->uuid);
  }
  event.mutable_tenant_change()->set_old_tenant(change.old_tenant);
  event.mutable_tenant_change()->set_new_tenant(change.new_tenant);
  return event;
}

// The volume's content is the last tenant's, whoever has it now.
v1::Event wipe_event(const ledger::ToldWipe& told, const ownership::Registry& registry) {
  v1::Event event = own_event();
  attribute::describe_owner(told.next, registry, *event.mutable_actor());
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  object.set_tenant(told.record.previous_tenant());
  object.set_id(told.source);
  event.set_path(told.source);
  *event.mutable_wipe_record() = told.record;
  return event;
}

v1::Event foreign_claim_event(const ownership::ForeignClaim& foreign, const ownership::Registry& registry) {
  v1::Event event = own_event();
  attribute::describe_owner(foreign.claim.owner, registry, *event.mutable_actor());
  v1::Object& object = *event.mutable_object();
  attribute::describe_owner(foreign.owner, registry, object);
  object.set_kind(foreign.kind);
  object.set_id(foreign.claim.source);
  event.set_path(foreign.claim.source);
  event.mutable_claim()->set_target(foreign.claim.target);
  event.mutable_claim()->set_read_only(foreign.claim.read_only);
  event.mutable_claim()->set_shareable(foreign.claim.shareable);
  event.mutable_claim()->set_image(foreign.image);
  return event;
}

}  // namespace bulkhead

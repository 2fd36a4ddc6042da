#include "collector/policy/compile.h"

#include <string>

#include "absl/strings/numbers.h"
#include "collector/policy/operations.h"
#include "collector/policy/prefix.h"
#include "collector/policy/validate.h"
#include "proto/batch/event_time.h"
#include "text/tenancy.h"

namespace bulkhead::policy {

namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

void add_all(const std::vector<Text>& from, Strings* to) {
  for (const Text& text : from) to->Add()->assign(text.value);
}

void add_prefixes(const std::vector<Text>& from, Strings* to) {
  for (const Text& text : from) {
    if (const auto prefix = parse_prefix(text.value); prefix.ok()) to->Add()->assign(prefix->text());
  }
}

void compile(const TenantDraft& from, v1::PolicyTenant& to) {
  to.set_id(from.id.value);
  to.set_name(from.name.value);
  for (const DomainDraft& domain : from.domains) {
    v1::DomainMatch& match = *to.add_domains();
    if (domain.uuid) {
      match.set_uuid(domain.uuid->value);
      text::normalize_uuid(*match.mutable_uuid()).IgnoreError();  // validated
    }
    if (domain.name) match.set_name(domain.name->value);
    if (domain.title) match.set_title(domain.title->value);
  }
  add_all(from.regions, to.mutable_regions());
}

void compile(const ServiceDraft& from, v1::TrustedService& to) {
  to.set_name(from.name.value);
  to.set_executable(from.executable.value);
  std::uint32_t uid = 0;
  if (absl::SimpleAtoi(from.uid.value, &uid)) to.set_uid(uid);
  if (from.unit) to.set_unit(from.unit->value);
  for (const Text& operation : from.operations) to.add_operations(operation_of(operation.value));
  to.set_only_from_trusted_parent(from.only_from_trusted_parent);
  add_all(from.hosts, to.mutable_hosts());
  add_all(from.tenants, to.mutable_tenants());
}

void compile(const DrainedHostDraft& from, v1::DrainedHost& to) {
  to.set_host(from.host.value);
  to.set_why(from.why.value);
  if (!from.until) return;
  if (const auto until = parse_time(from.until->value); until.ok()) {
    batch::set_nanoseconds(absl::ToUnixNanos(*until), to.mutable_until());
  }
}

void compile(const GrantsDraft& from, v1::GrantRules& to) {
  to.set_two_persons(from.two_persons);
  if (!from.max_duration) return;
  if (const auto duration = parse_duration(from.max_duration->value); duration.ok()) {
    const std::int64_t seconds = absl::ToInt64Seconds(*duration);
    to.mutable_max_duration()->set_seconds(seconds);
    to.mutable_max_duration()->set_nanos(
        static_cast<std::int32_t>(absl::ToInt64Nanoseconds(*duration - absl::Seconds(seconds))));
  }
}

}  // namespace

v1::Policy compile(const Draft& draft) {
  v1::Policy policy;
  policy.set_version(draft.version.value);
  for (const TenantDraft& tenant : draft.tenants) compile(tenant, *policy.add_tenants());
  for (const ServiceDraft& service : draft.trusted_services) compile(service, *policy.add_trusted_services());
  for (const NetworkDraft& network : draft.shared_networks) {
    v1::SharedNetwork& to = *policy.add_shared_networks();
    to.set_name(network.name.value);
    add_all(network.bridges, to.mutable_bridges());
    add_all(network.tenants, to.mutable_tenants());
  }
  add_all(draft.base_images, policy.mutable_base_images());
  for (const PeeringDraft& peering : draft.peerings) {
    v1::Peering& to = *policy.add_peerings();
    to.set_name(peering.name.value);
    add_all(peering.tenants, to.mutable_tenants());
  }
  add_prefixes(draft.management_addresses, policy.mutable_management_addresses());
  for (const RegionDraft& region : draft.regions) {
    v1::Region& to = *policy.add_regions();
    to.set_name(region.name.value);
    add_prefixes(region.prefixes, to.mutable_prefixes());
  }
  for (const DrainedHostDraft& drained : draft.drained_hosts) compile(drained, *policy.add_drained_hosts());
  if (draft.grants) compile(*draft.grants, *policy.mutable_grants());
  return policy;
}

}  // namespace bulkhead::policy

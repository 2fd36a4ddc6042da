#include "collector/policy/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/numbers.h"
#include "collector/policy/prefix.h"
#include "collector/policy/unique_names.h"
#include "collector/policy/value_checks.h"
#include "text/tenancy.h"

namespace bulkhead::policy {

namespace {

constexpr std::size_t kVersionBytes = 128;
constexpr std::int64_t kMostDays = 36'500;

// What is wrong with a text of people's own: labels of one line.
absl::Status check_label(std::string_view text) {
  if (text.size() > kVersionBytes) {
    return absl::InvalidArgumentError(fmt::format("{} is longer than {} bytes", shown(text), kVersionBytes));
  }
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return absl::InvalidArgumentError(fmt::format("{} contains a control character", shown(text)));
  }
  return absl::OkStatus();
}

void tell(const Place& place, const absl::Status& status, Faults& faults) {
  if (!status.ok()) faults.add(place, std::string(status.message()));
}

// As written in messages: {uuid: …, name: …}.
std::string describe(const DomainDraft& domain) {
  std::string text;
  const auto add = [&text](const char* key, const std::optional<Text>& value) {
    if (value) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", key, shown(value->value));
  };
  add("uuid", domain.uuid);
  add("name", domain.name);
  add("title", domain.title);
  return text;
}

struct Given {
  std::string tenant;
  Place place;
};
using Match = std::tuple<std::string, std::string, std::string>;

void validate_domain(const DomainDraft& domain, const std::string& tenant, std::map<Match, Given>& given,
                     Faults& faults) {
  if (!domain.uuid && !domain.name && !domain.title) {
    return faults.add(domain.place, "a domain match must have at least one of uuid, name, title");
  }
  std::string uuid;
  if (domain.uuid) {
    uuid = domain.uuid->value;
    tell(domain.uuid->place, text::normalize_uuid(uuid), faults);
  }
  for (const auto* pattern : {&domain.name, &domain.title}) {
    if (*pattern) tell((*pattern)->place, text::check_pattern((*pattern)->value), faults);
  }
  const auto value = [](const std::optional<Text>& text) { return text ? text->value : std::string(); };
  const auto [known, added] =
      given.try_emplace(Match(uuid, value(domain.name), value(domain.title)), Given{tenant, domain.place});
  if (added) return;
  faults.add(domain.place, fmt::format("the domain match {{{}}} is there twice, first for tenant {} at {}",
                                       describe(domain), shown(known->second.tenant), to_string(known->second.place)));
}

std::set<std::string> validate_tenants(const Draft& draft, Faults& faults) {
  std::set<std::string> regions;
  for (const RegionDraft& region : draft.regions) regions.insert(region.name.value);
  UniqueNames ids("tenant", faults);
  std::map<Match, Given> given;
  std::set<std::string> tenants;
  for (const TenantDraft& tenant : draft.tenants) {
    if (!tenant.id.value.empty()) tell(tenant.id.place, text::check_tenant_key(tenant.id.value), faults);
    ids.add(tenant.id);
    tenants.insert(tenant.id.value);
    tell(tenant.name.place, check_label(tenant.name.value), faults);
    for (const DomainDraft& domain : tenant.domains) validate_domain(domain, tenant.id.value, given, faults);
    UniqueNames named("region", faults);
    for (const Text& region : tenant.regions) {
      named.add(region);
      if (regions.contains(region.value)) continue;
      faults.add(region.place, fmt::format("region {} is not one of regions{}", shown(region.value),
                                           did_you_mean(region.value, regions, faults)));
    }
  }
  return tenants;
}

struct RegionPrefix {
  Prefix prefix;
  const RegionDraft* region;
  Place place;
};

// Prefixes nest or are apart, never else: after sorting, those around one are a chain of the ones before it.
void find_overlaps(std::vector<RegionPrefix> prefixes, Faults& faults) {
  std::ranges::stable_sort(prefixes, {}, &RegionPrefix::prefix);
  std::vector<const RegionPrefix*> around;
  for (const RegionPrefix& one : prefixes) {
    while (!around.empty() && !around.back()->prefix.contains(one.prefix)) around.pop_back();
    for (const RegionPrefix* outer : around) {
      if (outer->region == one.region && outer->prefix != one.prefix) continue;
      const bool is_later =
          std::tuple(one.place.line, one.place.column) > std::tuple(outer->place.line, outer->place.column);
      const RegionPrefix& later = is_later ? one : *outer;
      const RegionPrefix& earlier = is_later ? *outer : one;
      faults.add(later.place,
                 fmt::format("{} overlaps with {} of region {} at {}", later.prefix.text(), earlier.prefix.text(),
                             shown(earlier.region->name.value), to_string(earlier.place)));
      break;
    }
    around.push_back(&one);
  }
}

void validate_regions(const Draft& draft, Faults& faults) {
  UniqueNames names("region", faults);
  std::vector<RegionPrefix> prefixes;
  for (const RegionDraft& region : draft.regions) {
    names.add(region.name);
    tell(region.name.place, check_label(region.name.value), faults);
    if (region.prefixes.empty()) faults.add(region.place, "a region must have at least one prefix");
    for (const Text& text : region.prefixes) {
      const auto prefix = parse_prefix(text.value);
      tell(text.place, prefix.status(), faults);
      if (prefix.ok()) prefixes.push_back({*prefix, &region, text.place});
    }
  }
  find_overlaps(std::move(prefixes), faults);
}

void validate_hosts_and_grants(const Draft& draft, Faults& faults) {
  UniqueNames hosts("drained host", faults);
  for (const DrainedHostDraft& drained : draft.drained_hosts) {
    hosts.add(drained.host);
    tell(drained.host.place, check_label(drained.host.value), faults);
    if (drained.until) tell(drained.until->place, parse_time(drained.until->value).status(), faults);
  }
  if (draft.grants && draft.grants->max_duration) {
    const Text& duration = *draft.grants->max_duration;
    tell(duration.place, parse_duration(duration.value).status(), faults);
  }
}

}  // namespace

absl::StatusOr<absl::Duration> parse_duration(const std::string& text) {
  const auto invalid = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("{} {}", shown(text), why));
  };
  absl::Duration duration;
  std::int64_t days = 0;
  if (text.ends_with('d') && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) && days <= kMostDays &&
      days >= -kMostDays) {
    duration = absl::Hours(24 * days);
  } else if (!absl::ParseDuration(text, &duration)) {
    return invalid("is no time with its unit, such as 90m, 8h or 7d");
  }
  if (duration <= absl::ZeroDuration()) return invalid("must be more than 0");
  if (duration > absl::Hours(24 * kMostDays)) return invalid("is longer than 100 years");
  return duration;
}

absl::StatusOr<absl::Time> parse_time(const std::string& text) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) || time < absl::UnixEpoch() ||
      time >= absl::FromUnixSeconds(9'000'000'000)) {
    return absl::InvalidArgumentError(fmt::format("{} is no time such as 2026-11-22T01:00:00Z", shown(text)));
  }
  return time;
}

void validate(const Draft& draft, Faults& faults) {
  tell(draft.version.place, check_label(draft.version.value), faults);
  const std::set<std::string> tenants = validate_tenants(draft, faults);
  validate_services(draft, tenants, faults);
  validate_networks(draft, tenants, faults);
  validate_regions(draft, faults);
  validate_hosts_and_grants(draft, faults);
}

}  // namespace bulkhead::policy

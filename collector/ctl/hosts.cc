#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {

namespace {

// An agent speaks every few seconds; three times that without a word is worth telling.
constexpr absl::Duration kQuiet = absl::Seconds(10);

std::string state(const v1::Host& host, absl::Time now) {
  const absl::Duration silent = now - absl::FromUnixSeconds(host.last_seen().seconds());
  if (host.connected() && silent < kQuiet) return "connected";
  return absl::StrCat(host.connected() ? "connected, silent for " : "silent for ", format_span(silent));
}

std::string coverage(const v1::Host& host) {
  int attached = 0;
  for (const auto& probe : host.coverage().probes()) attached += probe.state() == v1::PROBE_STATE_ATTACHED ? 1 : 0;
  return absl::StrCat(attached, "/", host.coverage().probes_size(), " probes");
}

// SHA-256 of the policy in force; empty when there is none.
absl::StatusOr<std::string> policy_in_force(Client& client) {
  v1::PolicyText text;
  const absl::Status status = client.policy(v1::GetPolicyRequest(), text);
  if (absl::IsNotFound(status) || absl::IsUnimplemented(status)) return "";
  if (!status.ok()) return status;
  return text.policy().sha256();
}

std::string policy(const v1::Host& host, const std::string& in_force) {
  const std::string& used = host.health().policy_sha256();
  if (used == in_force) return used.empty() ? "-" : "in force";
  return used.empty() ? "none" : "another";
}

std::string name(const v1::Host& host) {
  return host.hostname().empty() ? host.host_id() : host.hostname();
}

absl::Status list_probes(const v1::ListHostsRequest& request, Format format, Client& client, const Output& output) {
  Table table({{.title = "HOST", .least = 12},
               {.title = "PROBE", .least = 16},
               {.title = "STATE"},
               {.title = "TIER", .align = Align::kRight},
               {.title = "COVERS", .least = 8},
               {.title = "MECHANISM", .least = 20},
               {.title = "REASON OR LIMITS", .least = 20}});
  const auto status = client.hosts(request, [&](const v1::Host& host) {
    for (const auto& probe : host.coverage().probes()) {
      if (format == Format::kJson) {
        v1::Host one;
        one.set_host_id(host.host_id());
        one.set_hostname(host.hostname());
        *one.mutable_coverage()->mutable_time() = host.coverage().time();
        *one.mutable_coverage()->add_probes() = probe;
        output.out << to_json(one) << '\n';
        continue;
      }
      const bool attached = probe.state() == v1::PROBE_STATE_ATTACHED;
      table.add({name(host), probe.name(), attached ? "attached" : "missing",
                 probe.tier() == 0 ? "-" : absl::StrCat(probe.tier()), absl::StrJoin(probe.covers(), " "),
                 probe.mechanism(), attached ? probe.limits() : probe.reason()});
    }
    return output.out.good();
  });
  if (!status.ok() || format == Format::kJson) return status;
  if (table.empty()) {
    output.out << "no probes: no host's agent has said what it can see\n";
  } else {
    output.out << table.text(output.page);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status list_hosts(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListHostsRequest request;
  request.set_host(arguments.filter.host());
  if (arguments.probes) return list_probes(request, arguments.format, client, output);
  Table table({{.title = "HOST", .least = 12},
               {.title = "HOST ID", .least = 12},
               {.title = "STATE"},
               {.title = "COVERAGE"},
               {.title = "LOST", .align = Align::kRight},
               {.title = "STORED", .align = Align::kRight},
               {.title = "DOMAINS", .align = Align::kRight},
               {.title = "POLICY"},
               {.title = "KERNEL", .least = 12},
               {.title = "AGENT", .least = 6}});
  std::string in_force;
  if (arguments.format == Format::kTable) {
    auto policy = policy_in_force(client);
    if (!policy.ok()) return policy.status();
    in_force = *std::move(policy);
  }
  const auto status = client.hosts(request, [&](const v1::Host& host) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(host) << '\n';
      return output.out.good();
    }
    std::uint64_t stored = 0;
    for (const auto& count : host.stored()) stored += count.count();
    table.add({name(host), host.host_id(), state(host, output.now), coverage(host),
               absl::StrCat(host.lost_records() + host.missing_events()), absl::StrCat(stored),
               absl::StrCat(host.running_domains(), "/", host.domains()), policy(host, in_force), host.kernel_release(),
               host.agent_version()});
    return true;
  });
  if (!status.ok() || arguments.format == Format::kJson) return status;
  if (!table.empty()) {
    output.out << table.text(output.page);
  } else if (arguments.filter.host().empty()) {
    output.out << "no hosts: no agent has connected to this collector yet\n";
  } else {
    output.out << "no host is called '" << printable(arguments.filter.host()) << "'\n";
  }
  return absl::OkStatus();
}

absl::Status list_tenants(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListTenantsRequest request;
  request.set_tenant(arguments.filter.tenant());
  Table table({{.title = "TENANT", .least = 16},
               {.title = "HOSTS", .align = Align::kRight},
               {.title = "DOMAINS", .align = Align::kRight},
               {.title = "RUNNING", .align = Align::kRight},
               {.title = "VOLUMES", .align = Align::kRight},
               {.title = "PORTS", .align = Align::kRight},
               {.title = "ALERTS", .align = Align::kRight}});
  const auto status = client.tenants(request, [&](const v1::TenantSummary& tenant) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(tenant) << '\n';
    } else {
      table.add({tenant.tenant(), absl::StrCat(tenant.hosts()), absl::StrCat(tenant.domains()),
                 absl::StrCat(tenant.running_domains()), absl::StrCat(tenant.volumes()), absl::StrCat(tenant.ports()),
                 absl::StrCat(tenant.open_alerts())});
    }
    return output.out.good();
  });
  if (!status.ok() || arguments.format == Format::kJson) return status;
  if (table.empty()) {
    output.out << "no tenants: no agent has reported a domain"
               << (arguments.filter.tenant().empty() ? "" : " of this tenant") << "\n";
  } else {
    output.out << table.text(output.page);
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::ctl

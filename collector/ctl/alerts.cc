#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "collector/alerts/ocsf.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {

namespace {

// Alerts whose uid is remembered while following, to tell a new one from one that grew.
constexpr std::size_t kRemembered = 100'000;

std::string severity(v1::Severity severity) {
  std::string name = v1::Severity_Name(severity);
  constexpr std::string_view kPrefix = "SEVERITY_";
  if (!name.starts_with(kPrefix)) return "unknown";
  name.erase(0, kPrefix.size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string heading() {
  return row({{"TIME", 19}, {"SEVERITY", 13}, {"RULE", 8}, {"HOST", 16}, {"EVENTS", 6}, {"ACTOR → OBJECT TENANT", 46}});
}

std::string shown(const v1::Alert& alert, std::size_t page) {
  std::string text = row({{format_time(alert.first_time()), 19},
                          {severity(alert.rule().severity()), 13},
                          {alert.rule().id(), 8},
                          {alert.hostname().empty() ? alert.host_id() : alert.hostname(), 16},
                          {absl::StrCat(alert.event_count()), 6},
                          {absl::StrCat(cut(alert.actor_tenant(), 22), " → ", cut(alert.object_tenant(), 22)), 47}});
  for (const auto& line : wrap(printable(alert.message()), page > 24 ? page - 4 : 20)) text += "    " + line + '\n';
  return text;
}

bool filtered(const v1::Filter& filter) {
  return filter.has_since() || filter.has_until() || !filter.tenant().empty() || !filter.rule().empty();
}

// "No alerts" means something only together with what was watched and what was lost.
absl::Status say_none(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListHostsRequest request;
  request.set_host(arguments.filter.host());
  int hosts = 0;
  int connected = 0;
  int attached = 0;
  int probes = 0;
  std::uint64_t lost = 0;
  const auto status = client.hosts(request, [&](const v1::Host& host) {
    ++hosts;
    connected += host.connected() ? 1 : 0;
    probes += host.coverage().probes_size();
    for (const auto& probe : host.coverage().probes()) {
      attached += host.connected() && probe.state() == v1::PROBE_STATE_ATTACHED ? 1 : 0;
    }
    lost += host.lost_records() + host.missing_events();
    return true;
  });
  if (!status.ok()) return status;
  output.out << (filtered(arguments.filter) ? "no alerts that match" : "no alerts");
  if (hosts == 0) {
    output.out << ", and nothing is watched: no agent has connected\n";
    return absl::OkStatus();
  }
  output.out << ", from " << attached << " of " << probes << " probes on " << hosts
             << (hosts == 1 ? " host, " : " hosts, ") << lost << " records lost";
  if (connected < hosts) output.out << "; " << hosts - connected << " of them silent now (bulkheadctl hosts)";
  if (connected == hosts && attached < probes) output.out << "; see bulkheadctl hosts --probes";
  output.out << "\n";
  return absl::OkStatus();
}

}  // namespace

absl::Status list_alerts(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListAlertsRequest request;
  *request.mutable_filter() = arguments.filter;
  request.set_follow(arguments.follow);
  request.set_limit(arguments.limit);
  bool any = false;
  std::unordered_set<std::string> seen;
  const auto status = client.alerts(request, [&](const v1::Alert& alert) {
    const bool table = arguments.format == Format::kTable;
    if (table && !any) output.out << heading();
    any = true;
    if (seen.size() >= kRemembered) seen.clear();
    const bool first = seen.insert(alert.uid()).second;
    if (table) {
      output.out << shown(alert, output.page);
    } else {
      output.out << alerts::to_ocsf(alert, first ? alerts::Activity::kCreate : alerts::Activity::kUpdate) << '\n';
    }
    output.out.flush();
    return output.out.good();
  });
  if (!status.ok() || any || arguments.format == Format::kJson) return status;
  return say_none(arguments, client, output);
}

}  // namespace bulkhead::ctl

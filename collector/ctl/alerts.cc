#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "collector/alerts/life_cycle.h"
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

std::string state(const v1::Alert& alert) {
  return alert.silence_id().empty() ? alerts::state_name(alert.state()) : "silenced";
}

alerts::Activity activity(const v1::Alert& alert, bool first) {
  if (alert.state() == v1::ALERT_STATE_CLOSED) return alerts::Activity::kClose;
  return first ? alerts::Activity::kCreate : alerts::Activity::kUpdate;
}

std::string heading() {
  return row({{"TIME", 19},
              {"SEVERITY", 13},
              {"RULE", 8},
              {"HOST", 16},
              {"EVENTS", 6},
              {"STATE", 12},
              {"ACTOR → OBJECT TENANT", 46}});
}

std::string shown(const v1::Alert& alert, std::size_t page) {
  std::string text = row({{format_time(alert.first_time()), 19},
                          {severity(alert.rule().severity()), 13},
                          {alert.rule().id(), 8},
                          {alert.hostname().empty() ? alert.host_id() : alert.hostname(), 16},
                          {absl::StrCat(alert.event_count()), 6},
                          {state(alert), 12},
                          {absl::StrCat(cut(alert.actor_tenant(), 22), " → ", cut(alert.object_tenant(), 22)), 47}});
  text += "    " + printable(alert.uid()) + '\n';
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
  request.set_grant_id(arguments.grant_id);
  for (const v1::AlertState state : arguments.states) request.add_states(state);
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
      output.out << alerts::to_ocsf(alert, activity(alert, first)) << '\n';
    }
    output.out.flush();
    return output.out.good();
  });
  if (!status.ok() || any || arguments.format == Format::kJson) return status;
  return say_none(arguments, client, output);
}

absl::Status show_alert(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListAlertsRequest request;
  request.set_uid(arguments.target);
  bool any = false;
  const auto status = client.alerts(request, [&](const v1::Alert& alert) {
    any = true;
    if (arguments.format == Format::kJson) {
      output.out << alerts::to_ocsf(alert, activity(alert, true)) << '\n';
      return true;
    }
    output.out << heading() << shown(alert, output.page);
    for (const auto& line : wrap(printable(alert.rule().remediation()), output.page > 24 ? output.page - 4 : 20)) {
      output.out << "    " << line << '\n';
    }
    for (const v1::AlertChange& change : alert.history()) {
      output.out << "  " << format_time(change.time()) << "  " << alerts::state_name(change.from()) << " to "
                 << alerts::state_name(change.to()) << " by " << printable(change.by()) << ": "
                 << printable(change.why()) << '\n';
    }
    return true;
  });
  if (!status.ok() || any) return status;
  return absl::NotFoundError(absl::StrCat("there is no alert ", arguments.target));
}

absl::Status change_alert(const Arguments& arguments, Client& client, const Output& output) {
  v1::ChangeAlertRequest request;
  request.set_uid(arguments.target);
  request.set_to(arguments.to);
  request.set_by(arguments.by);
  request.set_why(arguments.why);
  const auto alert = client.change_alert(request);
  if (!alert.ok()) return alert.status();
  if (arguments.format == Format::kJson) {
    output.out << alerts::to_ocsf(*alert, activity(*alert, false)) << '\n';
  } else {
    output.out << heading() << shown(*alert, output.page);
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::ctl

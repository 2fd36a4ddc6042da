#include "collector/alerts/ocsf.h"

#include <fmt/format.h>
#include <cstdint>

#include <nlohmann/json.hpp>
#include <string_view>

#include "collector/alerts/life_cycle.h"
#include "collector/alerts/ocsf_evidence.h"

namespace bulkhead::alerts {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kClass = 2004;
constexpr const char* kSchemaVersion = "1.4.0";

std::string_view activity_name(Activity activity) {
  switch (activity) {
    case Activity::kCreate:
      return "Create";
    case Activity::kUpdate:
      return "Update";
    case Activity::kClose:
      return "Close";
  }
  return "";
}

std::string_view severity_name(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_INFORMATIONAL:
      return "Informational";
    case v1::SEVERITY_LOW:
      return "Low";
    case v1::SEVERITY_MEDIUM:
      return "Medium";
    case v1::SEVERITY_HIGH:
      return "High";
    case v1::SEVERITY_CRITICAL:
      return "Critical";
    case v1::SEVERITY_FATAL:
      return "Fatal";
    case v1::SEVERITY_UNKNOWN:
    case v1::Severity_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Severity_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return "Unknown";
}

struct Status {
  int id = 0;
  const char* name = "";
};

Status status_of(const v1::Alert& alert) {
  switch (alert.state()) {
    case v1::ALERT_STATE_ACKNOWLEDGED:
      return {2, "In Progress"};
    case v1::ALERT_STATE_CLOSED:
      return {4, "Resolved"};
    case v1::ALERT_STATE_AUTHORISED:
      return {99, "Authorised"};
    case v1::ALERT_STATE_OPEN:
    case v1::ALERT_STATE_UNSPECIFIED:
    case v1::AlertState_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::AlertState_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return alert.silence_id().empty() ? Status{1, "New"} : Status{3, "Suppressed"};
}

Json metadata(const v1::Alert& alert) {
  Json json{{"version", kSchemaVersion},
            {"product", {{"name", "Bulkhead"}, {"vendor_name", "Bulkhead"}}},
            {"profiles", {"host"}},
            {"log_name", "alerts"}};
  if (!alert.object_tenant().empty()) json["tenant_uid"] = alert.object_tenant();
  return json;
}

Json attack(std::string_view technique) {
  const std::size_t dot = technique.find('.');
  Json json{{"technique", {{"uid", technique.substr(0, dot)}}}};
  if (dot != std::string_view::npos) json["sub_technique"] = {{"uid", technique}};
  return json;
}

Json finding_info(const v1::Alert& alert) {
  const v1::RuleReference& rule = alert.rule();
  Json json{{"uid", alert.uid()},
            {"title", rule.title()},
            {"desc", rule.description()},
            // The access itself, not when someone looked at it: replay must give the same.
            {"created_time", milliseconds(alert.first_time())},
            {"first_seen_time", milliseconds(alert.first_time())},
            {"last_seen_time", milliseconds(alert.last_time())},
            {"analytic", {{"uid", rule.id()}, {"name", rule.title()}, {"type_id", 1}, {"type", "Rule"}}},
            {"attacks", Json::array()},
            {"types", Json::array()}};
  for (const std::string& technique : rule.attacks()) json["attacks"].push_back(attack(technique));
  for (const std::string& tag : rule.tags()) json["types"].push_back(tag);
  return json;
}

// What OCSF has no place for.
Json unmapped(const v1::Alert& alert) {
  const v1::Actor& actor = alert.actor();
  const v1::Object& object = alert.object();
  Json json{{"actor_tenant", alert.actor_tenant()},
            {"object_tenant", alert.object_tenant()},
            {"actor_domain_uuid", actor.domain_uuid()},
            {"actor_domain_name", actor.domain_name()},
            {"actor_cgroup", actor.cgroup()},
            {"actor_trusted_service", actor.trusted_service()},
            {"object_kind", object_kind_name(object.kind())},
            {"object_domain_uuid", object.domain_uuid()},
            {"object_domain_name", object.domain_name()},
            {"state", state_name(alert.state())},
            {"grant_id", alert.grant_id()},
            {"grant_deviation", alert.grant_deviation()},
            {"allowed_by", alert.allowed_by()},
            {"silence_id", alert.silence_id()},
            {"group", Json::object()},
            {"controls", Json::array()}};
  for (const v1::GroupValue& group : alert.group()) json["group"][group.field()] = group.value();
  for (const std::string& control : alert.rule().controls()) json["controls"].push_back(control);
  return json;
}

}  // namespace

std::string to_ocsf(const v1::Alert& alert, Activity activity) {
  const int activity_id = static_cast<int>(activity);
  const v1::Severity severity = alert.rule().severity();
  const Status status = status_of(alert);
  Json json{{"class_uid", kClass},
            {"class_name", "Detection Finding"},
            {"category_uid", 2},
            {"category_name", "Findings"},
            {"activity_id", activity_id},
            {"activity_name", activity_name(activity)},
            {"type_uid", kClass * 100 + activity_id},
            {"time", milliseconds(alert.last_time())},
            {"start_time", milliseconds(alert.first_time())},
            {"end_time", milliseconds(alert.last_time())},
            {"severity_id", static_cast<int>(severity)},
            {"severity", severity_name(severity)},
            {"status_id", status.id},
            {"status", status.name},
            {"is_alert", alert.state() != v1::ALERT_STATE_AUTHORISED},
            {"count", alert.event_count()},
            {"message", alert.message()},
            {"metadata", metadata(alert)},
            {"finding_info", finding_info(alert)},
            {"device", {{"hostname", alert.hostname()}, {"uid", alert.host_id()}, {"type_id", 1}, {"type", "Server"}}},
            {"resources", resources(alert)},
            {"evidences", evidences(alert)}};
  if (!alert.rule().remediation().empty()) json["remediation"] = {{"desc", alert.rule().remediation()}};
  if (alert.history_size() > 0) {
    const v1::AlertChange& last = alert.history(alert.history_size() - 1);
    json["comment"] = fmt::format("{}: {}", last.by(), last.why());
  }
  json["unmapped"] = unmapped(alert);
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace bulkhead::alerts

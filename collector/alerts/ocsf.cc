#include "collector/alerts/ocsf.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

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
            {"controls", Json::array()}};
  for (const std::string& control : alert.rule().controls()) json["controls"].push_back(control);
  return json;
}

}  // namespace

std::string to_ocsf(const v1::Alert& alert, Activity activity) {
  const int activity_id = static_cast<int>(activity);
  const v1::Severity severity = alert.rule().severity();
  const bool closed = activity == Activity::kClose;
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
            {"status_id", closed ? 4 : 1},
            {"status", closed ? "Resolved" : "New"},
            {"is_alert", true},
            {"count", alert.event_count()},
            {"message", alert.message()},
            {"metadata", metadata(alert)},
            {"finding_info", finding_info(alert)},
            {"device", {{"hostname", alert.hostname()}, {"uid", alert.host_id()}, {"type_id", 1}, {"type", "Server"}}},
            {"resources", resources(alert)},
            {"evidences", evidences(alert)}};
  if (!alert.rule().remediation().empty()) json["remediation"] = {{"desc", alert.rule().remediation()}};
  json["unmapped"] = unmapped(alert);
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace bulkhead::alerts

#include "collector/sinks/cef.h"

#include <fmt/format.h>

#include <string_view>

#include "collector/alerts/ocsf_evidence.h"

namespace bulkhead::sinks {
namespace {

// CEF's 0 to 10: 7 and 8 are high, 9 and 10 very high.
int cef_severity(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_INFORMATIONAL:
      return 1;
    case v1::SEVERITY_LOW:
      return 3;
    case v1::SEVERITY_MEDIUM:
      return 5;
    case v1::SEVERITY_HIGH:
      return 8;
    case v1::SEVERITY_CRITICAL:
      return 9;
    case v1::SEVERITY_FATAL:
      return 10;
    case v1::SEVERITY_UNKNOWN:
    case v1::Severity_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Severity_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return 0;
}

bool control(char byte) {
  return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
}

// A header ends with its line: it has no way to write a line break.
std::string header(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    if (byte == '|' || byte == '\\') escaped += '\\';
    escaped += control(byte) ? ' ' : byte;
  }
  return escaped;
}

std::string extension(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    if (byte == '\n' || byte == '\r') {
      escaped += byte == '\n' ? "\\n" : "\\r";
      continue;
    }
    if (byte == '=' || byte == '\\') escaped += '\\';
    escaped += control(byte) ? ' ' : byte;
  }
  return escaped;
}

void add(std::string& line, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  fmt::format_to(std::back_inserter(line), "{}{}={}", line.ends_with('|') ? "" : " ", key, extension(value));
}

void add_custom(std::string& line, int number, std::string_view label, std::string_view value) {
  if (value.empty()) return;
  add(line, fmt::format("cs{}Label", number), label);
  add(line, fmt::format("cs{}", number), value);
}

}  // namespace

std::string to_cef(const Delivery& delivery) {
  const v1::Alert& alert = *delivery.alert;
  std::string line = fmt::format("CEF:0|Bulkhead|Bulkhead|{}|{}|{}|{}|", BULKHEAD_VERSION, header(alert.rule().id()),
                                 header(alert.rule().title()), cef_severity(alert.rule().severity()));
  add(line, "externalId", alert.uid());
  add(line, "act", activity_name(delivery.activity));
  add(line, "cnt", fmt::format("{}", alert.event_count()));
  add(line, "start", fmt::format("{}", alerts::milliseconds(alert.first_time())));
  add(line, "end", fmt::format("{}", alerts::milliseconds(alert.last_time())));
  add(line, "dvchost", alert.hostname());
  add(line, "deviceExternalId", alert.host_id());
  const v1::Process& process = alert.actor().process();
  if (process.pid() != 0) {
    add(line, "spid", fmt::format("{}", process.pid()));
    add(line, "sproc", process.executable());
    add(line, "suid", fmt::format("{}", alert.actor().uid()));
  }
  add_custom(line, 1, "actorTenant", alert.actor_tenant());
  add_custom(line, 2, "objectTenant", alert.object_tenant());
  add_custom(line, 3, "object", alert.object().id());
  add_custom(line, 4, "objectDomain", alert.object().domain_name());
  add_custom(line, 5, "deliveryId", delivery.id);
  add_custom(line, 6, "grant", alert.grant_id());
  add(line, "msg", alert.message());
  return line;
}

}  // namespace bulkhead::sinks

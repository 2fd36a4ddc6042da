#include "collector/sinks/syslog_message.h"

#include <fmt/format.h>

#include <string_view>

#include "absl/time/time.h"
#include "collector/sinks/cef.h"
#include "proto/batch/event_time.h"

namespace bulkhead::sinks {
namespace {

constexpr std::size_t kHostnameBytes = 255;

int syslog_severity(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_FATAL:
      return 1;  // alert
    case v1::SEVERITY_CRITICAL:
      return 2;
    case v1::SEVERITY_HIGH:
      return 3;  // error
    case v1::SEVERITY_MEDIUM:
      return 4;  // warning
    case v1::SEVERITY_LOW:
      return 5;  // notice
    case v1::SEVERITY_INFORMATIONAL:
    case v1::SEVERITY_UNKNOWN:
    case v1::Severity_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Severity_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return 6;  // informational
}

// A header field: printable ASCII without blanks, "-" for nothing.
std::string word(std::string_view text, std::size_t limit) {
  std::string clean;
  for (const char byte : text.substr(0, limit)) clean += byte > 0x20 && byte < 0x7f ? byte : '_';
  return clean.empty() ? "-" : clean;
}

// RFC 5424 section 6.3.3.
std::string parameter(std::string_view name, std::string_view value) {
  std::string escaped;
  for (const char byte : value) {
    if (byte == '"' || byte == '\\' || byte == ']') escaped += '\\';
    escaped += static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f ? ' ' : byte;
  }
  return fmt::format(" {}=\"{}\"", name, escaped);
}

}  // namespace

std::string to_syslog(const Delivery& delivery, const SyslogIdentity& identity, SyslogPayload payload) {
  const v1::Alert& alert = *delivery.alert;
  const absl::Time time = batch::time_of(alert.last_time());
  std::string message = fmt::format("<{}>1 {} {} bulkhead-collector {} alert [bulkhead@32473",
                                    identity.facility * 8 + syslog_severity(alert.rule().severity()),
                                    absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()),
                                    word(identity.hostname, kHostnameBytes), word(identity.process_id, 128));
  message += parameter("id", delivery.id);
  message += parameter("uid", alert.uid());
  message += parameter("activity", activity_name(delivery.activity));
  message += parameter("rule", alert.rule().id());
  message += parameter("count", fmt::format("{}", alert.event_count()));
  message += "] ";
  switch (payload) {
    case SyslogPayload::kOcsf:
      return message + alerts::to_ocsf(alert, delivery.activity);
    case SyslogPayload::kCef:
      return message + to_cef(delivery);
  }
  return message;
}

std::string frame(const std::string& message) {
  return fmt::format("{} {}", message.size(), message);
}

}  // namespace bulkhead::sinks

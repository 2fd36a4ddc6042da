// Alerts as syslog messages (RFC 5424).
#pragma once

#include <string>

#include "collector/sinks/delivery.h"

namespace bulkhead::sinks {

enum class SyslogPayload { kOcsf, kCef };

struct SyslogIdentity {
  // RFC 5424's facility, 0 to 23.
  int facility = 16;
  std::string hostname;  // of the collector
  std::string process_id;
};

// Without framing. The structured data element "bulkhead@32473" has id (the delivery's), uid, activity, rule and count.
// 32473 is the enterprise number of examples (RFC 5612): Bulkhead has none of its own.
std::string to_syslog(const Delivery& delivery, const SyslogIdentity& identity, SyslogPayload payload);

// Octet counting (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
std::string frame(const std::string& message);

}  // namespace bulkhead::sinks

// Sinks as the configuration states them: plain values, without secrets (these are in the files that are named).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "collector/sinks/backoff.h"
#include "collector/sinks/filter.h"
#include "collector/sinks/url.h"

namespace bulkhead::sinks {

struct TlsSettings {
  // Off: anyone can pretend to be the peer.
  bool verify = true;
  // PEM. Empty: the system's authorities.
  std::string ca_file;
  // PEM, both or none: how this collector shows who it is.
  std::string cert_file;
  std::string key_file;
  // What the peer's certificate must be for. Empty: the host that is connected to.
  std::string server_name;
};

inline constexpr std::chrono::seconds kDefaultTimeout{10};

struct StdoutTarget {};

struct FileTarget {
  std::string path;
};

struct SyslogTarget {
  std::string host;
  std::uint16_t port = 0;
  std::optional<TlsSettings> tls;
  bool cef = false;  // else OCSF JSON
  int facility = 16;
  std::chrono::milliseconds timeout = kDefaultTimeout;
  std::chrono::milliseconds settle{1000};
  // rsyslog takes frames of less than 200,000 bytes unless it is told otherwise.
  std::uint64_t max_message_bytes = 192u << 10;
};

struct WebhookTarget {
  Url url;
  TlsSettings tls;
  // Both or none: HTTP's basic authentication.
  std::string username;
  std::string password_file;
  // Empty: no signature.
  std::string hmac_key_file;
  std::chrono::milliseconds timeout = kDefaultTimeout;
};

struct AlertmanagerTarget {
  Url url;
  TlsSettings tls;
  std::string username;
  std::string password_file;
  std::chrono::milliseconds timeout = kDefaultTimeout;
  std::chrono::milliseconds resend{60000};
  std::chrono::milliseconds expire{300000};
};

struct KafkaTarget {
  std::string brokers;
  std::string topic;
  std::optional<TlsSettings> tls;
  // "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"; empty: none.
  std::string sasl_mechanism;
  std::string username;
  std::string password_file;
  std::chrono::milliseconds timeout = kDefaultTimeout;
};

// Nothing is sent; what waits under the name is forgotten.
struct DropTarget {};

using Target =
    std::variant<StdoutTarget, FileTarget, SyslogTarget, WebhookTarget, AlertmanagerTarget, KafkaTarget, DropTarget>;

struct SinkSettings {
  // Letters, digits, '.', '_' and '-', at most 64.
  std::string name;
  Filter filter;
  Retry retry;
  Target target;
};

}  // namespace bulkhead::sinks

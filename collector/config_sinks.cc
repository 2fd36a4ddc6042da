#include "collector/config_sinks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/config_mapping.h"
#include "net/endpoint.h"
#include "text/nearest_name.h"

namespace bulkhead::collector {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string_view>;

constexpr std::uint64_t kDaySeconds = 86400;
const Names kTypes = {"stdout", "file", "syslog", "webhook", "alertmanager", "kafka", "drop"};
const Names kSeverities = {"informational", "low", "medium", "high", "critical", "fatal"};
const Names kFormats = {"ocsf", "cef"};
const Names kMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
// RFC 5424's facilities, at their numbers.
const Names kFacilities = {"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
                           "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
                           "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

// What the file says of one sink; of these keys a type takes some.
struct Entry {
  std::optional<std::string> name, type, min_severity;
  std::vector<std::string> tenants, rules;
  std::optional<std::uint64_t> first_seconds, longest_seconds, timeout_seconds, settle_milliseconds, max_message_bytes,
      resend_seconds, expire_seconds;
  std::optional<std::string> path, address, format, facility, url, username, password_file, hmac_key_file, topic,
      sasl_mechanism;
  std::vector<std::string> brokers;
  bool has_tls = false;
  std::optional<bool> verify;
  std::optional<std::string> ca_file, cert_file, key_file, server_name;
};

// One entry of the list.
class SinkReader {
 public:
  SinkReader(const std::string& file, const YAML::Node& node) : node_(node), keys_(file), retry_(file), tls_(file) {}

  absl::StatusOr<sinks::SinkSettings> read();

 private:
  absl::Status bad(const std::string& why) const {
    return keys_.bad(node_, entry_.name ? absl::StrCat("sink '", entry_.name->substr(0, 64), "': ", why) : why);
  }
  absl::Status one_of(const std::string& key, const std::string& value, const Names& names) const {
    if (std::ranges::find(names, value) != names.end()) return absl::OkStatus();
    return bad(absl::StrCat("'", value.substr(0, 64), "' is no ", key, text::suggestion(value.substr(0, 64), names)));
  }
  absl::Status needs(const std::string& key, bool there) const {
    return there ? absl::OkStatus() : bad(absl::StrCat("'", key, "' is missing"));
  }

  void know_common_keys();
  void know_keys_of(const std::string& type);
  absl::Status check_type();
  absl::Status check_name() const;
  absl::Status fill_common(sinks::SinkSettings& to) const;
  absl::StatusOr<sinks::Target> target() const;
  absl::StatusOr<sinks::Target> syslog() const;
  absl::StatusOr<sinks::Target> kafka() const;
  absl::StatusOr<sinks::Url> url() const;
  template <typename Http>
  absl::StatusOr<sinks::Target> over_http(Http to) const;
  sinks::TlsSettings tls() const;
  milliseconds timeout() const;

  const YAML::Node& node_;
  ConfigMapping keys_;
  ConfigMapping retry_;
  ConfigMapping tls_;
  Entry entry_;
};

void SinkReader::know_common_keys() {
  keys_.text("name", entry_.name);
  keys_.text("type", entry_.type);
  keys_.text("min_severity", entry_.min_severity);
  keys_.texts("tenants", entry_.tenants);
  keys_.texts("rules", entry_.rules);
  retry_.number("first_seconds", 1, kDaySeconds, entry_.first_seconds);
  retry_.number("longest_seconds", 1, kDaySeconds, entry_.longest_seconds);
  keys_.section("retry", retry_);
}

void SinkReader::know_keys_of(const std::string& type) {
  if (type == "drop") {
    keys_.text("name", entry_.name);
    keys_.text("type", entry_.type);
    return;
  }
  know_common_keys();
  if (type == "file") keys_.text("path", entry_.path);
  if (type == "file" || type == "stdout") return;
  keys_.number("timeout_seconds", 1, 600, entry_.timeout_seconds);
  tls_.flag("verify", entry_.verify);
  tls_.text("ca_file", entry_.ca_file);
  tls_.text("cert_file", entry_.cert_file);
  tls_.text("key_file", entry_.key_file);
  tls_.text("server_name", entry_.server_name);
  keys_.value("tls", [this](const std::string& name, const YAML::Node& value) {
    entry_.has_tls = true;
    return tls_.read(value, name + ".");
  });
  if (type == "syslog") {
    keys_.text("address", entry_.address);
    keys_.text("format", entry_.format);
    keys_.text("facility", entry_.facility);
    keys_.number("settle_milliseconds", 0, 60000, entry_.settle_milliseconds);
    keys_.number("max_message_bytes", 2048, 16u << 20, entry_.max_message_bytes);
    return;
  }
  keys_.text("username", entry_.username);
  keys_.text("password_file", entry_.password_file);
  if (type == "kafka") {
    keys_.texts("brokers", entry_.brokers);
    keys_.text("topic", entry_.topic);
    keys_.text("sasl_mechanism", entry_.sasl_mechanism);
    return;
  }
  keys_.text("url", entry_.url);
  if (type == "webhook") keys_.text("hmac_key_file", entry_.hmac_key_file);
  if (type == "alertmanager") {
    keys_.number("resend_seconds", 1, kDaySeconds, entry_.resend_seconds);
    keys_.number("expire_seconds", 2, kDaySeconds, entry_.expire_seconds);
  }
}

// The type says which keys there may be, so it is looked up before all else.
absl::Status SinkReader::check_type() {
  if (!node_.IsMap()) return keys_.bad(node_, "a sink must be a mapping, such as {name: siem, type: syslog, …}");
  for (const auto& item : node_) {
    if (!item.first.IsScalar() || !item.second.IsScalar()) continue;
    if (item.first.Scalar() == "name") entry_.name = item.second.Scalar();
    if (item.first.Scalar() == "type") entry_.type = item.second.Scalar();
  }
  if (!entry_.type) return bad("'type' is missing");
  return one_of("type of sink", *entry_.type, kTypes);
}

absl::Status SinkReader::check_name() const {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!entry_.name) return bad("'name' is missing: its queue on disk is kept under it");
  if (entry_.name->size() > 64 || entry_.name->find_first_not_of(kAllowed) != std::string::npos) {
    return bad("a name is at most 64 letters, digits, '.', '_' and '-'");
  }
  return absl::OkStatus();
}

absl::StatusOr<sinks::SinkSettings> SinkReader::read() {
  if (auto status = check_type(); !status.ok()) return status;
  const std::string type = *entry_.type;
  know_keys_of(type);
  if (auto status = keys_.read(node_, ""); !status.ok()) return status;
  if (auto status = check_name(); !status.ok()) return status;
  sinks::SinkSettings settings;
  settings.name = *entry_.name;
  if (auto status = fill_common(settings); !status.ok()) return status;
  auto made = target();
  if (!made.ok()) return made.status();
  settings.target = *std::move(made);
  return settings;
}

absl::Status SinkReader::fill_common(sinks::SinkSettings& to) const {
  if (entry_.min_severity) {
    if (auto status = one_of("severity", *entry_.min_severity, kSeverities); !status.ok()) return status;
    const auto at = std::ranges::find(kSeverities, *entry_.min_severity) - kSeverities.begin();
    to.filter.min_severity = static_cast<v1::Severity>(v1::SEVERITY_INFORMATIONAL + at);
  }
  to.filter.tenants = {entry_.tenants.begin(), entry_.tenants.end()};
  to.filter.rules = {entry_.rules.begin(), entry_.rules.end()};
  if (entry_.first_seconds) to.retry.first = seconds(*entry_.first_seconds);
  if (entry_.longest_seconds) to.retry.longest = seconds(*entry_.longest_seconds);
  if (to.retry.longest < to.retry.first) return bad("retry.longest_seconds is less than retry.first_seconds");
  return absl::OkStatus();
}

absl::StatusOr<sinks::Target> SinkReader::target() const {
  if (*entry_.type == "drop") return sinks::DropTarget{};
  if (*entry_.type == "stdout") return sinks::StdoutTarget{};
  if (*entry_.type == "syslog") return syslog();
  if (*entry_.type == "kafka") return kafka();
  if (*entry_.type == "file") {
    if (auto status = needs("path", entry_.path.has_value()); !status.ok()) return status;
    return sinks::FileTarget{*entry_.path};
  }
  if (*entry_.type == "webhook") {
    sinks::WebhookTarget to;
    to.hmac_key_file = entry_.hmac_key_file.value_or("");
    return over_http(std::move(to));
  }
  sinks::AlertmanagerTarget to;
  if (entry_.resend_seconds) to.resend = seconds(*entry_.resend_seconds);
  if (entry_.expire_seconds) to.expire = seconds(*entry_.expire_seconds);
  return over_http(std::move(to));
}

sinks::TlsSettings SinkReader::tls() const {
  return {.verify = entry_.verify.value_or(true),
          .ca_file = entry_.ca_file.value_or(""),
          .cert_file = entry_.cert_file.value_or(""),
          .key_file = entry_.key_file.value_or(""),
          .server_name = entry_.server_name.value_or("")};
}

milliseconds SinkReader::timeout() const {
  return entry_.timeout_seconds ? seconds(*entry_.timeout_seconds) : sinks::kDefaultTimeout;
}

absl::StatusOr<sinks::Url> SinkReader::url() const {
  if (auto status = needs("url", entry_.url.has_value()); !status.ok()) return status;
  auto parsed = sinks::parse_url(*entry_.url);
  if (!parsed.ok()) return bad(absl::StrCat("url: ", parsed.status().message()));
  if (entry_.has_tls && !parsed->tls) return bad("'tls' is there, but the url begins with http://");
  return parsed;
}

template <typename Http>
absl::StatusOr<sinks::Target> SinkReader::over_http(Http to) const {
  auto parsed = url();
  if (!parsed.ok()) return parsed.status();
  to.url = *std::move(parsed);
  to.tls = tls();
  to.username = entry_.username.value_or("");
  to.password_file = entry_.password_file.value_or("");
  to.timeout = timeout();
  return to;
}

absl::StatusOr<sinks::Target> SinkReader::syslog() const {
  if (auto status = needs("address", entry_.address.has_value()); !status.ok()) return status;
  const auto address = net::parse(*entry_.address);
  if (!address.ok()) return bad(absl::StrCat("address: ", address.status().message()));
  if (address->is_unix() || address->port == 0) return bad("address: must be HOST:PORT");
  sinks::SyslogTarget to;
  to.host = address->host;
  to.port = address->port;
  if (entry_.has_tls) to.tls = tls();
  const std::string format = entry_.format.value_or("ocsf");
  if (auto status = one_of("format", format, kFormats); !status.ok()) return status;
  to.cef = format == "cef";
  const std::string facility = entry_.facility.value_or("local0");
  if (auto status = one_of("facility", facility, kFacilities); !status.ok()) return status;
  to.facility = static_cast<int>(std::ranges::find(kFacilities, facility) - kFacilities.begin());
  to.timeout = timeout();
  if (entry_.settle_milliseconds) to.settle = milliseconds(*entry_.settle_milliseconds);
  if (entry_.max_message_bytes) to.max_message_bytes = *entry_.max_message_bytes;
  return to;
}

absl::StatusOr<sinks::Target> SinkReader::kafka() const {
  if (auto status = needs("brokers", !entry_.brokers.empty()); !status.ok()) return status;
  if (auto status = needs("topic", entry_.topic.has_value()); !status.ok()) return status;
  sinks::KafkaTarget to;
  for (const auto& broker : entry_.brokers) {
    const auto address = net::parse(broker);
    if (!address.ok()) return bad(absl::StrCat("brokers: ", address.status().message()));
    if (address->is_unix() || address->port == 0) return bad("brokers: each must be HOST:PORT");
    absl::StrAppend(&to.brokers, to.brokers.empty() ? "" : ",", broker);
  }
  to.topic = *entry_.topic;
  if (entry_.has_tls) to.tls = tls();
  to.sasl_mechanism = entry_.sasl_mechanism.value_or("");
  if (!to.sasl_mechanism.empty()) {
    if (auto status = one_of("SASL mechanism", to.sasl_mechanism, kMechanisms); !status.ok()) return status;
  }
  to.username = entry_.username.value_or("");
  to.password_file = entry_.password_file.value_or("");
  to.timeout = timeout();
  return to;
}

}  // namespace

absl::StatusOr<std::vector<sinks::SinkSettings>> read_sinks(const std::string& file, const YAML::Node& node) {
  std::vector<sinks::SinkSettings> all;
  const ConfigMapping where(file);
  if (node.IsNull()) return all;
  if (!node.IsSequence()) return where.bad(node, "'sinks' must be a list");
  std::set<std::string> names;
  for (const auto& item : node) {
    // A copy: the iterator's own value ends with its step.
    const YAML::Node entry = item;
    auto read = SinkReader(file, entry).read();
    if (!read.ok()) return read.status();
    if (!names.insert(read->name).second) {
      return where.bad(entry, absl::StrCat("sink '", read->name, "' is there twice"));
    }
    all.push_back(*std::move(read));
  }
  return all;
}

}  // namespace bulkhead::collector

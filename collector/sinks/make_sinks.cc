#include "collector/sinks/make_sinks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "collector/sinks/alertmanager_sink.h"
#include "collector/sinks/kafka_sink.h"
#include "collector/sinks/line_sinks.h"
#include "collector/sinks/syslog_sink.h"
#include "collector/sinks/tls.h"
#include "collector/sinks/webhook_sink.h"

namespace bulkhead::sinks {
namespace {

using MadeSink = absl::StatusOr<std::unique_ptr<Sink>>;

// The first line of a file that holds one secret.
absl::StatusOr<std::string> read_secret(const char* key, const std::string& path) {
  constexpr std::size_t kSecretBytes = 4096;
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(fmt::format("{} {}: {}", key, path, std::strerror(errno)));
  std::string secret;
  std::getline(file, secret);
  secret = std::string(absl::StripTrailingAsciiWhitespace(secret));
  if (secret.empty()) return absl::InvalidArgumentError(fmt::format("{} {}: its first line is empty", key, path));
  if (secret.size() > kSecretBytes) {
    return absl::InvalidArgumentError(fmt::format("{} {}: its first line is longer than 4 KiB", key, path));
  }
  return secret;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The value of HTTP's Authorization header; empty without a user.
absl::StatusOr<std::string> authorization(const Url& url, const std::string& username,
                                          const std::string& password_file) {
  if (username.empty() != password_file.empty()) {
    return absl::InvalidArgumentError("username and password_file belong together");
  }
  if (username.empty()) return std::string();
  if (!url.tls && !is_loopback(url.host)) {
    return absl::InvalidArgumentError("a password is not sent unencrypted to another machine: use https");
  }
  const auto password = read_secret("password_file", password_file);
  if (!password.ok()) return password.status();
  return "Basic " + absl::Base64Escape(username + ":" + *password);
}

absl::StatusOr<PeerSettings> peer(std::string host, std::uint16_t port, const TlsSettings* tls) {
  PeerSettings settings{.host = std::move(host), .port = port, .tls = nullptr, .verify = true, .server_name = {}};
  if (tls == nullptr) return settings;
  auto context = make_tls_context(*tls);
  if (!context.ok()) return context.status();
  settings.tls = *std::move(context);
  settings.verify = tls->verify;
  settings.server_name = tls->server_name;
  return settings;
}

MadeSink make(const StdoutTarget&) {
  return std::make_unique<StdoutSink>();
}

MadeSink make(const FileTarget& target) {
  return std::make_unique<FileSink>(target.path);
}

MadeSink make(const SyslogTarget& target) {
  auto to = peer(target.host, target.port, target.tls ? &*target.tls : nullptr);
  if (!to.ok()) return to.status();
  std::array<char, 256> hostname{};
  gethostname(hostname.data(), hostname.size() - 1);
  SyslogSettings settings;
  settings.identity = {
      .facility = target.facility, .hostname = hostname.data(), .process_id = fmt::format("{}", getpid())};
  settings.payload = target.cef ? SyslogPayload::kCef : SyslogPayload::kOcsf;
  settings.timeout = target.timeout;
  settings.settle = target.settle;
  settings.max_message_bytes = target.max_message_bytes;
  return std::make_unique<SyslogSink>(*std::move(to), std::move(settings));
}

MadeSink make(const WebhookTarget& target) {
  auto to = peer(target.url.host, target.url.port, target.url.tls ? &target.tls : nullptr);
  if (!to.ok()) return to.status();
  auto who = authorization(target.url, target.username, target.password_file);
  if (!who.ok()) return who.status();
  std::string key;
  if (!target.hmac_key_file.empty()) {
    auto read = read_secret("hmac_key_file", target.hmac_key_file);
    if (!read.ok()) return read.status();
    key = *std::move(read);
  }
  return std::make_unique<WebhookSink>(target.url, *std::move(to), target.timeout, *std::move(who), std::move(key));
}

MadeSink make(const AlertmanagerTarget& target) {
  auto to = peer(target.url.host, target.url.port, target.url.tls ? &target.tls : nullptr);
  if (!to.ok()) return to.status();
  auto who = authorization(target.url, target.username, target.password_file);
  if (!who.ok()) return who.status();
  if (target.expire < 2 * target.resend) {
    return absl::InvalidArgumentError("expire_seconds must be at least twice resend_seconds, or alerts end in between");
  }
  const AlertmanagerSettings settings{.resend = target.resend, .expire = target.expire};
  return std::make_unique<AlertmanagerSink>(target.url, *std::move(to), target.timeout, *std::move(who), settings);
}

MadeSink make(const KafkaTarget& target) {
  KafkaSettings settings;
  settings.brokers = target.brokers;
  settings.topic = target.topic;
  settings.use_tls = target.tls.has_value();
  if (target.tls) {
    // librdkafka's own words do not name the file.
    if (auto context = make_tls_context(*target.tls); !context.ok()) return context.status();
    if (!target.tls->server_name.empty()) {
      return absl::InvalidArgumentError("tls.server_name: a broker's certificate must be for the host in brokers");
    }
    settings.tls = *target.tls;
  }
  settings.timeout = target.timeout;
  settings.sasl_mechanism = target.sasl_mechanism;
  settings.username = target.username;
  const bool sasl = !target.sasl_mechanism.empty();
  if (sasl != !target.username.empty() || sasl != !target.password_file.empty()) {
    return absl::InvalidArgumentError("sasl_mechanism, username and password_file belong together");
  }
  if (sasl) {
    auto password = read_secret("password_file", target.password_file);
    if (!password.ok()) return password.status();
    settings.password = *std::move(password);
  }
  if (auto status = KafkaSink::check(settings); !status.ok()) return status;
  return std::make_unique<KafkaSink>(std::move(settings));
}

MadeSink make(const DropTarget&) {
  return nullptr;
}

}  // namespace

absl::StatusOr<MadeSinks> make_sinks(const std::vector<SinkSettings>& settings) {
  MadeSinks made;
  for (const SinkSettings& one : settings) {
    auto sink = std::visit([](const auto& target) { return make(target); }, one.target);
    if (!sink.ok()) {
      return absl::InvalidArgumentError(fmt::format("sink '{}': {}", one.name, std::string(sink.status().message())));
    }
    if (*sink == nullptr) {
      made.dropped.push_back(one.name);
    } else {
      made.sinks.push_back({one.name, one.filter, one.retry, *std::move(sink)});
    }
  }
  return made;
}

}  // namespace bulkhead::sinks

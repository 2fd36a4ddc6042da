#include "collector/sinks/webhook_sink.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <utility>

namespace bulkhead::sinks {

std::string webhook_signature(const std::string& key, const std::string& timestamp, const std::string& body) {
  const std::string text = timestamp + "." + body;
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  std::string signature = "sha256=";
  for (const unsigned char byte : digest) signature += fmt::format("{:02x}", byte);
  return signature;
}

WebhookSink::WebhookSink(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout,
                         std::string authorization, std::string hmac_key)
    : description_(fmt::format("webhook {}", url.text())),
      target_(url.target),
      hmac_key_(std::move(hmac_key)),
      client_(url, std::move(peer), timeout, std::move(authorization)) {}

absl::Status WebhookSink::deliver_one(const Delivery& delivery, const std::stop_token& stop) {
  HttpRequest request{.target = target_, .headers = {}, .body = alerts::to_ocsf(*delivery.alert, delivery.activity)};
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const std::string timestamp =
      fmt::format("{}", std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
  request.headers = {
      {"Content-Type", "application/json"}, {"Idempotency-Key", delivery.id}, {"X-Bulkhead-Timestamp", timestamp}};
  if (!hmac_key_.empty()) {
    request.headers.emplace_back("X-Bulkhead-Signature", webhook_signature(hmac_key_, timestamp, request.body));
  }
  const auto response = client_.post(request, stop);
  return response.ok() ? judge(*response, std::chrono::system_clock::now()) : response.status();
}

}  // namespace bulkhead::sinks

// POSTs each alert as OCSF JSON to a web server.
#pragma once

#include <chrono>
#include <string>

#include "collector/sinks/http_client.h"
#include "collector/sinks/sink.h"

namespace bulkhead::sinks {

// "sha256=" and 64 hexadecimal digits: HMAC-SHA256 under `key` over the timestamp, a dot, and the body.
std::string webhook_signature(const std::string& key, const std::string& timestamp, const std::string& body);

class WebhookSink : public SingleSink {
 public:
  // An empty key: no signature.
  WebhookSink(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout, std::string authorization,
              std::string hmac_key);
  const std::string& description() const override { return description_; }

 protected:
  absl::Status deliver_one(const Delivery& delivery, const std::stop_token& stop) override;

 private:
  const std::string description_;
  const std::string target_;
  const std::string hmac_key_;
  HttpClient client_;
};

}  // namespace bulkhead::sinks

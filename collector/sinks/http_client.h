// POSTs to one URL's server over a connection that is kept. Private to this folder.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sinks/peer.h"
#include "collector/sinks/url.h"

namespace bulkhead::sinks {

struct HttpRequest {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpResponse {
  unsigned status = 0;
  // The first 64 KiB.
  std::string body;
  // As it came; empty: none.
  std::string retry_after = {};
};

// ok for 2xx; kInvalidArgument for what the peer refuses of this one alert: 400, 409, 413 and 422; kUnavailable for all
// else, which says that the peer, or what the configuration says of it, is wrong: the next alert would fare the same.
// The message has the status, what to look at, and the beginning of the body; a pause that the peer asked for is in the
// status as asked_pause() reads it.
absl::Status judge(const HttpResponse& response, std::chrono::system_clock::time_point now);

class Connection;

// Not thread safe.
class HttpClient {
 public:
  // `timeout` is that of a whole request. `authorization` is the value of that header; empty: none.
  HttpClient(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout, std::string authorization);
  ~HttpClient();

  // A kept connection that turns out to be closed is opened again, once.
  absl::StatusOr<HttpResponse> post(const HttpRequest& request, const std::stop_token& stop);

 private:
  absl::StatusOr<HttpResponse> exchange(const HttpRequest& request, std::chrono::steady_clock::time_point deadline,
                                        const std::stop_token& stop);
  absl::StatusOr<HttpResponse> read(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

  const std::string host_;
  const std::chrono::milliseconds timeout_;
  const std::string authorization_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace bulkhead::sinks

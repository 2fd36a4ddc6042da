// A small HTTP server for monitoring: GET and HEAD of a few paths, one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "monitoring/figures.h"
#include "net/endpoint.h"

namespace bulkhead::monitoring {

struct Page {
  bool healthy = true;  // 200, or else 503
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// What Prometheus reads.
Page metrics_page(const Figures& figures);

// Thread safe. Requests beyond 8 KiB, slow ones and more than 64 connections at once are refused.
class HttpServer {
 public:
  // By path; called from the server's thread.
  using Pages = std::map<std::string, std::function<Page()>>;

  // Errors: those of net::check_listen(). `listen` is TCP.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const net::Endpoint& listen, Pages pages);
  virtual ~HttpServer() = default;

  virtual const net::Endpoint& address() const = 0;
};

}  // namespace bulkhead::monitoring

// The agent's pages for monitoring: /metrics, /healthz and /readyz. docs/monitoring.md describes them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/spool/spool.h"
#include "agent/stream/stream.h"
#include "bulkhead/v1/host.pb.h"
#include "monitoring/http_server.h"
#include "net/address_file.h"

namespace bulkhead {

class Monitor {
 public:
  // The functions are called from the server's thread.
  struct Sources {
    std::string host_id;
    // One row per hook.
    std::vector<v1::ProbeCoverage> coverage;
    // As it was reported last.
    std::function<v1::Health()> health;
    std::function<spool::Statistics()> spool;
    std::function<stream::State()> stream;
  };

  // `address` is HOST:PORT; it is written to `state_dir`/http.addr with the real port. Errors: those of
  // HttpServer::start and AddressFile::write.
  static absl::StatusOr<std::unique_ptr<Monitor>> start(const std::string& address, const std::string& state_dir,
                                                        Sources sources);

 private:
  explicit Monitor(Sources sources) : sources_(std::move(sources)) {}

  monitoring::Page metrics() const;
  monitoring::Page health() const;
  monitoring::Page readiness() const;

  const Sources sources_;
  net::AddressFile address_file_;
  std::unique_ptr<monitoring::HttpServer> server_;
};

}  // namespace bulkhead

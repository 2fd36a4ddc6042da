// The gRPC server that the collector's services are registered with.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/endpoint.h"

namespace grpc {
class Service;
}

namespace bulkhead::api {

// Thread safe.
class RpcServer {
 public:
  // The services outlive the server. kAlreadyExists: the address is in use; kPermissionDenied; kInvalidArgument: it is
  // no address of this machine.
  static absl::StatusOr<std::unique_ptr<RpcServer>> start(const net::Endpoint& listen,
                                                          const std::vector<grpc::Service*>& services);
  virtual ~RpcServer() = default;

  // With the real port where 0 was asked for.
  virtual const net::Endpoint& address() const = 0;
  // Takes no new calls, and cancels those that are not over within `grace`. Safe to repeat.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace bulkhead::api

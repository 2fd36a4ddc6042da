#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "bulkhead/v1/query.grpc.pb.h"
#include "collector/api/rpc_server.h"
#include "monitoring/http_server.h"
#include "net/endpoint.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

const net::Endpoint kAnyPort{.host = "127.0.0.1", .port = 0, .path = ""};

// gRPC starts no server without a service.
absl::StatusOr<std::unique_ptr<api::RpcServer>> start_rpc(const net::Endpoint& listen) {
  static v1::Query::Service service;
  return api::RpcServer::start(listen, {&service});
}

}  // namespace

TEST_CASE("a server on an address in use says so, for gRPC and for HTTP") {
  const auto first = start_rpc(kAnyPort);
  REQUIRE(first.ok());
  REQUIRE((*first)->address().port != 0);
  REQUIRE(absl::IsAlreadyExists(start_rpc((*first)->address()).status()));
  REQUIRE(absl::IsAlreadyExists(monitoring::HttpServer::start((*first)->address(), {}).status()));
}

TEST_CASE("a server does not take over the unix socket of one that listens") {
  const TempDir dir;
  const net::Endpoint socket{.host = "", .port = 0, .path = (dir.path() / "s").string()};
  {
    const auto first = start_rpc(socket);
    REQUIRE(first.ok());
    REQUIRE(absl::IsAlreadyExists(start_rpc(socket).status()));
  }
  REQUIRE(start_rpc(socket).ok());
}

TEST_CASE("an address of another machine cannot be listened on") {
  REQUIRE(absl::IsInvalidArgument(start_rpc({.host = "192.0.2.1", .port = 7400, .path = ""}).status()));
}

}  // namespace bulkhead::test

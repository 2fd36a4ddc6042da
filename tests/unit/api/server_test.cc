#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include "bulkhead/v1/query.grpc.pb.h"
#include "collector/api/http_server.h"
#include "collector/api/metrics.h"
#include "collector/api/rpc_server.h"
#include "collector/endpoint/endpoint.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

const endpoint::Endpoint kAnyPort{.host = "127.0.0.1", .port = 0, .path = ""};

std::string talk(const endpoint::Endpoint& server, const std::string& request) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::make_address(server.host), server.port});
  boost::system::error_code error;
  asio::write(socket, asio::buffer(request), error);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  return answer;
}

// gRPC starts no server without a service.
absl::StatusOr<std::unique_ptr<api::RpcServer>> start_rpc(const endpoint::Endpoint& listen) {
  static v1::Query::Service service;
  return api::RpcServer::start(listen, {&service});
}

std::unique_ptr<api::HttpServer> serve(api::HttpServer::Pages pages) {
  auto server = api::HttpServer::start(kAnyPort, std::move(pages));
  REQUIRE(server.ok());
  return *std::move(server);
}

}  // namespace

TEST_CASE("addresses are parsed, and only those of this machine are local") {
  const auto parsed = [](const std::string& text) {
    const auto endpoint = endpoint::parse(text);
    if (!endpoint.ok()) return std::string("bad");
    return endpoint->text() + (endpoint::is_local(*endpoint) ? " local" : " remote");
  };
  CHECK(parsed("127.0.0.1:7400") == "127.0.0.1:7400 local");
  CHECK(parsed("127.9.9.9:1") == "127.9.9.9:1 local");
  CHECK(parsed("[::1]:7400") == "[::1]:7400 local");
  CHECK(parsed("localhost:0") == "localhost:0 local");
  CHECK(parsed("unix:/run/x.sock") == "unix:/run/x.sock local");
  CHECK(parsed("0.0.0.0:7400") == "0.0.0.0:7400 remote");
  CHECK(parsed("[::]:7400") == "[::]:7400 remote");
  CHECK(parsed("127.0.0.1.example:1") == "127.0.0.1.example:1 remote");
  for (const char* bad : {"", "host", ":1", "host:", "host:65536", "host:-1", "host:1x", "::1:7400", "unix:relative"}) {
    INFO(bad);
    CHECK(parsed(bad) == "bad");
  }
  CHECK(parsed("unix:/" + std::string(200, 'x')) == "bad");
}

TEST_CASE("a server on an address in use says so, for gRPC and for HTTP") {
  const auto first = start_rpc(kAnyPort);
  REQUIRE(first.ok());
  REQUIRE((*first)->address().port != 0);
  REQUIRE(absl::IsAlreadyExists(start_rpc((*first)->address()).status()));
  REQUIRE(absl::IsAlreadyExists(api::HttpServer::start((*first)->address(), {}).status()));
}

TEST_CASE("a server does not take over the unix socket of one that listens") {
  const TempDir dir;
  const endpoint::Endpoint socket{.host = "", .port = 0, .path = (dir.path() / "s").string()};
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

TEST_CASE("HTTP answers its pages, and 503 when one is not healthy") {
  bool healthy = true;
  const auto server = serve({{"/healthz", [&] { return api::Page{.healthy = healthy, .body = "ok\n"}; }}});
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(talk(server->address(), "GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\nok\n"));
  CHECK(talk(server->address(), "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\n"));
  CHECK(talk(server->address(), "POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405 "));
  CHECK(talk(server->address(), "GET /other HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
  healthy = false;
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_CASE("HTTP outlives garbage and endless headers") {
  const auto server = serve({{"/healthz", [] { return api::Page{.body = "ok\n"}; }}});
  talk(server->address(), std::string("\x16\x03\x01\x00garbage\r\n\r\n", 16));
  talk(server->address(), "GET /healthz HTTP/1.1\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n");
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("metrics name the loss identity by probe and escape what hosts call themselves") {
  v1::Host host;
  host.set_host_id("a");
  host.set_hostname("evil\"} 1\nx");
  auto* counters = host.mutable_health()->add_counters();
  counters->set_probe(v1::PROBE_MEMORY_PTRACE);
  counters->set_lost(3);
  auto* stored = host.add_stored();
  stored->set_probe(v1::PROBE_MEMORY_PTRACE);
  stored->set_count(7);
  const auto text = api::metrics_text({{"bulkhead_x", "Help.", true, 5}}, {host});
  CHECK(text.find("# TYPE bulkhead_x counter\nbulkhead_x 5\n") != std::string::npos);
  CHECK(text.find("bulkhead_probe_records{probe=\"PROBE_MEMORY_PTRACE\",stage=\"lost\"} 3\n") != std::string::npos);
  CHECK(text.find("stage=\"stored\"} 7\n") != std::string::npos);
  CHECK(text.find("hostname=\"evil\\\"} 1\\nx\"") != std::string::npos);
}

}  // namespace bulkhead::test

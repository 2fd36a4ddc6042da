#include "monitoring/http_server.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

namespace bulkhead::test {

namespace {

const net::Endpoint kAnyPort{.host = "127.0.0.1", .port = 0, .path = ""};

std::string talk(const net::Endpoint& server, const std::string& request) {
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

std::unique_ptr<monitoring::HttpServer> serve(monitoring::HttpServer::Pages pages) {
  auto server = monitoring::HttpServer::start(kAnyPort, std::move(pages));
  REQUIRE(server.ok());
  return *std::move(server);
}

}  // namespace

TEST_CASE("HTTP answers its pages, and 503 when one is not healthy") {
  bool healthy = true;
  const auto server = serve({{"/healthz", [&] { return monitoring::Page{.healthy = healthy, .body = "ok\n"}; }}});
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(talk(server->address(), "GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\nok\n"));
  CHECK(talk(server->address(), "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\n"));
  CHECK(talk(server->address(), "POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405 "));
  CHECK(talk(server->address(), "GET /other HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
  healthy = false;
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_CASE("HTTP outlives garbage and endless headers") {
  const auto server = serve({{"/healthz", [] { return monitoring::Page{.body = "ok\n"}; }}});
  talk(server->address(), std::string("\x16\x03\x01\x00garbage\r\n\r\n", 16));
  talk(server->address(), "GET /healthz HTTP/1.1\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n");
  CHECK(talk(server->address(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

}  // namespace bulkhead::test

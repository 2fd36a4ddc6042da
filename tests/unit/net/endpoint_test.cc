#include "net/endpoint.h"

#include <catch2/catch.hpp>
#include <string>

namespace bulkhead::test {

namespace {

std::string parsed(const std::string& text) {
  const auto endpoint = net::parse(text);
  if (!endpoint.ok()) return "bad";
  return endpoint->text() + (net::is_local(*endpoint) ? " local" : " remote");
}

}  // namespace

TEST_CASE("addresses of this machine are told from others") {
  for (const char* local : {"127.0.0.1:7400", "127.8.9.10:1", "localhost:7400", "[::1]:7400", "unix:/run/b.sock"}) {
    CHECK(parsed(local) == std::string(local) + " local");
  }
  for (const char* remote :
       {"10.0.0.1:7400", "128.0.0.1:7400", "[fe80::1]:7400", "a.example.org:7400", "127.1:7400", "0.0.0.0:7400",
        "127.0.0.1.example.org:80", "[::]:7400", "[::ffff:127.0.0.1]:7400", "rack_3-a:7400"}) {
    CHECK(parsed(remote) == std::string(remote) + " remote");
  }
}

TEST_CASE("what is no address is refused with what was expected") {
  for (const char* bad : {"", "host", ":7400", "host:", "host:65536", "host:-1", "host:1x", "::1:7400", "[::1]",
                          "[nonsense]:7400", "unix:relative", "unix:", "http://localhost:7400", "dns:///localhost:7400",
                          "local host:7400", "localhost:7400/x", "a..b:1", ".a:1", "-a:1"}) {
    INFO(bad);
    CHECK(parsed(bad) == "bad");
    CHECK(absl::IsInvalidArgument(net::parse(bad).status()));
    CHECK_THAT(std::string(net::parse(bad).status().message()), Catch::Contains("expected HOST:PORT"));
  }
  CHECK(parsed("unix:/" + std::string(107, 'x')) == "bad");
  CHECK(parsed(std::string(64, 'a') + ":1") == "bad");
}

TEST_CASE("any free port is for listening only") {
  CHECK(parsed("localhost:0") == "localhost:0 local");
  CHECK(absl::IsInvalidArgument(net::parse_peer("localhost:0").status()));
  CHECK(net::parse_peer("localhost:1").ok());
  CHECK(net::parse_peer("unix:/run/b.sock").ok());
}

}  // namespace bulkhead::test

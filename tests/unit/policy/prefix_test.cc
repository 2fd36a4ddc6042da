#include "collector/policy/prefix.h"

#include <catch2/catch.hpp>

namespace bulkhead::test {

using policy::parse_prefix;

TEST_CASE("prefixes are IPv4 and IPv6 addresses with a length that fits them") {
  const auto text = [](std::string_view from) {
    const auto prefix = parse_prefix(from);
    return prefix.ok() ? prefix->text() : "refused";
  };
  CHECK(text("10.0.0.0/8") == "10.0.0.0/8");
  CHECK(text("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(text("192.0.2.1") == "192.0.2.1/32");
  CHECK(text("2001:DB8::/32") == "2001:db8::/32");
  CHECK(text("::/0") == "::/0");
  CHECK(text("fe80::1") == "fe80::1/128");
  for (const char* bad :
       {"", "/", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/8", "10.0.0.1/8", "2001:db8::/129",
        "2001:db8::1/32", "::ffff:10.0.0.0/104", "10.0.0.0/8x", "host", "10.0.0.0 "}) {
    CAPTURE(bad);
    CHECK(text(bad) == "refused");
  }
  CHECK(text(std::string_view("10.0.0.0\0/8", 11)) == "refused");
}

TEST_CASE("a prefix contains what begins with its bits, and nothing of the other family") {
  const auto contains = [](std::string_view outer, std::string_view inner) {
    return parse_prefix(outer)->contains(*parse_prefix(inner));
  };
  CHECK(contains("10.0.0.0/8", "10.255.0.0/16"));
  CHECK(contains("10.0.0.0/8", "10.0.0.0/8"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0/16"));
  CHECK_FALSE(contains("10.0.0.0/9", "10.128.0.0/9"));
  CHECK_FALSE(contains("10.0.0.0/16", "10.0.0.0/8"));
  CHECK_FALSE(contains("0.0.0.0/0", "::/0"));
  CHECK(contains("2001:db8::/33", "2001:db8:7fff::/48"));
  CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::/48"));
}

}  // namespace bulkhead::test

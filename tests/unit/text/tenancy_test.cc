#include "text/tenancy.h"

#include <catch2/catch.hpp>

using namespace bulkhead::text;

TEST_CASE("a tenant's key is bounded, visible and not one of our own words") {
  CHECK(check_tenant_key("acme").ok());
  CHECK(check_tenant_key("Müller & Söhne").ok());
  CHECK(check_tenant_key("unknowns").ok());
  CHECK(check_tenant_key("hosted").ok());
  CHECK(check_tenant_key(std::string(255, 'x')).ok());
  for (const std::string& key :
       {std::string(), std::string(256, 'x'), std::string("a\0b", 3), std::string("a\tb"), std::string("a "),
        std::string(" a"), std::string("\xc3"), std::string("\xed\xa0\x80"), std::string("\xc2\x9b"),
        std::string("a\xe2\x80\x8b"), std::string("hOST"), std::string("unknown"), std::string("UNKNOWN:1")}) {
    CAPTURE(key);
    CHECK_FALSE(check_tenant_key(key).ok());
  }
}

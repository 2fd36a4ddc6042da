#include "agent/config/host_id.h"

#include <catch2/catch.hpp>

#include "tests/unit/config/temp_dir.h"

using namespace bulkhead::config;
using bulkhead::config::test::TempDir;

namespace {

Config in(const TempDir& dir) {
  Config config = default_config();
  config.state_dir = dir.path("state");
  return config;
}

}  // namespace

TEST_CASE("a configured host id goes before the machine id") {
  const TempDir dir;
  Config config = in(dir);
  const std::string machine = dir.write("machine-id", "0123456789abcdef0123456789abcdef\n");
  CHECK(resolve_host_id(config, machine).value() == "0123456789abcdef0123456789abcdef");
  config.host_id = "node-1";
  CHECK(resolve_host_id(config, machine).value() == "node-1");
}

TEST_CASE("without a usable machine id one is made up once and kept") {
  const TempDir dir;
  const auto text = GENERATE(as<std::string>(), "", "uninitialized\n", "not/usable\n");
  const std::string machine = dir.write("machine-id", text);
  const auto first = resolve_host_id(in(dir), machine);
  REQUIRE(first.ok());
  CHECK(first->size() == 32);
  CHECK(resolve_host_id(in(dir), dir.path("none")).value() == *first);
  const TempDir other;
  CHECK(resolve_host_id(in(other), machine).value() != *first);
}

TEST_CASE("a kept host id that was damaged is an error, not a new host") {
  const TempDir dir;
  REQUIRE(resolve_host_id(in(dir), dir.path("none")).ok());
  dir.write("state/host_id", "a b\n");
  CHECK(std::string(resolve_host_id(in(dir), dir.path("none")).status().message())
            .starts_with(dir.path("state/host_id") + ":1:1: "));
}

TEST_CASE("a state folder that cannot be made is named") {
  const TempDir dir;
  dir.write("state", "a file, not a folder");
  CHECK(std::string(resolve_host_id(in(dir), dir.path("none")).status().message()).starts_with(dir.path("state")));
}

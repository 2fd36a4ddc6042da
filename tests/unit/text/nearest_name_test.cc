#include "text/nearest_name.h"

#include <array>
#include <catch2/catch.hpp>

using namespace bulkhead::text;

namespace {
constexpr std::array<std::string_view, 3> kNames = {"collector", "state_dir", "log_level"};
}

TEST_CASE("a slip of the keyboard finds its name") {
  CHECK(nearest_name("colector", kNames) == "collector");
  CHECK(nearest_name("state-dir", kNames) == "state_dir");
  CHECK(nearest_name("LOG_LEVLE", kNames) == "log_level");
  CHECK(did_you_mean("colector", kNames) == "; did you mean 'collector'?");
  CHECK(suggestion("colector", kNames) == "; did you mean 'collector'?");
}

TEST_CASE("a name that is far from all finds none and lists them") {
  CHECK(nearest_name("frequency", kNames).empty());
  CHECK(nearest_name("", kNames).empty());
  CHECK(nearest_name(std::string(100000, 'c'), kNames).empty());
  CHECK(did_you_mean("frequency", kNames).empty());
  CHECK(suggestion("frequency", kNames) == "; known are 'collector', 'state_dir', 'log_level'");
}

TEST_CASE("a name of one or two letters is not replaced as a whole") {
  constexpr std::array<std::string_view, 2> kShort = {"in", "or"};
  CHECK(nearest_name("xy", kShort).empty());
  CHECK(nearest_name("on", kShort) == "in");
}

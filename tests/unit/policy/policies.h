// What the tests of policy share.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "collector/policy/policy_file.h"

namespace bulkhead::test {

inline policy::PolicyFile parsed(const std::string& text) {
  auto file = policy::parse(text, "p.yaml");
  INFO(file.status().message());
  REQUIRE(file.ok());
  return *std::move(file);
}

inline std::string refusal(const std::string& text) {
  const auto file = policy::parse(text, "p.yaml");
  INFO(text);
  REQUIRE(absl::IsInvalidArgument(file.status()));
  return std::string(file.status().message());
}

}  // namespace bulkhead::test

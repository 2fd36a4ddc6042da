// http and https URLs, as far as sinks need them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace bulkhead::sinks {

struct Url {
  bool tls = false;
  // Without brackets.
  std::string host;
  std::uint16_t port = 0;
  // Begins with '/'; with the query.
  std::string target;

  // As the Host header has it.
  std::string authority() const;
  // Without the query, which may be a secret.
  std::string text() const;
};

// kInvalidArgument says what is wrong: another scheme, a user or password (these belong into a file), a fragment, a
// port that is none, blanks and control characters.
absl::StatusOr<Url> parse_url(const std::string& text);

}  // namespace bulkhead::sinks

// Commands as an operator types them.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/support/stage/child_process.h"

namespace bulkhead::lab {

// Runs a command, whose words are separated by single blanks, to its end; its stdout. Fails the test when the command
// does.
inline std::string do_command(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  const auto outcome = stage::run({.words = words, .stderr_file = "", .namespaces = {}}, stage::Milliseconds(60'000));
  INFO(line);
  REQUIRE(outcome.status() == absl::OkStatus());
  INFO(outcome->output);
  REQUIRE(outcome->exit_status == 0);
  return outcome->output;
}

// Runs its command when it goes, whatever happened.
class AtEnd {
 public:
  explicit AtEnd(std::string line) : line_(std::move(line)) {}
  ~AtEnd() {
    const std::vector<std::string> words = absl::StrSplit(line_, ' ');
    (void)stage::run({.words = words, .stderr_file = "/dev/null", .namespaces = {}}, stage::Milliseconds(60'000));
  }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  const std::string line_;
};

}  // namespace bulkhead::lab

// What is wrong with a policy file, each with its place. Internal to collector/policy.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace bulkhead::policy {

// Counted from 1; columns in characters.
struct Place {
  int line = 1;
  int column = 1;
};

// "12:5", for messages that point at a second place of the same file.
std::string to_string(const Place& place);

// Somebody's text inside a message: in quotes, short, and without what could forge a line or drive a terminal.
std::string shown(std::string_view text);

// Belongs to one thread.
class Faults {
 public:
  // `file` names it in messages.
  explicit Faults(std::string_view file) : file_(file) {}

  void add(const Place& place, std::string_view message);
  bool empty() const { return count_ == 0; }
  // No further one would be told.
  bool is_full() const { return count_ >= kTold; }
  // OK, or kInvalidArgument with a line for each in the order of their places, at most kTold of them.
  absl::Status status() const;

 private:
  static constexpr std::size_t kTold = 100;
  struct Fault {
    Place place;
    std::string line;
  };

  const std::string file_;
  std::vector<Fault> faults_;
  std::size_t count_ = 0;
};

}  // namespace bulkhead::policy

// Scalars of a YAML file with the places that they were written at, and the list of what is wrong with them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::detect {

// Counted from 1; columns in bytes.
struct Place {
  const RuleFile* file = nullptr;
  int line = 0;
  int column = 0;
};

// One scalar. `text` is its value after YAML's folding and unquoting.
struct SourceText {
  std::string text;
  Place place;
  bool quoted = false;

  // Where the byte at `offset` of the value stands in the file. Folded and literal blocks are followed; where an escape
  // makes that impossible it is the scalar's start.
  Place at(std::size_t offset) const;
};

// Of a byte of the file.
Place place_of(const RuleFile& file, std::size_t offset);

// "file:line:column".
std::string to_string(const Place& place);

// Collects errors, so that one run tells them all.
class Problems {
 public:
  void add(const Place& place, std::string_view message);
  bool empty() const { return count_ == 0; }
  // OK, or kInvalidArgument with a line per error.
  absl::Status status() const;

 private:
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

}  // namespace bulkhead::detect

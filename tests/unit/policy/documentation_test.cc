// docs/policy.md and the reader know the same keys, and the example is good.
#include <fstream>
#include <sstream>

#include "collector/policy/operations.h"
#include "tests/unit/policy/policies.h"

namespace bulkhead::test {

namespace {

std::string document() {
  std::ifstream file(BULKHEAD_DOCS "/policy.md");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// First cells of the tables whose cells are in code marks, from a heading on.
std::vector<std::string> cells_after(const std::string& heading) {
  std::vector<std::string> cells;
  std::istringstream lines(document());
  bool within = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) within = line == heading;
    if (within && line.starts_with("| `")) cells.push_back(line.substr(3, line.find('`', 3) - 3));
  }
  return cells;
}

}  // namespace

TEST_CASE("the documentation of policy has every key, in order, and no other") {
  CHECK(cells_after("## Keys") == policy::key_names());
}

TEST_CASE("the documentation of policy has every operation, in order, and no other") {
  const auto& names = policy::operation_names();
  CHECK(cells_after("## Operations") == std::vector<std::string>(names.begin(), names.end()));
}

TEST_CASE("the documentation's example is a policy that uses every section") {
  const std::string text = document();
  const std::size_t begin = text.find("```yaml\n");
  REQUIRE(begin != std::string::npos);
  const std::string example = text.substr(begin + 8, text.find("```", begin + 8) - begin - 8);
  parsed(example);
  for (const std::string& key : policy::key_names()) {
    CAPTURE(key);
    CHECK((key.find('.') != std::string::npos || example.find(key + ":") != std::string::npos));
  }
}

}  // namespace bulkhead::test

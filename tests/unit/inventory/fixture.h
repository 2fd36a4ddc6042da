// The domain XML files of tests/unit/inventory/data.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace bulkhead::inventory::test {

inline std::string read_fixture(const std::string& name) {
  std::ifstream file(BULKHEAD_XML_FIXTURES "/" + name);
  if (!file) throw std::runtime_error("no fixture " + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace bulkhead::inventory::test

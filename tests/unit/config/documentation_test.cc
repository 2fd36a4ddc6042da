#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "agent/config/config.h"

using namespace bulkhead::config;

namespace {

std::string read_document() {
  std::ifstream file(BULKHEAD_DOCS "/agent-config.md");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// First cells of the table of keys.
std::vector<std::string> documented_keys(const std::string& text) {
  std::vector<std::string> keys;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) keys.push_back(line.substr(3, line.find('`', 3) - 3));
  }
  return keys;
}

}  // namespace

TEST_CASE("the documentation has every key of the configuration, in order, and no other") {
  std::vector<std::string> expected;
  for (const std::string& key : key_names()) {
    // The lists themselves are documented too, before what their entries have.
    if (key == "trusted_services.executable") expected.emplace_back("trusted_services");
    if (key == "vmm_files.path") expected.emplace_back("vmm_files");
    expected.push_back(key);
  }
  CHECK(documented_keys(read_document()) == expected);
}

TEST_CASE("the documentation's example is a valid configuration") {
  const std::string text = read_document();
  const std::size_t begin = text.find("```yaml\n");
  REQUIRE(begin != std::string::npos);
  const std::string example = text.substr(begin + 8, text.find("```", begin + 8) - begin - 8);
  const auto config = parse_config(example, "example");
  INFO(config.status());
  REQUIRE(config.ok());
  CHECK(validate(*config).ok());
}

TEST_CASE("the documentation names every service that is trusted by default") {
  const std::string text = read_document();
  for (const TrustedService& service : default_config().trusted_services) {
    const std::size_t slash = service.executable.rfind('/');
    CAPTURE(service.executable);
    CHECK(text.find(service.executable.substr(slash + 1)) != std::string::npos);
    CHECK(text.find(service.executable.substr(0, slash)) != std::string::npos);
  }
}

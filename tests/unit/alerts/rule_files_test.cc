#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "collector/alerts/rule_files.h"
#include "tests/unit/alerts/temp_dir.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using test::TempDir;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("rule files of a directory are read in the order of their names, other files are not") {
  const TempDir dir;
  write(dir / "b.yaml", "[]");
  write(dir / "a.yml", "# a");
  write(dir / "notes.txt", "x");
  const auto files = read_rule_files(dir.path());
  REQUIRE(files.ok());
  REQUIRE(files->size() == 2);
  CHECK((*files)[0].name == dir / "a.yml");
  CHECK((*files)[0].text == "# a");
  CHECK((*files)[1].name == dir / "b.yaml");
}

TEST_CASE("one file can be named instead of a directory") {
  const TempDir dir;
  write(dir / "mine", "[]");
  const auto files = read_rule_files(dir / "mine");
  REQUIRE(files.ok());
  CHECK(files->size() == 1);
}

TEST_CASE("rules that cannot be read are an error with the path") {
  const TempDir dir;
  CHECK(read_rule_files(dir / "none").status().code() == absl::StatusCode::kNotFound);
  CHECK(read_rule_files(dir.path()).status().code() == absl::StatusCode::kNotFound);
  write(dir / "big.yaml", std::string((1u << 20) + 1, ' '));
  const auto big = read_rule_files(dir.path());
  CHECK_THAT(std::string(big.status().message()), Catch::Contains("big.yaml") && Catch::Contains("1 MiB"));
  std::filesystem::remove(dir / "big.yaml");
  std::filesystem::create_directory(dir / "dir.yaml");
  CHECK(read_rule_files(dir.path()).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("the shipped rules are read and compile") {
  const auto files = read_rule_files(test::source_dir() + "/collector/rules");
  REQUIRE(files.ok());
  const auto rules = detect::compile_rules(*files);
  INFO(rules.status().message());
  REQUIRE(rules.ok());
  CHECK((*rules)->rules().size() > 7);
}

}  // namespace bulkhead::alerts

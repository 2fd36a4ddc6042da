#include <catch2/catch.hpp>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "collector/ctl/commands.h"
#include "collector/detect/fields.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::test {

namespace {

struct Ran {
  int status = 0;
  std::string out;
  std::string errors;
};

Ran run(std::vector<std::string> words) {
  std::ostringstream out, errors;
  const int status = ctl::run(words, out, errors, 120);
  return {status, out.str(), errors.str()};
}

// A rule file in a folder of its own.
class File {
 public:
  explicit File(const std::string& text) {
    char name[] = "/tmp/bulkhead-rules-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder_ = name;
    std::ofstream(path()) << text;
  }
  ~File() { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/mine.yaml"; }

 private:
  std::string folder_;
};

const std::string kRule =
    "- rule: MINE-01\n  desc: d\n  output: o\n  priority: HIGH\n  condition: loss.count > 2\n"
    "  tests:\n    - {name: three, event: {loss: {count: 3}}, fires: true}\n"
    "    - {name: two, event: {loss: {count: 2}}, fires: ";

std::ptrdiff_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("rules fields documents every field with its type and values") {
  const Ran table = run({"rules", "fields"});
  CHECK(table.status == 0);
  for (const detect::Field& field : detect::fields())
    CHECK(table.out.find(std::string(field.name) + " ") != std::string::npos);
  CHECK(table.out.find("process_vm_read, process_vm_write") != std::string::npos);
  const Ran json = run({"rules", "fields", "--format", "json"});
  CHECK(json.status == 0);
  CHECK(lines(json.out) == static_cast<std::ptrdiff_t>(detect::fields().size()));
  CHECK(json.out.find(R"({"name":"actor.lineage.exe","type":"list",)") != std::string::npos);
}

TEST_CASE("rules test of the shipped rules passes without a collector") {
  const Ran table = run({"rules", "test", "--collector", "127.0.0.1:1"});
  INFO(table.out);
  CHECK(table.status == 0);
  CHECK(table.out.find("tests passed\n") != std::string::npos);
}

TEST_CASE("rules test exits 1 when a test fails, and says which and where") {
  const File good(kRule + "false}\n"), bad(kRule + "true}\n");
  CHECK(run({"rules", "test", good.path()}).status == 0);
  const Ran failed = run({"rules", "test", bad.path()});
  CHECK(failed.status == 1);
  CHECK(failed.out.find("the rule does not fire, and should: two") != std::string::npos);
  CHECK(failed.out.find("1 of 2 tests passed") != std::string::npos);
  const Ran json = run({"rules", "test", bad.path(), "--format=json"});
  CHECK(json.status == 1);
  CHECK(json.out.find(R"("rule":"MINE-01","test":"two","passed":false)") != std::string::npos);
}

TEST_CASE("rules check exits 1 for errors, and tells all of them") {
  const File bad("- rule: X\n  desc: d\n  output: o\n  priority: HIHG\n  condition: actor.pidd = 1\n");
  const Ran checked = run({"rules", "check", bad.path()});
  CHECK(checked.status == 1);
  CHECK(checked.out.find("mine.yaml:4:13: 'HIHG' is no priority; did you mean 'HIGH'?") != std::string::npos);
  CHECK(checked.out.find("mine.yaml:5:14: unknown field 'actor.pidd'") != std::string::npos);
  CHECK(lines(run({"rules", "check", bad.path(), "--format=json"}).out) == 2);
  const Ran shipped = run({"rules", "check"});
  CHECK(shipped.status == 0);
  CHECK(shipped.out.find("no errors: ") == 0);
}

TEST_CASE("rules list shows rules of several files, with what an override changed") {
  const File base(kRule + "false}\n");
  const File change("- rule: MINE-01\n  override: {enabled: replace}\n  enabled: false\n");
  const Ran listed = run({"rules", "list", base.path(), change.path(), "--format", "json"});
  CHECK(listed.status == 0);
  CHECK(lines(listed.out) == 1);
  CHECK(listed.out.find(R"("id":"MINE-01")") != std::string::npos);
  CHECK(listed.out.find(R"("enabled":false)") != std::string::npos);
  CHECK(listed.out.find(R"("tests":2)") != std::string::npos);
  CHECK(run({"rules", "list"}).out.find("MEM-01") != std::string::npos);
}

TEST_CASE("wrong usage of rules exits 2") {
  CHECK(run({"rules"}).status == 2);
  CHECK(run({"rules", "chek"}).errors.find("expected 'rules list PATH...'") != std::string::npos);
  CHECK(run({"rules", "fields", "x"}).status == 2);
  CHECK(run({"rules", "check", "--follow"}).errors.find("rules check does not take --follow") != std::string::npos);
  const Ran missing = run({"rules", "check", "/nonexistent/rules"});
  CHECK(missing.status == 2);
  CHECK(missing.errors.find("/nonexistent/rules") != std::string::npos);
}

}  // namespace bulkhead::test

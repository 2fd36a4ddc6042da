#include <catch2/catch.hpp>

#include <string>

#include "collector/detect/fields.h"
#include "collector/detect/operators.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::detect {
namespace {

// What docs/rules.md has between <!-- name --> and <!-- end -->.
std::string documented(const std::string& name) {
  const std::string text = test::read_file(test::source_dir() + "/docs/rules.md");
  const std::string mark = "<!-- " + name + " -->\n";
  const std::size_t begin = text.find(mark);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = text.find("<!-- end -->", begin);
  REQUIRE(end != std::string::npos);
  return text.substr(begin + mark.size(), end - begin - mark.size());
}

}  // namespace

TEST_CASE("docs/rules.md lists the fields that the code has") {
  std::string table = "| field | type | what it is |\n|---|---|---|\n";
  for (const Field& field : fields()) {
    table += "| `" + std::string(field.name) + "` | " + std::string(type_name(field.type)) + " | " +
             std::string(field.description);
    std::string separator = ": ";
    for (const auto& [name, number] : field.choices) {
      table += separator + "`" + name + "`";
      separator = ", ";
    }
    table += " |\n";
  }
  CHECK(documented("fields") == table);
}

TEST_CASE("docs/rules.md lists the operators that the code has") {
  std::string table = "| operator | for | true when the left side |\n|---|---|---|\n";
  for (const Operator& op : operators()) {
    std::string types;
    for (const Type type : {Type::kText, Type::kTenant, Type::kNumber, Type::kFlag, Type::kChoice, Type::kList}) {
      if ((op.types & type_bit(type)) != 0) types += (types.empty() ? "" : ", ") + std::string(type_name(type));
    }
    table += "| `" + std::string(op.spelling) + "` | " + types + " | " + std::string(op.description) + " |\n";
  }
  CHECK(documented("operators") == table);
}

}  // namespace bulkhead::detect

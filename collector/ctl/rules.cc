#include "collector/ctl/rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/alerts/rule_files.h"
#include "collector/ctl/text.h"
#include "collector/detect/fields.h"
#include "collector/detect/rule_tests.h"

namespace bulkhead::ctl {

namespace {

using Json = nlohmann::ordered_json;

void print_json(const Json& object, std::ostream& out) {
  // Names of files need not be UTF-8.
  out << object.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

void show_fields(Format format, const Output& output) {
  std::size_t names = 0;
  for (const detect::Field& field : detect::fields()) names = std::max(names, field.name.size());
  constexpr std::size_t kTypeColumns = 8;
  const std::size_t indent = names + kTypeColumns + 2;
  for (const detect::Field& field : detect::fields()) {
    std::vector<std::string> choices;
    for (const auto& [name, number] : field.choices) choices.push_back(name);
    if (format == Format::kJson) {
      Json object = {{"name", field.name}, {"type", detect::type_name(field.type)}, {"description", field.description}};
      if (!choices.empty()) object["values"] = choices;
      print_json(object, output.out);
      continue;
    }
    const std::string text =
        absl::StrCat(std::string(field.description), choices.empty() ? "" : ": ", absl::StrJoin(choices, ", "));
    std::string head = std::string(field.name) + std::string(names + 2 - field.name.size(), ' ') +
                       std::string(detect::type_name(field.type));
    for (const std::string& line : wrap(text, std::max<std::size_t>(output.page, indent + 30) - indent)) {
      output.out << head << std::string(indent - head.size(), ' ') << line << '\n';
      head.clear();
    }
  }
}

absl::StatusOr<std::vector<detect::RuleFile>> read_files(const std::vector<std::string>& paths) {
  std::vector<detect::RuleFile> files;
  for (const std::string& path : paths.empty() ? std::vector<std::string>{alerts::default_rules()} : paths) {
    auto some = alerts::read_rule_files(path);
    // Whatever it is, it is the argument that is wrong.
    if (!some.ok()) return absl::InvalidArgumentError(some.status().message());
    for (detect::RuleFile& file : *some) files.push_back(std::move(file));
  }
  return files;
}

void print_errors(const absl::Status& status, Format format, std::ostream& out) {
  const std::vector<std::string> lines = absl::StrSplit(std::string(status.message()), '\n');
  for (const std::string& line : lines) {
    if (format == Format::kJson) {
      print_json({{"error", line}}, out);
    } else {
      out << printable(line) << '\n';
    }
  }
}

std::string severity(const detect::RuleInfo& rule) {
  return v1::Severity_Name(rule.reference.severity()).substr(std::string_view("SEVERITY_").size());
}

std::size_t tests_of(const detect::RuleSet& rules, std::size_t index) {
  return static_cast<std::size_t>(std::ranges::count(rules.tests(), index, &detect::RuleTest::rule));
}

std::string state(const detect::RuleInfo& rule) {
  if (!rule.enabled) return "off";
  return rule.alert ? "on" : "no alert";
}

void list_rules(const detect::RuleSet& rules, Format format, const Output& output) {
  Table table({{.title = "RULE"},
               {.title = "KIND"},
               {.title = "PRIORITY"},
               {.title = "STATE"},
               {.title = "TESTS", .align = Align::kRight},
               {.title = "TITLE", .least = 20},
               {.title = "FILE", .least = 12}});
  for (std::size_t i = 0; i < rules.rules().size(); ++i) {
    const detect::RuleInfo& rule = rules.rules()[i];
    const v1::RuleReference& reference = rule.reference;
    const char* kind = rule.correlation ? "correlation" : "rule";
    if (format == Format::kTable) {
      table.add({reference.id(), kind, severity(rule), state(rule), absl::StrCat(tests_of(rules, i)), reference.title(),
                 absl::StrCat(rule.file, ":", rule.line)});
      continue;
    }
    const auto texts = [](const auto& all) { return std::vector<std::string>(all.begin(), all.end()); };
    print_json({{"id", reference.id()},
                {"kind", kind},
                {"title", reference.title()},
                {"description", reference.description()},
                {"priority", severity(rule)},
                {"enabled", rule.enabled},
                {"alert", rule.alert},
                {"tests", tests_of(rules, i)},
                {"tags", texts(reference.tags())},
                {"attacks", texts(reference.attacks())},
                {"controls", texts(reference.controls())},
                {"remediation", reference.remediation()},
                {"file", rule.file},
                {"line", rule.line}},
               output.out);
  }
  if (format == Format::kTable) output.out << table.text(output.page);
}

bool test_rules(const std::shared_ptr<const detect::RuleSet>& rules, Format format, const Output& output) {
  Table table(
      {{.title = "RULE"}, {.title = "RESULT"}, {.title = "TEST", .least = 30}, {.title = "WHERE", .least = 12}});
  std::size_t passed = 0;
  std::set<const detect::RuleInfo*> tested;
  const auto results = detect::run_rule_tests(rules);
  for (const detect::RuleTestResult& result : results) {
    const bool good = result.failure.empty();
    passed += good ? 1 : 0;
    tested.insert(result.rule);
    if (format == Format::kJson) {
      print_json({{"rule", result.rule->reference.id()},
                  {"test", result.test->name},
                  {"passed", good},
                  {"failure", result.failure},
                  {"file", result.rule->file},
                  {"line", result.test->line}},
                 output.out);
    } else {
      table.add({result.rule->reference.id(), good ? "passed" : "failed",
                 good ? result.test->name : absl::StrCat(result.failure, ": ", result.test->name),
                 absl::StrCat(result.rule->file, ":", result.test->line)});
    }
  }
  if (format == Format::kTable) {
    output.out << table.text(output.page) << passed << " of " << results.size() << " tests passed";
    const std::size_t untested = rules->rules().size() - tested.size();
    output.out << (untested == 0 ? std::string() : absl::StrCat("; rules without a test: ", untested)) << '\n';
  }
  return passed == results.size();
}

}  // namespace

absl::StatusOr<bool> show_rules(const Arguments& arguments, const Output& output) {
  const std::string& what = arguments.words.at(0);
  if (what == "fields") {
    show_fields(arguments.format, output);
    return true;
  }
  const auto files = read_files({arguments.words.begin() + 1, arguments.words.end()});
  if (!files.ok()) return files.status();
  const auto rules = detect::compile_rules(*files);
  if (!rules.ok()) {
    print_errors(rules.status(), arguments.format, output.out);
    return false;
  }
  if (what == "list") list_rules(**rules, arguments.format, output);
  if (what == "test") return test_rules(*rules, arguments.format, output);
  if (what == "check" && arguments.format == Format::kTable) {
    output.out << "no errors: " << (*rules)->rules().size() << " rules with " << (*rules)->tests().size()
               << " tests in " << files->size() << " files\n";
  }
  return true;
}

}  // namespace bulkhead::ctl

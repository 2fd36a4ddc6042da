#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "collector/detect/rule_set.h"

namespace bulkhead::detect {
namespace {

std::string error_of(const std::string& text) {
  const RuleFile file{"t.yaml", text};
  const auto rules = compile_rules(std::span(&file, 1));
  REQUIRE_FALSE(rules.ok());
  REQUIRE(rules.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(rules.status().message());
}

std::string rule_text(const std::string& condition) {
  return "- rule: R\n  desc: d\n  output: o\n  priority: HIGH\n  condition: " + condition + "\n";
}

using Catch::Contains;

}  // namespace

TEST_CASE("an unknown key is refused with its place and the nearest valid one") {
  CHECK(error_of("- rule: R\n  desc: d\n  conditon: x\n  output: o\n  priority: HIGH\n") ==
        "t.yaml:3:3: a rule has no key 'conditon'; did you mean 'condition'?\n"
        "t.yaml:1:3: this rule lacks the key 'condition'");
  CHECK_THAT(error_of("- macro: m\n  condition: x.y\n  items: []\n"),
             Contains("t.yaml:3:3: a macro has no key 'items'"));
}

TEST_CASE("a misspelt field is named at its place, with the nearest valid one") {
  CHECK(error_of(rule_text("actor.pid = 1 and actor.tennant = x")) ==
        "t.yaml:5:32: unknown field 'actor.tennant'; did you mean 'actor.tenant'?");
}

TEST_CASE("places are right in folded, literal and quoted conditions") {
  const std::string head = "- rule: R\n  desc: d\n  output: o\n  priority: HIGH\n  condition: ";
  CHECK_THAT(error_of(head + ">\n    actor.pid = 1\n\n    and  actor.foo = 2\n"),
             Contains("t.yaml:8:10: unknown field"));
  CHECK_THAT(error_of(head + "|\n    actor.pid = 1\n    and actor.foo = 2\n"), Contains("t.yaml:7:9: unknown field"));
  CHECK_THAT(error_of(head + "'actor.pid = 1\n    and actor.foo = 2'\n"), Contains("t.yaml:6:9: unknown field"));
  CHECK_THAT(error_of(head + "actor.pid = 1\n    and actor.foo = 2\n"), Contains("t.yaml:6:9: unknown field"));
  CHECK_THAT(error_of(head + "\"actor.pid\\x20= 1 and actor.foo = 2\"\n"), Contains("t.yaml:5:14: unknown field"));
}

TEST_CASE("a misspelt operator is named, with the nearest valid one") {
  CHECK(error_of(rule_text("actor.exe contain gdb")) ==
        "t.yaml:5:24: expected an operator, 'and', 'or' or the end of the condition, found 'contain'; did you mean "
        "'contains'?");
}

TEST_CASE("syntax errors say what was expected and where") {
  CHECK(error_of(rule_text("actor.pid = ")) == "t.yaml:5:25: expected a value");
  CHECK(error_of(rule_text("(actor.pid = 1")) == "t.yaml:5:28: expected ')'");
  CHECK(error_of(rule_text("actor.pid = 1)")) ==
        "t.yaml:5:27: expected an operator, 'and', 'or' or the end of the condition");
  CHECK(error_of(rule_text("actor.pid = 1 and")) == "t.yaml:5:31: expected a condition");
  CHECK(error_of(rule_text("not")) == "t.yaml:5:17: expected a condition");
  CHECK(error_of(rule_text("actor.pid in ()")) == "t.yaml:5:28: expected a value");
  CHECK_THAT(error_of(rule_text("actor.exe = 'x")), Contains("t.yaml:"));
  CHECK_THAT(error_of(rule_text("''")), Contains("expected a condition"));
}

TEST_CASE("types are checked") {
  CHECK_THAT(error_of(rule_text("actor.exe < 5")),
             Contains("'<' does not fit the text field 'actor.exe'; it fits number"));
  CHECK_THAT(error_of(rule_text("actor.pid = gdb")),
             Contains("t.yaml:5:26: expected a number for 'actor.pid', found 'gdb'"));
  CHECK_THAT(error_of(rule_text("actor.pid = 12x")), Contains("expected a number"));
  CHECK_THAT(error_of(rule_text("actor.trusted = yes")), Contains("expected true or false"));
  CHECK_THAT(error_of(rule_text("memory.operation = proces_vm_read")), Contains("did you mean 'process_vm_read'?"));
  CHECK_THAT(error_of(rule_text("actor.pid")), Contains("t.yaml:5:23: expected an operator after the number field"));
  CHECK_THAT(error_of(rule_text("actor.pid = actor.exe")), Contains("cannot be compared with the text field"));
  CHECK_THAT(error_of(rule_text("actor.exe = actor.ex")),
             Contains("did you mean 'actor.exe'? (a text of this form needs quotes)"));
  CHECK_THAT(error_of(rule_text("actor.exe = ''")), Contains("write 'not actor.exe exists'"));
  CHECK_THAT(error_of("- list: l\n  items: [1, x]\n" + rule_text("actor.pid in (l)")),
             Contains("the list 'l': expected a number"));
}

TEST_CASE("an unknown macro is named with the nearest one") {
  CHECK_THAT(error_of("- macro: refused\n  condition: actor.pid = 1\n" + rule_text("refusd")),
             Contains("unknown macro 'refusd'; did you mean 'refused'?"));
}

TEST_CASE("macros and lists that contain themselves are refused") {
  CHECK_THAT(error_of("- macro: a\n  condition: b\n- macro: b\n  condition: not a\n"), Contains("contains itself"));
  CHECK_THAT(error_of("- list: a\n  items: [b]\n- list: b\n  items: [a]\n"), Contains("contains itself"));
}

TEST_CASE("a name that is defined twice is refused, with the first place") {
  CHECK_THAT(error_of(rule_text("actor.pid = 1") + rule_text("actor.pid = 2")),
             Contains("t.yaml:6:9: the rule 'R' is defined already at t.yaml:1:9"));
  CHECK_THAT(error_of("- list: a\n  items: []\n- list: a\n  items: []\n"), Contains("defined already at t.yaml:1:9"));
}

TEST_CASE("priorities, techniques, outputs and names are checked") {
  const std::string base = "- rule: R\n  desc: d\n  condition: actor.pid = 1\n";
  CHECK_THAT(error_of(base + "  output: o\n  priority: HIHG\n"),
             Contains("'HIHG' is no priority; did you mean 'HIGH'?"));
  CHECK_THAT(error_of(base + "  output: o\n  priority: HIGH\n  attacks: [T12]\n"),
             Contains("no MITRE ATT&CK technique"));
  CHECK_THAT(error_of(base + "  output: of %actor.nam now\n  priority: HIGH\n"),
             Contains("t.yaml:4:14: unknown field '%actor.nam'"));
  CHECK_THAT(error_of("- macro: in\n  condition: actor.pid = 1\n"), Contains("is a word of the language"));
  CHECK_THAT(error_of("- macro: a.b\n  condition: actor.pid = 1\n"), Contains("has only letters"));
  CHECK_THAT(error_of(base + "  output: o\n  priority: HIGH\n  enabled: yes\n"), Contains("expected true or false"));
}

TEST_CASE("what is no rule file is refused with a place") {
  CHECK_THAT(error_of("a: b\n"), Contains("t.yaml:1:1: expected a list of rules, correlations, macros and lists"));
  CHECK_THAT(error_of("- 5\n"), Contains("expected a rule, a correlation, a macro or a list"));
  CHECK_THAT(error_of("- rule: a\n  macro: b\n"), Contains("exactly one of the keys"));
  CHECK_THAT(error_of("- rule: [a\n"), Contains("t.yaml:2:"));
  CHECK_THAT(error_of("[]\n---\n- x: 1\n"), Contains("t.yaml:2:1: expected the end of the file"));
  CHECK_THAT(error_of(std::string((1u << 20) + 1, ' ')), Contains("larger than 1 MiB"));
}

TEST_CASE("what follows a document is refused, and reading it ends") {
  // Found by fuzzing: yaml-cpp's LoadAll() makes empty documents of this without end.
  CHECK_THAT(error_of("# c\n- macro: a\n  condition: actor.pid = 1\n\n# d\n,- macro: b o a\n\n- macro: c\n"),
             Contains("expected the end of the file"));
}

TEST_CASE("all errors of all files are told at once, up to a bound") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "- macro: m" + std::to_string(i) + "\n  condition: actor.x = 1\n";
  const std::string error = error_of(text);
  CHECK(std::count(error.begin(), error.end(), '\n') == 20);
  CHECK_THAT(error, Contains("and 10 more errors"));
}

TEST_CASE("control characters of a rule file do not reach the terminal") {
  CHECK_THAT(error_of(rule_text("\"\\e[31mx\"")), !Contains("\x1b"));
}

TEST_CASE("nesting is bounded") {
  const std::string open(100, '('), close(100, ')');
  CHECK_THAT(error_of(rule_text(open + "actor.pid = 1" + close)), Contains("parentheses are nested more than 64 deep"));
  CHECK_THAT(error_of(rule_text(std::string(60000, '('))), Contains("nested more than 64 deep"));
  std::string nots;
  for (int i = 0; i < 10000; ++i) nots += "not ";
  const RuleFile deep{"t.yaml", rule_text(nots + "actor.pid = 1")};
  CHECK(compile_rules(std::span(&deep, 1)).ok());
}

TEST_CASE("macros that multiply cannot make a condition that never ends") {
  std::string text = "- macro: m0\n  condition: actor.pid = 1\n";
  for (int i = 1; i <= 60; ++i) {
    const std::string before = "m" + std::to_string(i - 1);
    text += "- macro: m" + std::to_string(i) + "\n  condition: " + before + " or " + before + "\n";
  }
  CHECK_THAT(error_of(text), Contains("more than 20000 tests"));
}

TEST_CASE("lists that multiply cannot fill the memory") {
  std::string text = "- list: l0\n  items: [a, b]\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string before = "l" + std::to_string(i - 1);
    text += "- list: l" + std::to_string(i) + "\n  items: [" + before + ", " + before + "]\n";
  }
  CHECK_THAT(error_of(text), Contains("makes more than") || Contains("nested more than"));
}

TEST_CASE("a regular expression that is wrong or too big is refused at its place") {
  CHECK(error_of(rule_text("actor.exe regex '/usr/(bin'")) ==
        "t.yaml:5:31: not a regular expression that can be used: missing ): /usr/(bin");
  CHECK_THAT(error_of(rule_text("actor.exe regex 'ab[z-a]'")), Contains("t.yaml:5:34: not a regular expression"));
  CHECK_THAT(error_of(rule_text("actor.exe regex '(((a{100}){100}){100}){100}'")), Contains("t.yaml:5:"));
  CHECK_THAT(error_of(rule_text("actor.exe regex '((((\\w{30}){30}){30}.*){9}'")), Contains("t.yaml:5:"));
  CHECK_THAT(error_of(rule_text("actor.exe regex '" + std::string(5000, 'a') + "'")), Contains("longer than 4096"));
  CHECK_THAT(error_of(rule_text("actor.exe regex '(abcdefghijklmnopqrstuvwxyz){1000}'")),
             Contains("pattern too large"));
  CHECK_THAT(error_of(rule_text("actor.exe regex actor.parent.exe")), Contains("takes an expression, not a field"));
}

TEST_CASE("path prefixes and lists are checked") {
  for (const char* path : {"srv", "srv/a", "/srv//a", "/srv/../etc", "/./a", "/srv//"}) {
    CHECK_THAT(error_of(rule_text(std::string("actor.exe pmatch (/usr, ") + path + ")")),
               Contains("t.yaml:5:38: '" + std::string(path) + "' is no absolute path"));
  }
  CHECK_THAT(error_of(rule_text("actor.lineage.exe = /bin/sh")), Contains("'=' does not fit the list field"));
  CHECK_THAT(error_of(rule_text("actor.exe intersects (/bin/sh)")), Contains("it fits list"));
  CHECK_THAT(error_of(rule_text("actor.tenant pmatch (/bin/sh)")), Contains("it fits text"));
}

}  // namespace bulkhead::detect

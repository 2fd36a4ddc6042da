// Rule files that are too large, too deep, contradictory or no text: each is refused at its place, and soon.
#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;

double seconds_of(const std::function<void()>& act) {
  const auto begin = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a rule file of 10 MB is refused without reading it") {
  const std::string text = repeated(rule_text("actor.pid = 1"), 10'000'000 / 72);
  REQUIRE(text.size() > 9'000'000);
  CHECK(seconds_of([&] { CHECK(error_of(text) == "t.yaml:1:1: the file is larger than 1 MiB"); }) < 1);
}

TEST_CASE("5,000 rules are compiled in seconds and judge as one does") {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += "- {rule: R" + std::to_string(i) +
            ", desc: d, output: o, priority: LOW, condition: actor.pid = " + std::to_string(i) +
            " and event.cross_tenant}\n";
  }
  REQUIRE(text.size() < 1u << 20);
  std::shared_ptr<const detect::RuleSet> rules;
  CHECK(seconds_of([&] { rules = compiled(text); }) < 20);
  const auto findings = detect::Engine(rules).evaluate(memory_event(v1::MEMORY_OPERATION_PTRACE));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].rule->reference.id() == "R4711");
}

TEST_CASE("nesting 10,000 deep is refused, whatever nests") {
  constexpr int kDeep = 10'000;
  CHECK(error_of(rule_text(repeated("(", kDeep) + "actor.pid = 1" + repeated(")", kDeep))) ==
        "t.yaml:5:78: parentheses are nested more than 64 deep");
  CHECK_THAT(error_of(repeated("[", kDeep) + repeated("]", kDeep)), Contains("t.yaml:1:"));
  CHECK_THAT(error_of(repeated("{a: ", kDeep) + "1" + repeated("}", kDeep)), Contains("t.yaml:1:"));
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "-\n";
  CHECK_THAT(error_of(block), Contains("t.yaml:"));
  std::string macros = "- macro: m0\n  condition: actor.pid = 1\n";
  for (int i = 1; i < 5000; ++i) {
    macros += "- macro: m" + std::to_string(i) + "\n  condition: not m" + std::to_string(i - 1) + "\n";
  }
  CHECK_THAT(error_of(macros), Contains("macros are nested more than 64 deep") || Contains("is more than"));
}

TEST_CASE("macros and lists in a circle are refused where the circle closes") {
  CHECK(error_of("- macro: a\n  condition: actor.pid = 1 and a\n") == "t.yaml:2:32: the macro 'a' contains itself");
  std::string circle;
  for (int i = 0; i < 50; ++i) {
    circle += "- macro: m" + std::to_string(i) + "\n  condition: m" + std::to_string((i + 1) % 50) + "\n";
  }
  CHECK_THAT(error_of(circle), Contains("contains itself"));
}

TEST_CASE("a byte that is no UTF-8 is refused at its place, anywhere") {
  CHECK(error_of("- rule: R\n  desc: \xff\n") == "t.yaml:2:9: a byte that is no UTF-8");
  CHECK_THAT(error_of("# \xc0\xaf\n" + rule_text("actor.pid = 1")), Contains("t.yaml:1:3: a byte that is no UTF-8"));
  CHECK_THAT(error_of(rule_text("actor.exe = \"\xed\xa0\x80\"")), Contains("t.yaml:5:27: a byte that is no UTF-8"));
  CHECK_THAT(error_of(std::string("\xff\xfe", 2) + std::string("-\0 \0", 4)), Contains("t.yaml:1:1: a byte"));
}

TEST_CASE("aliases cannot make more of a file than memory has") {
  std::string list = "- list: l\n  items: &all [";
  for (int i = 0; i < 10000; ++i) list += "x,";
  list += "x]\n";
  for (int i = 0; i < 5000; ++i) list += "- {list: l" + std::to_string(i) + ", items: *all}\n";
  CHECK_THAT(error_of(list), Contains("with its aliases written out, the file makes more than 64 MiB"));
  std::string tests = rule_text("actor.pid = 1", "  tests:\n    - &t {name: t, fires: true, event: {loss: {}}}\n");
  for (int i = 0; i < 15000; ++i) tests += "    - *t\n";
  for (int i = 0; i < 50; ++i) {
    tests +=
        "- {rule: R" + std::to_string(i) + ", desc: d, output: o, priority: LOW, condition: actor.pid = 1, tests: [";
    for (int j = 0; j < 2000; ++j) tests += "*t,";
    tests += "]}\n";
  }
  CHECK_THAT(error_of(tests), Contains("the file makes more than 64 MiB"));
}

TEST_CASE("a regular expression that explodes is refused before it is used") {
  for (const char* bomb : {"((a{1000}){1000}){1000}", "(x+x+)+{999}y", "((((a{30}){30}){30}){30}){30}",
                           "(abcdefghijklmnopqrstuvwxyz|.*.*.*){1000}"}) {
    INFO(bomb);
    const std::string text = rule_text("actor.exe regex '" + std::string(bomb) + "'");
    CHECK(seconds_of(
              [&] { CHECK_THAT(error_of(text), Contains("t.yaml:5:3") && Contains("not a regular expression")); }) < 2);
  }
  std::string many;
  for (int i = 0; i < 1001; ++i) many += (i == 0 ? "" : " or ") + ("actor.exe regex a" + std::to_string(i));
  CHECK_THAT(error_of(rule_text(many)), Contains("more than 1000 regular expressions"));
}

TEST_CASE("what contradicts itself is refused") {
  CHECK_THAT(error_of(rule_text("actor.pid = 1", "  enabled: true\n  enabled: false\n")), Contains("is there twice"));
  CHECK_THAT(error_of("- rule: a\n  macro: b\n"), Contains("exactly one of the keys"));
  CHECK_THAT(error_of(rule_text("actor.pid = 1") + "- rule: R\n  override: {condition: append, condition: replace}\n"
                                                   "  condition: actor.pid = 2\n"),
             Contains("is there twice"));
  CHECK_THAT(error_of(rule_text("actor.pid = 1") +
                      "- {correlation: R, desc: d, output: o, priority: LOW, type: event_count, rules: [R], group-by: "
                      "[actor.pid], timespan: 1m, condition: {gte: 1}}\n"),
             Contains("the rule 'R' is defined already"));
}

}  // namespace bulkhead::test

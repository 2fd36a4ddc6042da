#include <catch2/catch.hpp>

#include <string>

#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;

const v1::Event kRead = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);

std::string appended(const std::string& condition) {
  return "- rule: R\n  override: {condition: append}\n  condition: " + condition + "\n";
}

const std::string kEither = rule_text("actor.pid = 4711 or actor.pid = 1");

}  // namespace

TEST_CASE("an appended condition narrows the rule as one unit") {
  CHECK(fires(kEither + appended("and actor.uid = 0"), kRead));
  CHECK_FALSE(fires(kEither + appended("and actor.uid = 5"), kRead));
  CHECK_FALSE(fires(kEither + appended("actor.uid = 5"), kRead));
  CHECK_FALSE(fires(kEither + appended("and not actor.exe = /usr/bin/gdb"), kRead));
  // Its own `or` stays inside: (pid or pid) and (uid 5 or uid 6).
  CHECK_FALSE(fires(kEither + appended("and actor.uid = 5 or actor.uid = 6"), kRead));
  CHECK_FALSE(fires(rule_text("actor.pid = 1") + appended("and actor.uid = 0 or actor.uid = 0"), kRead));
  CHECK(fires(kEither + appended("actor.uid = 0") + appended("and actor.login_uid = 1000"), kRead));
  CHECK_FALSE(fires(kEither + appended("actor.uid = 0") + appended("and actor.login_uid = 1"), kRead));
}

TEST_CASE("what could widen a condition by accident is refused at its place") {
  CHECK_THAT(error_of(kEither + appended("or actor.uid = 0")),
             Contains("t.yaml:8:14: an appended condition can only narrow the rule"));
  CHECK_THAT(error_of(kEither + appended(">\n    or actor.uid = 0")), Contains("t.yaml:9:5: an appended condition"));
  CHECK_THAT(error_of(kEither + appended("and actor.uid = 0) or (actor.uid = 1")),
             Contains("t.yaml:8:31: expected an operator"));
  CHECK_THAT(error_of(kEither + appended("and (actor.uid = 0")), Contains("t.yaml:8:32: expected ')'"));
  CHECK_THAT(error_of(kEither + appended("and actor.uidd = 0")), Contains("t.yaml:8:18: unknown field"));
  CHECK_THAT(error_of(kEither + appended("and")), Contains("expected a condition"));
}

TEST_CASE("names that begin like a word of the language are names") {
  const std::string macros =
      "- macro: orphan\n  condition: actor.uid = 0\n- macro: android\n  condition: actor.uid = 5\n";
  CHECK(fires(macros + kEither + appended("orphan"), kRead));
  CHECK_FALSE(fires(macros + kEither + appended("android"), kRead));
}

TEST_CASE("a replaced condition is the rule's condition, also after appended ones") {
  const std::string replace = "- rule: R\n  override: {condition: replace}\n  condition: actor.uid = 0\n";
  CHECK(fires(rule_text("actor.pid = 1") + replace, kRead));
  CHECK(fires(rule_text("actor.pid = 1") + appended("actor.pid = 2") + replace, kRead));
  CHECK_FALSE(fires(rule_text("actor.pid = 1") + replace + appended("actor.pid = 2"), kRead));
}

TEST_CASE("an override may stand before its rule and changes what it names") {
  const auto rules = compiled(
      "- rule: R\n  override: {priority: replace, tags: append, title: replace}\n  priority: LOW\n  tags: [b]\n  "
      "title: t\n" +
      rule_text("actor.pid = 4711", "  tags: [a]\n"));
  REQUIRE(rules->rules().size() == 1);
  const v1::RuleReference& reference = rules->rules()[0].reference;
  CHECK(reference.severity() == v1::SEVERITY_LOW);
  CHECK(reference.title() == "t");
  CHECK(reference.description() == "d");
  REQUIRE(reference.tags_size() == 2);
  CHECK(reference.tags(1) == "b");
  const std::string off = "- rule: R\n  override: {enabled: replace}\n  enabled: false\n";
  CHECK_FALSE(fires(kEither + off, kRead));
}

TEST_CASE("appended exceptions add values to those of their name") {
  const std::string base =
      rule_text("actor.pid = 4711", "  exceptions:\n    - {name: e, fields: actor.exe, values: [/usr/bin/strace]}\n");
  const auto change = [](const std::string& mode, const std::string& exception) {
    return "- rule: R\n  override: {exceptions: " + mode + "}\n  exceptions: [" + exception + "]\n";
  };
  CHECK(fires(base, kRead));
  CHECK_FALSE(fires(base + change("append", "{name: e, values: [/usr/bin/gdb]}"), kRead));
  CHECK_FALSE(fires(base + change("append", "{name: f, fields: actor.uid, values: [0]}"), kRead));
  CHECK(fires(base + change("append", "{name: e, values: [/usr/bin/gdb]}") +
                  change("replace", "{name: e, fields: actor.exe, values: [/usr/bin/strace]}"),
              kRead));
  CHECK_THAT(error_of(base + change("append", "{name: e, fields: actor.uid, values: [0]}")),
             Contains("the exception 'e' at t.yaml:7:14 has other fields or comps"));
}

TEST_CASE("an override of what does not exist is refused with the nearest name") {
  CHECK_THAT(error_of(rule_text("actor.pid = 1") + "- rule: MEM-1\n  override: {enabled: replace}\n  enabled: false\n" +
                      "- rule: MEM-01\n  desc: d\n  output: o\n  priority: LOW\n  condition: actor.pid = 2\n"),
             Contains("t.yaml:6:9: there is no rule 'MEM-1' to override; did you mean 'MEM-01'?"));
}

TEST_CASE("an item with override names exactly the keys that it changes, and how") {
  const std::string head = kEither + "- rule: R\n";
  CHECK_THAT(error_of(head + "  override: {condition: append}\n  condition: actor.uid = 0\n  enabled: false\n"),
             Contains("'enabled' is given, and 'override' does not say whether to append or replace it"));
  CHECK_THAT(error_of(head + "  override: {condition: append}\n"),
             Contains("has no key 'condition' to override it with"));
  CHECK_THAT(error_of(head + "  override: {conditon: append}\n  condition: actor.uid = 0\n"),
             Contains("'conditon' is nothing that can be overridden; did you mean 'condition'?"));
  CHECK_THAT(error_of(head + "  override: {condition: appended}\n  condition: actor.uid = 0\n"),
             Contains("expected append or replace, found 'appended'"));
  CHECK_THAT(error_of(head + "  override: {priority: append}\n  priority: LOW\n"),
             Contains("'priority' can only be replaced"));
  CHECK_THAT(error_of(head + "  override: x\n"), Contains("expected a key and append or replace"));
  CHECK_THAT(error_of(rule_text("actor.pid = 1") + rule_text("actor.pid = 2")), Contains("is defined already"));
}

}  // namespace bulkhead::test

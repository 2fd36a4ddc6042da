#include <catch2/catch.hpp>

#include <string>

#include "collector/detect/engine.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::detect {
namespace {

std::string rendered(const std::string& output, const v1::Event& event) {
  const RuleFile file{
      "t.yaml",
      "- rule: R\n  desc: d\n  condition: actor.pid = 4711\n  priority: HIGH\n  output: |-\n    " + output + "\n"};
  const auto rules = compile_rules(std::span(&file, 1));
  INFO(rules.status().message());
  REQUIRE(rules.ok());
  const auto findings = Engine(*rules).evaluate(event);
  REQUIRE(findings.size() == 1);
  return findings[0].message;
}

const v1::Event kEvent = test::memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);

}  // namespace

TEST_CASE("fields in an output are replaced by their values") {
  CHECK(rendered("%actor.exe (%actor.pid). 100%% %memory.operation: %actor.trusted, %event.path.", kEvent) ==
        "/usr/bin/gdb (4711). 100% process_vm_read: false, (none).");
}

TEST_CASE("an empty login uid reads as none") {
  v1::Event event = kEvent;
  event.mutable_actor()->set_login_uid(4294967295u);
  CHECK(rendered("login %actor.login_uid", event) == "login (none)");
}

TEST_CASE("hostile text in a message acts on nothing and stays on its line") {
  v1::Event event = kEvent;
  event.set_path(
      "a\n\x1b[31m\xc2\x9b"
      "b\u202e"
      "\xff"
      "\xc0\xaf"
      "ü世");
  CHECK(rendered("%event.path", event) == "a\\u000a\\u001b[31m\\u009bb\\u202e\uFFFD\uFFFD\uFFFDü世");
}

TEST_CASE("no field pushes the others out of a message") {
  v1::Event event = kEvent;
  std::string path;
  for (int i = 0; i < 2000; ++i) path += "世";
  event.set_path(path);
  const std::string message = rendered("%event.path then %actor.pid", event);
  CHECK(message.size() <= 2048);
  CHECK(message.ends_with("… then 4711"));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "%event.path ";
  CHECK(rendered(many, event).size() <= 2048);
}

TEST_CASE("all rules that match fire, in the order of their files") {
  const std::vector<RuleFile> files = {
      {"b.yaml",
       "- {rule: B, desc: d, output: o, priority: LOW, condition: actor.pid = 4711}\n"
       "- {rule: off, desc: d, output: o, priority: LOW, condition: actor.pid = 4711, enabled: false}\n"},
      {"a.yaml", "- {rule: A, desc: d, output: o, priority: low, condition: actor.exe exists}\n"}};
  const auto rules = compile_rules(files);
  REQUIRE(rules.ok());
  const auto findings = Engine(*rules).evaluate(kEvent);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].rule->reference.id() == "B");
  CHECK(findings[1].rule->reference.id() == "A");
  CHECK(findings[1].severity == v1::SEVERITY_LOW);
  CHECK((*rules)->rules().size() == 3);
  CHECK((*rules)->rules()[1].line == 2);
}

TEST_CASE("the first priority_if that holds decides") {
  const RuleFile file{"t.yaml",
                      "- rule: R\n  desc: d\n  output: o\n  priority: LOW\n  condition: actor.pid exists\n"
                      "  priority_if:\n"
                      "    - {condition: actor.pid = 1, priority: FATAL}\n"
                      "    - {condition: actor.uid = 0, priority: HIGH}\n"
                      "    - {condition: actor.pid = 4711, priority: MEDIUM}\n"};
  const auto rules = compile_rules(std::span(&file, 1));
  REQUIRE(rules.ok());
  CHECK(Engine(*rules).evaluate(kEvent).at(0).severity == v1::SEVERITY_HIGH);
}

}  // namespace bulkhead::detect

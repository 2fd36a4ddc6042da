#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/detect/rule_tests.h"
#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;

std::string tested(const std::string& condition, const std::string& tests) {
  return rule_text(condition, "  priority_if: [{condition: actor.uid = 5, priority: LOW}]\n  tests:\n" + tests);
}

// The failures of all tests, in their order; empty ones passed.
std::vector<std::string> failures(const std::string& text) {
  std::vector<std::string> failures;
  for (const auto& result : detect::run_rule_tests(compiled(text))) failures.push_back(result.failure);
  return failures;
}

// Whether an event, written as in a rule file, meets a condition.
bool meets(const std::string& event, const std::string& condition) {
  return failures(tested(condition, "    - {name: t, fires: true, event: " + event + "}\n")).at(0).empty();
}

std::string event_error(const std::string& event) {
  return error_of(tested("actor.pid = 1", "    - name: t\n      fires: true\n      event: " + event + "\n"));
}

}  // namespace

TEST_CASE("a test passes when the rule fires as it says, and fails when it does not") {
  const auto one = [](const std::string& fires, const std::string& more = "") {
    return failures(tested("actor.pid = 4711", "    - {name: t, fires: " + fires + more + ", event: {loss: {}}}\n"))
        .at(0);
  };
  const auto memory = [](const std::string& more, const std::string& event) {
    return failures(tested("memory.result > 0", "    - {name: t" + more + ", event: " + event + "}\n")).at(0);
  };
  CHECK(one("false").empty());
  CHECK(one("true") == "the rule does not fire, and should");
  CHECK(memory(", fires: true", "{memory_access: {result: 1}}").empty());
  CHECK(memory(", fires: false", "{memory_access: {result: 1}}") == "the rule fires (HIGH), and should not");
  CHECK(memory(", fires: true, severity: HIGH", "{memory_access: {result: 1}}").empty());
  CHECK(memory(", fires: true, severity: LOW", "{memory_access: {result: 1}}") ==
        "the rule fires with HIGH, and should with LOW");
  CHECK(memory(", fires: true, severity: low", "{actor: {uid: 5}, memory_access: {result: 1}}").empty());
}

TEST_CASE("a rule that is not enabled is tested all the same") {
  const std::string off = "- rule: R\n  override: {enabled: replace}\n  enabled: false\n";
  CHECK(failures(tested("loss.count = 3", "    - {name: t, fires: true, event: {loss: {count: 3}}}\n") + off) ==
        std::vector<std::string>{""});
}

TEST_CASE("events of tests are written in protobuf's names, in either spelling") {
  CHECK(meets("{host_id: h, loss: {count: 1}}", "event.host = h"));
  CHECK(meets("{hostId: h, loss: {count: 1}}", "event.host = h"));
  CHECK(meets("{memoryAccess: {operation: MEMORY_OPERATION_PTRACE}}", "memory.operation = ptrace"));
  CHECK(meets("{memory_access: {operation: ptrace, ptrace_request: 0x4206}}", "memory.ptrace = PTRACE_SEIZE"));
  CHECK(meets("{memory_access: {result: -1}}", "memory.error = EPERM"));
  CHECK(meets("{memory_access: {address: 0xffffffffff600000}}", "memory.address = 0xffffffffff600000"));
  CHECK(meets("{frame_delivery: {source_mac: '52:54:00:12:34:56'}}", "frame.source_mac = 52:54:00:12:34:56"));
  CHECK(meets("{frame_delivery: {source_address: 10.0.0.1}}", "frame.source_address = 10.0.0.1"));
  CHECK(meets("{frame_delivery: {source_address: '::1'}}", "frame.source_address = '::1'"));
  CHECK(meets("{frame_delivery: {source_address: CgAAAQ==}}", "frame.source_address = 10.0.0.1"));
  CHECK(meets("{actor: {lineage: [{executable: /usr/sbin/sshd}]}, file_open: {}}",
              "actor.parent.exe = /usr/sbin/sshd and not actor.lineage.exe intersects (/usr/bin/bash)"));
  CHECK(
      meets("{grant_change: {kind: expired, grant: {ticket: T-1}}}", "grant.change = expired and grant.ticket = T-1"));
  CHECK(meets("{loss: {place: spool, probe: memory_ptrace}}", "loss.place = spool and loss.probe = memory_ptrace"));
}

TEST_CASE("an event of a test has defaults that make it an access by a tool of the host to acme's domain") {
  CHECK(meets(
      "{memory_access: {}}",
      "event.cross_tenant and actor.is_host and object.tenant = acme and object.domain = web and actor.pid = 4711"));
  CHECK(meets("{file_open: {}}", "event.cross_tenant and object.kind = volume and file.access = read"));
  CHECK(meets("{frame_delivery: {}}", "event.cross_tenant and actor.tenant = initech and actor.is_vmm"));
  CHECK(meets("{actor: {tenant: acme}, frame_delivery: {}}", "not event.cross_tenant"));
  CHECK(meets("{loss: {}}", "object.kind = probe and not actor.tenant exists"));
  CHECK(meets("{policy_change: {new_version: v2}}", "policy.new = v2 and event.probe = collector"));
}

TEST_CASE("a misspelt event is refused with its place and the nearest name") {
  CHECK_THAT(event_error("{memory_acces: {}}"),
             Contains("t.yaml:10:15: an Event has no key 'memory_acces'; did you mean 'memory_access'?"));
  CHECK_THAT(event_error("{memory_access: {reslt: 1}}"), Contains("did you mean 'result'?"));
  CHECK_THAT(event_error("{memory_access: {operation: ptrac}}"),
             Contains("t.yaml:10:42: 'ptrac' does not fit 'operation'; did you mean 'ptrace'?"));
  CHECK_THAT(event_error("{memory_access: {result: many}}"), Contains("expected a number of the type int64"));
  CHECK_THAT(event_error("{actor: {uid: -1}, loss: {}}"), Contains("expected a number of the type uint32"));
  CHECK_THAT(event_error("{actor: {trusted_service: yes}, loss: {}}"), Contains("expected true or false"));
  CHECK_THAT(event_error("{frame_delivery: {source_mac: '52:54:00:12:34:5x'}}"), Contains("expected a MAC"));
  CHECK_THAT(event_error("{time: tomorrow, loss: {}}"), Contains("'tomorrow' is no time"));
  CHECK_THAT(event_error("{time: +5, loss: {}}"), Contains("'+5' is no time"));
  CHECK_THAT(event_error("{host_id: h}"), Contains("does not say what was seen: one of memory_access, file_open"));
  CHECK_THAT(event_error("{loss: {}, file_open: {}}"), Contains("an event is of one kind, and this says two"));
  CHECK_THAT(event_error("x"), Contains("t.yaml:10:14: expected the keys of a"));
}

TEST_CASE("unknown and contradictory keys of a test are refused") {
  const auto of = [](const std::string& test) { return error_of(tested("actor.pid = 1", "    - " + test + "\n")); };
  CHECK_THAT(of("{name: t, event: {loss: {}}, fire: true}"),
             Contains("t.yaml:8:36: a test has no key 'fire'; did you mean 'fires'?"));
  CHECK_THAT(of("{name: t, event: {loss: {}}}"), Contains("this test lacks the key 'fires'"));
  CHECK_THAT(of("{name: t, fires: false, severity: LOW, event: {loss: {}}}"), Contains("has no severity"));
  CHECK_THAT(of("{name: t, fires: true, severity: LO, event: {loss: {}}}"), Contains("'LO' is no priority"));
}

TEST_CASE("every shipped rule has tests of what it fires for and of its twins, and all of them pass") {
  const auto files = shipped_rules();
  const auto rules = detect::compile_rules(files);
  INFO(rules.status().message());
  REQUIRE(rules.ok());
  std::map<std::string, std::pair<int, int>> counts;
  for (const auto& result : detect::run_rule_tests(*rules)) {
    INFO(result.rule->reference.id() << ": " << result.test->name);
    CHECK(result.failure == "");
    auto& count = counts[result.rule->reference.id()];
    (result.test->fires ? count.first : count.second) += 1;
  }
  for (const detect::RuleInfo& rule : (*rules)->rules()) {
    INFO(rule.reference.id());
    CHECK(counts[rule.reference.id()].first > 0);
    CHECK(counts[rule.reference.id()].second > 0);
  }
}

}  // namespace bulkhead::test

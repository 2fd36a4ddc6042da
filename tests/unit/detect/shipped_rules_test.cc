#include <catch2/catch.hpp>

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "collector/detect/engine.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::detect {
namespace {

using test::file_event;
using test::frame_event;
using test::loss_event;
using test::memory_event;
using test::tenant_change_event;

const Engine& shipped() {
  static const auto files = test::shipped_rules();
  static const Engine engine = [] {
    auto rules = compile_rules(files);
    if (!rules.ok()) FAIL(rules.status().message());
    return Engine(*rules);
  }();
  return engine;
}

// "MEM-01 CRITICAL": every rule that fires, with the finding's severity.
std::vector<std::string> verdicts(const v1::Event& event) {
  std::vector<std::string> verdicts;
  for (const Finding& finding : shipped().evaluate(event)) {
    verdicts.push_back(finding.rule->reference.id() + " " + v1::Severity_Name(finding.severity).substr(9));
  }
  return verdicts;
}

using Verdicts = std::vector<std::string>;

v1::Event same_tenant(v1::Event event) {
  event.mutable_actor()->set_tenant(event.object().tenant());
  return event;
}

v1::Event trusted(v1::Event event) {
  event.mutable_actor()->set_tenant("host");
  event.mutable_actor()->set_trusted_service(true);
  return event;
}

constexpr auto kRead = v1::MEMORY_OPERATION_PROCESS_VM_READ;
constexpr auto kWrite = v1::MEMORY_OPERATION_PROCESS_VM_WRITE;
constexpr auto kPtrace = v1::MEMORY_OPERATION_PTRACE;
constexpr auto kProcMem = v1::MEMORY_OPERATION_PROC_MEM_OPEN;

}  // namespace

TEST_CASE("MEM-01 fires for process_vm_readv and writev across tenants, not within one or by a trusted service") {
  CHECK(verdicts(memory_event(kRead)) == Verdicts{"MEM-01 CRITICAL"});
  CHECK(verdicts(memory_event(kWrite)) == Verdicts{"MEM-01 CRITICAL"});
  CHECK(verdicts(same_tenant(memory_event(kRead))).empty());
  CHECK(verdicts(trusted(memory_event(kRead))).empty());
}

TEST_CASE("an attempt on memory that the kernel refused is reported, less severely") {
  CHECK(verdicts(memory_event(kRead, -EPERM)) == Verdicts{"MEM-01 MEDIUM"});
  CHECK(verdicts(memory_event(kPtrace, -ESRCH)) == Verdicts{"MEM-02 MEDIUM"});
  CHECK(verdicts(memory_event(kProcMem, -EACCES)) == Verdicts{"MEM-03 MEDIUM"});
  // The access was granted; the address was wrong.
  CHECK(verdicts(memory_event(kRead, -EFAULT)) == Verdicts{"MEM-01 CRITICAL"});
}

TEST_CASE("MEM-02 fires for ptrace across tenants, not within one or by a trusted service") {
  CHECK(verdicts(memory_event(kPtrace, 0)) == Verdicts{"MEM-02 CRITICAL"});
  CHECK(verdicts(same_tenant(memory_event(kPtrace, 0))).empty());
  CHECK(verdicts(trusted(memory_event(kPtrace, 0))).empty());
}

TEST_CASE("MEM-03 fires for an opened memory file across tenants, not within one or by a trusted service") {
  CHECK(verdicts(memory_event(kProcMem, 5)) == Verdicts{"MEM-03 CRITICAL"});
  CHECK(verdicts(same_tenant(memory_event(kProcMem, 5))).empty());
  CHECK(verdicts(trusted(memory_event(kProcMem, 5))).empty());
}

TEST_CASE("DISK-01 fires for a volume opened by another, by what it was opened for, not by its own VMM or a backup") {
  CHECK(verdicts(file_event(O_RDONLY)) == Verdicts{"DISK-01 HIGH"});
  CHECK(verdicts(file_event(O_WRONLY)) == Verdicts{"DISK-01 CRITICAL"});
  CHECK(verdicts(file_event(O_RDWR | O_CLOEXEC)) == Verdicts{"DISK-01 CRITICAL"});
  CHECK(verdicts(file_event(O_RDONLY | O_TRUNC)) == Verdicts{"DISK-01 CRITICAL"});
  CHECK(verdicts(file_event(O_PATH)) == Verdicts{"DISK-01 LOW"});
  CHECK(verdicts(same_tenant(file_event(O_RDWR))).empty());
  CHECK(verdicts(trusted(file_event(O_RDWR))).empty());
}

TEST_CASE("NET-03 fires for frames between tenants, not within one") {
  CHECK(verdicts(frame_event()) == Verdicts{"NET-03 HIGH"});
  CHECK(verdicts(same_tenant(frame_event())).empty());
}

TEST_CASE("CTRL-04 fires when a domain changes hands, less severely when it had no owner, not when nothing changed") {
  CHECK(verdicts(tenant_change_event("acme", "initech")) == Verdicts{"CTRL-04 HIGH"});
  CHECK(verdicts(tenant_change_event("acme", "unknown:1")) == Verdicts{"CTRL-04 HIGH"});
  CHECK(verdicts(tenant_change_event("unknown:1", "acme")) == Verdicts{"CTRL-04 LOW"});
  CHECK(verdicts(tenant_change_event("acme", "acme")).empty());
}

TEST_CASE("SENS-03 fires for lost records, not for a statement of none") {
  CHECK(verdicts(loss_event(3)) == Verdicts{"SENS-03 MEDIUM"});
  CHECK(verdicts(loss_event(0)).empty());
}

TEST_CASE("two domains of unknown tenant are two tenants to the rules") {
  v1::Event event = frame_event();
  event.mutable_actor()->set_tenant("unknown:22222222-2222-2222-2222-222222222222");
  event.mutable_object()->set_tenant("unknown:11111111-1111-1111-1111-111111111111");
  CHECK(verdicts(event) == Verdicts{"NET-03 HIGH"});
}

TEST_CASE("every shipped rule says what it means, what to do and what it bears on") {
  const auto rules = shipped().rules().rules();
  std::vector<std::string> ids;
  for (const RuleInfo& rule : rules) {
    const v1::RuleReference& reference = rule.reference;
    INFO(reference.id());
    ids.push_back(reference.id());
    CHECK(rule.enabled);
    CHECK(reference.title() != reference.id());
    CHECK(reference.description().size() > 40);
    CHECK(reference.remediation().size() > 40);
    CHECK(reference.remediation().find('\n') == std::string::npos);
    CHECK(reference.severity() != v1::SEVERITY_UNKNOWN);
    CHECK(reference.attacks_size() > 0);
    CHECK(reference.controls_size() > 0);
  }
  std::ranges::sort(ids);
  CHECK(ids == Verdicts{"CORR-01", "CORR-02",  "CORR-03", "CORR-03.granted", "CORR-03.refused", "CORR-04", "CORR-05",
                        "CTRL-01", "CTRL-02",  "CTRL-03", "CTRL-04",         "CTRL-05",         "CTRL-06", "DISK-01",
                        "DISK-02", "DISK-03",  "DISK-04", "DISK-05",         "DISK-06",         "DISK-07", "DISK-08",
                        "DISK-09", "GRANT-01", "MEM-01",  "MEM-02",          "MEM-03",          "MEM-04",  "MEM-05",
                        "MEM-06",  "MEM-07",   "MEM-08",  "MEM-09",          "MEM-10",          "MEM-11",  "MEM-12",
                        "NET-03",  "SENS-01",  "SENS-03", "SENS-04",         "VMM-01",          "VMM-02",  "VMM-03",
                        "VMM-04"});
}

TEST_CASE("the message of MEM-01 names actor, tenants, domain and result") {
  const auto findings = shipped().evaluate(memory_event(kRead));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].message ==
        "/usr/bin/gdb (pid 4711, uid 0, login uid 1000) of tenant host used process_vm_read on memory of domain web "
        "(VMM pid 900) of tenant acme: result 4096, error (none)");
}

}  // namespace bulkhead::detect

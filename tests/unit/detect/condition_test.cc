#include <catch2/catch.hpp>

#include <string>

#include "collector/detect/engine.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::detect {
namespace {

using test::file_event;
using test::frame_event;
using test::loss_event;
using test::memory_event;

std::string rule_with(const std::string& condition, const std::string& more = "") {
  return "- rule: R\n  desc: d\n  output: o\n  priority: HIGH\n  condition: |\n    " + condition + "\n" + more;
}

bool matches(const std::string& condition, const v1::Event& event, const std::string& more = "") {
  const RuleFile file{"test.yaml", rule_with(condition, more)};
  const auto rules = compile_rules(std::span(&file, 1));
  INFO(condition);
  INFO(rules.status().message());
  REQUIRE(rules.ok());
  return !Engine(*rules).evaluate(event).empty();
}

const v1::Event kRead = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);

}  // namespace

TEST_CASE("and binds tighter than or, and not tighter than both") {
  const std::string yes = "actor.pid = 4711";
  const std::string no = "actor.pid = 1";
  CHECK(matches(yes + " or " + no + " and " + no, kRead));
  CHECK_FALSE(matches("(" + yes + " or " + no + ") and " + no, kRead));
  CHECK(matches("not " + no + " and " + yes, kRead));
  CHECK_FALSE(matches("not (" + no + " or " + yes + ")", kRead));
  CHECK(matches("not not " + yes, kRead));
  CHECK_FALSE(matches("not not not " + yes, kRead));
}

TEST_CASE("each comparison operator compares as it says") {
  CHECK(matches("actor.pid = 4711", kRead));
  CHECK(matches("actor.pid = 0x1267", kRead));
  CHECK_FALSE(matches("actor.pid != 4711", kRead));
  CHECK(matches("actor.pid < 4712", kRead));
  CHECK_FALSE(matches("actor.pid < 4711", kRead));
  CHECK(matches("actor.pid <= 4711", kRead));
  CHECK_FALSE(matches("actor.pid > 4711", kRead));
  CHECK(matches("actor.pid >= 4711", kRead));
  CHECK(matches("memory.result > -1", kRead));
  CHECK(matches("actor.exe contains bin/g", kRead));
  CHECK_FALSE(matches("actor.exe contains GDB", kRead));
  CHECK(matches("actor.exe icontains GDB", kRead));
  CHECK(matches("actor.exe startswith /usr/", kRead));
  CHECK_FALSE(matches("actor.exe startswith usr/", kRead));
  CHECK(matches("actor.exe endswith /gdb", kRead));
  CHECK_FALSE(matches("actor.exe endswith /gd", kRead));
  CHECK(matches("actor.exe glob /usr/*db", kRead));
  CHECK_FALSE(matches("actor.exe glob *bin", kRead));
  CHECK(matches("actor.exe in (/bin/sh, '/usr/bin/gdb')", kRead));
  CHECK_FALSE(matches("actor.exe in (/bin/sh, gdb)", kRead));
  CHECK(matches("actor.pid in (1, 4711)", kRead));
  CHECK(matches("memory.operation in (ptrace, process_vm_read)", kRead));
  CHECK(matches("actor.exe exists", kRead));
  CHECK_FALSE(matches("event.path exists", kRead));
}

TEST_CASE("quotes make text of words, signs and operators, and a backslash takes the next character") {
  v1::Event event = kRead;
  event.set_path("a \"b\" (and) = c");
  CHECK(matches(R"(event.path = "a \"b\" (and) = c")", event));
  CHECK(matches(R"(event.path = 'a "b" (and) = c')", event));
  event.set_path("actor.exe");
  CHECK(matches("event.path = 'actor.exe'", event));
}

TEST_CASE("a field that the event does not have fails every test but not-equal") {
  CHECK_FALSE(matches("file.flags = 0", kRead));
  CHECK_FALSE(matches("file.flags <= 99", kRead));
  CHECK_FALSE(matches("file.method in (openat)", kRead));
  CHECK_FALSE(matches("file.write", kRead));
  CHECK(matches("file.flags != 0", kRead));
  CHECK(matches("not file.flags = 0", kRead));
  CHECK(matches("event.path != /etc/passwd", kRead));
}

TEST_CASE("a condition on one kind of event is false for the others") {
  CHECK(matches("event.kind = memory_access", kRead));
  CHECK_FALSE(matches("event.kind = file_open", kRead));
  CHECK(matches("event.kind != file_open", kRead));
  CHECK(matches("event.kind in (file_open, memory_access)", kRead));
  CHECK(matches("not event.kind = file_open", kRead));
  CHECK(matches("event.kind = file_open or actor.pid = 4711", kRead));
  CHECK(matches("actor.tenant != acme", v1::Event()));
}

TEST_CASE("two fields can be compared with each other") {
  v1::Event event = frame_event();
  CHECK(matches("actor.tenant != object.tenant", event));
  CHECK(matches("frame.source_mac_tenant = actor.tenant", event));
  CHECK_FALSE(matches("frame.bytes < frame.frames", event));
  event.mutable_actor()->set_tenant("acme");
  CHECK(matches("actor.tenant = object.tenant", event));
}

TEST_CASE("an unknown tenant equals nothing, not even another unknown one") {
  v1::Event event = kRead;
  CHECK(matches("event.cross_tenant", event));
  event.mutable_actor()->set_tenant("acme");
  CHECK_FALSE(matches("event.cross_tenant", event));
  for (const std::string unknown : {"", "unknown"}) {
    event.mutable_actor()->set_tenant(unknown);
    event.mutable_object()->set_tenant(unknown);
    CHECK(matches("event.cross_tenant", event));
    CHECK(matches("actor.tenant != object.tenant", event));
  }
}

TEST_CASE("a domain of unknown tenant is the same only as itself") {
  v1::Event event = file_event();
  const std::string uuid = event.object().domain_uuid();
  event.mutable_actor()->set_tenant("unknown:" + uuid);
  event.mutable_object()->set_tenant("unknown:" + uuid);
  event.mutable_actor()->set_domain_uuid(uuid);
  CHECK_FALSE(matches("event.cross_tenant", event));
  event.mutable_actor()->set_domain_uuid("22222222-2222-2222-2222-222222222222");
  CHECK(matches("event.cross_tenant", event));
}

TEST_CASE("an agent's own statements are never cross-tenant accesses") {
  CHECK_FALSE(matches("event.cross_tenant", loss_event(1)));
  CHECK_FALSE(matches("event.cross_tenant", test::tenant_change_event("a", "b")));
}

TEST_CASE("macros and lists stand for what they name, wherever they are defined") {
  const std::string more =
      "- macro: by_debugger\n  condition: actor.exe in (debuggers, /x) or never\n"
      "- macro: never\n  condition: actor.pid = 0\n"
      "- list: debuggers\n  items: [more_debuggers, /usr/bin/strace]\n"
      "- list: more_debuggers\n  items: [/usr/bin/gdb]\n";
  CHECK(matches("by_debugger and actor.pid = 4711", kRead, more));
  CHECK(matches("actor.exe in debuggers", kRead, more));
  CHECK_FALSE(matches("actor.exe in ('debuggers')", kRead, more));
  CHECK_FALSE(matches("not by_debugger", kRead, more));
}

TEST_CASE("a macro with an or in it is one unit where it is used") {
  const std::string more = "- macro: either\n  condition: actor.pid = 4711 or actor.pid = 1\n";
  CHECK_FALSE(matches("either and actor.pid = 2", kRead, more));
}

TEST_CASE("names of errnos and ptrace requests can be tested") {
  CHECK(matches("memory.error = EPERM", memory_event(v1::MEMORY_OPERATION_PTRACE, -1)));
  CHECK_FALSE(matches("memory.error exists", memory_event(v1::MEMORY_OPERATION_PTRACE, 0)));
  CHECK(matches("memory.ptrace = PTRACE_ATTACH", memory_event(v1::MEMORY_OPERATION_PTRACE, 0)));
  CHECK_FALSE(matches("memory.ptrace exists", kRead));
}

TEST_CASE("addresses of frames are text as people write it") {
  CHECK(matches("frame.source_mac = 52:54:00:12:34:56", frame_event()));
  CHECK(matches("frame.destination_address = 10.0.0.2", frame_event()));
  v1::Event event = frame_event();
  event.mutable_frame_delivery()->set_source_address(std::string(15, '\0') + "\1");
  CHECK(matches("frame.source_address = ::1", event));
}

TEST_CASE("numbers beyond 63 bits compare as what they are") {
  v1::Event event = kRead;
  event.mutable_memory_access()->set_address(0xffffffffff600000);
  CHECK(matches("memory.address >= 0xffffffffff600000", event));
  CHECK_FALSE(matches("memory.address < 0", event));
}

TEST_CASE("a glob with many stars takes no longer for a long text") {
  v1::Event event = kRead;
  event.set_path(std::string(4096, 'a'));
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(matches("event.path glob " + pattern + "*b", event));
  CHECK(matches("event.path glob " + pattern + "*", event));
  event.set_path("100%*");
  CHECK(matches(R"(event.path glob '???%\\*')", event));
  CHECK_FALSE(matches(R"(event.path glob '\\???%')", event));
}

TEST_CASE("a regular expression must match the whole text") {
  CHECK(matches("actor.exe regex '/usr/bin/g.b'", kRead));
  CHECK(matches("actor.exe regex '.*gdb'", kRead));
  CHECK_FALSE(matches("actor.exe regex gdb", kRead));
  CHECK_FALSE(matches("actor.exe regex '/usr/bin'", kRead));
  CHECK(matches("not actor.exe regex /usr/bin/strace", kRead));
  CHECK_FALSE(matches("event.path regex '.*'", kRead));
}

TEST_CASE("no byte of a hostile name escapes a regular expression") {
  v1::Event event = kRead;
  event.set_path("/srv/a\nb\xff.img");
  CHECK(matches(R"(event.path regex '/srv/.*\\.img')", event));
  CHECK(matches(R"(event.path regex '/srv/a.b.\\.img')", event));
  event.set_path("/srv/ü");
  CHECK(matches("event.path regex '/srv/ü'", event));
}

TEST_CASE("a regular expression that makes others run for ages ends at once") {
  v1::Event event = kRead;
  event.set_path(std::string(4096, 'a'));
  CHECK_FALSE(matches("event.path regex '(a+)+(a|aa)*b'", event));
  CHECK(matches("event.path regex '(a?){500}a*'", event));
}

TEST_CASE("a path is under a prefix by whole components") {
  v1::Event event = kRead;
  event.set_path("/srv/images/web.qcow2");
  CHECK(matches("event.path pmatch (/home, /srv)", event));
  CHECK(matches("event.path pmatch /srv/images/", event));
  CHECK(matches("event.path pmatch (/srv/images/web.qcow2)", event));
  CHECK(matches("event.path pmatch (/)", event));
  CHECK_FALSE(matches("event.path pmatch (/sr, /srv/image, /srv/images/web.qcow2/a)", event));
  CHECK(matches("event.path pmatch (stores)", event, "- list: stores\n  items: [/srv/images]\n"));
  event.set_path("/srv2");
  CHECK_FALSE(matches("event.path pmatch (/srv)", event));
  event.set_path("memfd:srv");
  CHECK_FALSE(matches("event.path pmatch (/)", event));
  CHECK_FALSE(matches("event.path pmatch (/)", kRead));
}

TEST_CASE("a list intersects when one of its items is among those named") {
  v1::Event event = kRead;
  v1::Process& grandparent = *event.mutable_actor()->add_lineage();
  grandparent.set_executable("/usr/sbin/sshd");
  CHECK(matches("actor.lineage.exe intersects (/usr/sbin/cron, /usr/sbin/sshd)", event));
  CHECK(matches("actor.lineage.exe intersects (/usr/bin/bash)", event));
  CHECK_FALSE(matches("actor.lineage.exe intersects (/usr/bin/gdb, sshd)", event));
  CHECK(matches("actor.lineage.command intersects bash", event));
  CHECK(matches("actor.lineage.exe intersects remote", event, "- list: remote\n  items: [/usr/sbin/sshd]\n"));
  CHECK(matches("actor.lineage.exe exists", event));
  CHECK_FALSE(matches("actor.lineage.exe exists", frame_event()));
  CHECK_FALSE(matches("actor.lineage.exe intersects (/usr/bin/bash)", frame_event()));
}

TEST_CASE("a process is named by its pid and its start") {
  CHECK(matches("actor.process = 4711:4000000000000", kRead));
  CHECK_FALSE(matches("actor.process exists", frame_event()));
}

}  // namespace bulkhead::detect

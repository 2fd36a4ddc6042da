// VMM-01 to VMM-04 with a real libvirt and QEMU: a VMM's plain life, and one that is made to act through its monitor.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/e2e/control/control_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

using Catch::Contains;

constexpr Milliseconds kAlertTimeout(30'000);

pid_t vmm_of(ControlHost& control) {
  const auto pid = control.host().acme->vmm_pid();
  REQUIRE(pid.status() == absl::OkStatus());
  return *pid;
}

// The alert of that rule whose message has `words`.
Alert alert_of(ControlHost& control, const std::string& rule, const std::string& words) {
  const auto alert = control.alerts().wait_for(
      [&](const Alert& one) { return one.rule == rule && one.message.find(words) != std::string::npos; },
      kAlertTimeout);
  std::string seen;
  for (const Alert& one : control.alerts().seen()) absl::StrAppend(&seen, one.rule, ": ", one.message, "\n");
  INFO("no alert of " << rule << " with '" << words << "', but:\n" << seen << control.host().logs());
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK(alert->actor_tenant == "acme");
  return *alert;
}

void command(ControlHost& control, const std::string& json) {
  control.virsh(kKim, {"qemu-monitor-command", "acme-1", json});
}

void human_command(ControlHost& control, const std::string& text) {
  control.virsh(kKim, {"qemu-monitor-command", "--hmp", "acme-1", text});
}

// What virsh was asked must have worked: a twin that does nothing proves nothing.
void must(ControlHost& control, std::vector<std::string> words) {
  words.insert(words.begin(), {"/usr/bin/virsh", "-q", "-c", control.host().libvirt.uri()});
  const auto outcome =
      run({.words = words, .stderr_file = control.path("life.log"), .namespaces = {}}, Milliseconds(60'000));
  REQUIRE(outcome.status() == absl::OkStatus());
  std::ifstream log(control.path("life.log"));
  INFO(words.at(4) << ": " << std::string(std::istreambuf_iterator<char>(log), {}));
  REQUIRE(outcome->exit_status == 0);
}

std::string attach_xml(ControlHost& control, const std::string& image) {
  const std::string file = control.path("attach.xml");
  std::ofstream(file) << "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" << image
                      << "'/><target dev='vdb' bus='virtio'/></disk>";
  return file;
}

TEST_CASE("the plain life of a domain is no finding about its VMM", "[VMM-01][VMM-02][VMM-03][VMM-04][twin]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  // The agent sees it start.
  ControlHost control({.policy = "", .listen_tcp = false, .start_domain = false, .sandbox = true});
  REQUIRE(control.host().acme->console().wait_ready(kPatience) == absl::OkStatus());
  const std::string more = control.path("more.qcow2");
  REQUIRE(make_image(more, "qcow2", 16) == absl::OkStatus());
  const std::string xml = attach_xml(control, more);
  must(control, {"attach-device", "acme-1", xml, "--live"});
  must(control, {"snapshot-create-as", "acme-1", "before", "--disk-only", "--no-metadata", "--diskspec",
                 absl::StrCat("vda,file=", control.path("snapshot.qcow2")), "--diskspec",
                 absl::StrCat("vdb,file=", control.path("snapshot-b.qcow2"))});
  must(control, {"blockcommit", "acme-1", "vda", "--active", "--pivot", "--wait"});
  must(control, {"screenshot", "acme-1", control.path("screen.ppm")});
  must(control, {"dump", "acme-1", control.path("memory.dump"), "--memory-only", "--live"});
  must(control, {"suspend", "acme-1"});
  must(control, {"resume", "acme-1"});
  must(control, {"detach-disk", "acme-1", "vdb", "--live"});
  must(control, {"set-lifecycle-action", "acme-1", "reboot", "restart", "--live"});
  must(control, {"reset", "acme-1"});
  REQUIRE(control.host().acme->destroy() == absl::OkStatus());
  // Again, with an agent that comes later, as after an upgrade.
  REQUIRE(control.host().agent->stop() == absl::OkStatus());
  REQUIRE(control.host().acme->start() == absl::OkStatus());
  control.host().start_agent("health_interval: 200ms\n");
  REQUIRE(control.host().agent->wait_until_watching(control.host().collector, 1, kPatience) == absl::OkStatus());
  must(control, {"attach-device", "acme-1", xml, "--live"});

  // What came of it waits for five seconds at most; a breach that comes after it is told after it.
  sleep(6);
  human_command(control, "pmemsave 0 4096 /tmp/bulkhead-no-such-directory/x");
  control.settle();
  for (const Alert& alert : control.alerts().seen()) {
    INFO(alert.json);
    CHECK(alert.rule.substr(0, 4) != "VMM-");
  }
  const std::string events = control.ask({"events", "--format", "json"});
  CHECK(events.find("OBJECT_KIND_DOMAIN") != std::string::npos);  // that of the monitor command
  CHECK(events.find("OBJECT_KIND_HOST_KERNEL") == std::string::npos);
}

TEST_CASE("a VMM that opens files of its host is told with what it opened", "[VMM-02]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  const pid_t vmm = vmm_of(control);
  command(control, R"({"execute":"blockdev-add","arguments":{"driver":"raw","node-name":"stolen","read-only":true,)"
                   R"("file":{"driver":"file","filename":"/etc/hostname"}}})");
  const Alert read = alert_of(control, "VMM-02", "opened /etc/hostname of the host for read");
  CHECK_THAT(read.message, Contains(absl::StrCat("pid ", vmm, ",")));
  const std::string dump = control.path("memory.elf");
  human_command(control, absl::StrCat("dump-guest-memory ", dump));
  CHECK_THAT(alert_of(control, "VMM-02", dump).message, Contains("for write"));
}

TEST_CASE("a VMM that connects to libvirt's own socket is told", "[VMM-04]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  command(control,
          R"({"execute":"chardev-add","arguments":{"id":"door","backend":{"type":"socket","data":{"server":false,)"
          R"("addr":{"type":"unix","data":{"path":"/run/libvirt/libvirt-sock"}}}}}})");
  const Alert alert = alert_of(control, "VMM-04", "libvirt-sock");
  CHECK_THAT(alert.message, Contains("reached the host_socket at") && Contains("of tenant host (connect)"));
}

TEST_CASE("a VMM that executes a program is told, and what that does to the host", "[VMM-01][VMM-03]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  // With it, the first attempt ends the VMM.
  ControlHost control({.policy = "", .listen_tcp = false, .start_domain = true, .sandbox = false});
  human_command(control, "migrate \"exec:/usr/bin/unshare --uts /bin/true; cat > /dev/null\"");
  alert_of(control, "VMM-01", "executed /usr/bin/unshare");
  CHECK_THAT(alert_of(control, "VMM-03", "called unshare").message,
             Contains("(namespace, argument 67108864): result 0"));
}

}  // namespace
}  // namespace bulkhead::stage

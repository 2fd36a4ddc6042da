// What an operator asks libvirt for, on a real domain: each call that reaches into it is an alert that names who asked
// for what, and those that only look around are nothing.
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

constexpr auto kDone = v1::CONTROL_RESULT_DONE;
constexpr auto kFailed = v1::CONTROL_RESULT_FAILED;

// What is looked for in the alert about one call, and in the event with its answer: the alert does not wait for it.
struct Expected {
  const char* rule;
  const char* procedure;
  v1::ControlResult result;
  const char* domain = "acme-1";
};

void check(ControlHost& control, pid_t actor, const char* program, const Expected& expected) {
  const Alert alert = control.alert_of(actor);
  CAPTURE(expected.procedure, alert.message);
  CHECK(alert.rule == expected.rule);
  CHECK(alert.actor_tenant == "host");
  CHECK(alert.object_tenant == "acme");
  CHECK_THAT(alert.message, Contains(absl::StrCat(program, " (pid ", actor, ", uid ", kKim)) &&
                                Contains(absl::StrCat("asked libvirt for ", expected.procedure)) &&
                                Contains(absl::StrCat("domain ", expected.domain, " ")));
  CHECK(control.answer_to(actor).result() == expected.result);
}

TEST_CASE("each call of libvirt's that reaches into a customer's domain is an alert that says who asked for what",
          "[CTRL-01][MEM-09]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  const std::string secret = control.path("secret-of-acme");
  const auto virsh = [&](std::vector<std::string> words, const Expected& expected) {
    check(control, control.virsh(kKim, std::move(words)), "/usr/bin/virsh", expected);
  };
  const std::string subject_path = program_directory() + "/subjects/libvirt_caller";
  const auto subject = [&](const char* call, const Expected& expected) {
    const std::string uri = control.host().libvirt.uri();
    check(control, control.subject(kKim, {"libvirt_caller", uri, "acme-1", call}), subject_path.c_str(), expected);
  };

  virsh({"screenshot", "acme-1", control.path("s.ppm")}, {"CTRL-01", "DOMAIN_SCREENSHOT", kDone});
  virsh({"qemu-agent-command", "acme-1", R"({"execute":"guest-exec","arguments":{"path":")" + secret + "\"}}"},
        {"CTRL-01", "QEMU_DOMAIN_AGENT_COMMAND (guest_agent, command guest-exec)", kFailed});
  virsh({"qemu-monitor-command", "acme-1", R"( { "execute" : "query-status" })"},
        {"CTRL-01", "QEMU_DOMAIN_MONITOR_COMMAND (monitor, command query-status)", kDone});
  // The VMM itself opens that file, which has an event of its own.
  virsh({"qemu-monitor-command", "--hmp", "acme-1", "pmemsave 0 16 \"" + control.path("memory") + "\""},
        {"MEM-09", "QEMU_DOMAIN_MONITOR_COMMAND", kDone});
  virsh({"dump", "acme-1", secret, "--memory-only"}, {"MEM-09", "DOMAIN_CORE_DUMP", kDone});
  virsh({"dump", "acme-1", secret, "--memory-only", "--format", "kdump-zlib"},
        {"MEM-09", "DOMAIN_CORE_DUMP_WITH_FORMAT", kDone});
  subject("memory-peek", {"MEM-09", "DOMAIN_MEMORY_PEEK", kDone});
  // libvirt peeks into raw disks alone.
  subject("block-peek", {"CTRL-01", "DOMAIN_BLOCK_PEEK", kFailed});
  subject("open-console", {"CTRL-01", "DOMAIN_OPEN_CONSOLE", kFailed});
  virsh({"dumpxml", "--security-info", "acme-1"}, {"CTRL-01", "DOMAIN_GET_XML_DESC", kDone});
  virsh({"send-key", "acme-1", "KEY_A"}, {"CTRL-01", "DOMAIN_SEND_KEY", kDone});
  virsh({"desc", "acme-1", "--title", "x", "--live"}, {"CTRL-01", "DOMAIN_SET_METADATA", kDone});
  virsh({"snapshot-create-as", "acme-1", "one"}, {"MEM-09", "DOMAIN_SNAPSHOT_CREATE_XML (memory_save)", kDone});
  virsh({"snapshot-delete", "acme-1", "one"}, {"CTRL-01", "DOMAIN_SNAPSHOT_DELETE", kDone});
  virsh({"snapshot-create-as", "acme-1", "two", "--disk-only", "--diskspec", "vda,file=" + control.path("two.qcow2")},
        {"CTRL-01", "DOMAIN_SNAPSHOT_CREATE_XML (snapshot,", kDone});
  virsh({"save", "acme-1", control.path("saved")}, {"MEM-09", "DOMAIN_SAVE", kDone});

  // A domain that comes into being by the call, for that customer.
  const std::string definition = control.path("new.xml");
  std::ofstream(definition) << "<domain type='qemu'><name>acme-new</name><metadata><b:tenant "
                               "xmlns:b='urn:bulkhead:tenant:1' id='acme'/></metadata><memory>65536</memory>"
                               "<os><type arch='x86_64'>hvm</type></os></domain>";
  virsh({"define", definition}, {"CTRL-01", "DOMAIN_DEFINE_XML", kDone, "acme-new"});

  // Nothing of what the calls carried.
  CHECK_THAT(control.ask({"events", "--format", "json"}), !Contains("secret-of-acme"));
  CHECK_THAT(control.ask({"alerts", "--format", "json"}), !Contains("secret-of-acme"));
}

TEST_CASE("calls that only look around leave no event, and a trusted control plane raises no alert",
          "[CTRL-01][MEM-09][twin]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  const std::vector<std::vector<std::string>> looks = {
      {"list", "--all"},     {"dominfo", "acme-1"},    {"domstats"},
      {"dumpxml", "acme-1"}, {"domblklist", "acme-1"}, {"snapshot-list", "acme-1"}};
  std::vector<pid_t> lookers;
  for (const auto& words : looks) lookers.push_back(control.virsh(kKim, words));
  // This program plays the control plane.
  const auto disk = control.path("more.raw");
  REQUIRE(make_image(disk, "raw", 1) == absl::OkStatus());
  REQUIRE(control.host().acme->attach({.image = disk, .format = "raw", .target = "vdb"}) == absl::OkStatus());

  control.settle();
  for (const pid_t looker : lookers) CHECK(control.events_of(looker, 0).empty());
  const auto own = control.events_of(getpid(), 1);
  CHECK(std::ranges::all_of(own, [](const v1::Event& one) { return one.actor().trusted_service(); }));
  CHECK(std::ranges::any_of(
      own, [](const v1::Event& one) { return one.control_call().procedure() == "DOMAIN_ATTACH_DEVICE_FLAGS"; }));
  CHECK_FALSE(control.told_of(getpid()));
  // The agent's own connection asked many things.
  const std::string agent = "bulkhead-agent";
  for (const v1::Event& call : control.calls()) CHECK(call.actor().process().command() != agent);
}

TEST_CASE("what is asked over TCP is an alert that names the address", "[CTRL-01]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control({.policy = "", .listen_tcp = true});
  const auto status = control.host().libvirt.run_in_network(
      {"/usr/bin/virsh", "-q", "-c", "qemu+tcp://127.0.0.1/system", "screenshot", "acme-1", control.path("t.ppm")});
  REQUIRE(status == absl::OkStatus());
  const auto alert = control.alerts().wait_for([](const Alert& one) { return one.rule == "CTRL-01"; }, kPatience);
  INFO(control.host().logs());
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK_THAT(alert->message, Contains("127.0.0.1 port ") && Contains("(TCP) asked libvirt for DOMAIN_SCREENSHOT"));
  CHECK(alert->actor_pid == 0);
  const auto calls = control.calls();
  const auto call = std::ranges::find_if(
      calls, [](const v1::Event& one) { return one.control_call().transport() == v1::CONTROL_TRANSPORT_TCP; });
  REQUIRE(call != calls.end());
  CHECK(call->control_call().peer_address() == std::string("\x7f\0\0\1", 4));
  CHECK(call->control_call().peer_port() != 0);
  CHECK(call->actor().uid() == 0xffffffffu);
  CHECK(call->control_call().daemon().executable() == "/usr/sbin/libvirtd");
}

}  // namespace
}  // namespace bulkhead::stage

// Past libvirt: a domain's monitor, guest agent, console and display, reached from the host.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/e2e/control/control_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

using Catch::Contains;

// What the agent found of acme-1, by kind: the path, or "tcp:<port>".
std::string endpoint(ControlHost& control, const std::string& kind, const std::string& begin) {
  const std::string host = control.inventory();
  const std::string mark = absl::StrCat("\"kind\":\"ENDPOINT_KIND_", kind, "\",\"id\":\"", begin);
  const std::size_t at = host.find(mark);
  CAPTURE(kind, host);
  REQUIRE(at != std::string::npos);
  const std::size_t from = at + mark.size() - begin.size();
  const std::string id = host.substr(from, host.find('"', from) - from);
  CHECK_THAT(host.substr(from, id.size() + 20), Contains("\"watched\":true"));
  return id;
}

// As the host sees what is below libvirt's own directory on the stage.
std::string on_host(ControlHost& control, const std::string& path) {
  const std::string libvirts = "/var/lib/libvirt/";
  REQUIRE(path.starts_with(libvirts));
  return control.path("lib/" + path.substr(libvirts.size()));
}

void check(ControlHost& control, pid_t actor, const std::string& rule, const std::string& words) {
  const Alert alert = control.alert_of(actor);
  CAPTURE(alert.message);
  CHECK(alert.rule == rule);
  CHECK(alert.object_tenant == "acme");
  CHECK_THAT(alert.message,
             Contains(absl::StrCat("(pid ", actor, ", uid ", kKim)) && Contains("domain acme-1") && Contains(words));
}

TEST_CASE("a monitor, a guest agent, a console and a display that are reached past libvirt are alerts",
          "[CTRL-02][CTRL-03]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  const std::string monitor = endpoint(control, "MONITOR", "/");
  const std::string agent = endpoint(control, "GUEST_AGENT", "/");
  const std::string console = endpoint(control, "CONSOLE", control.host().libvirt.state_dir().string());
  const std::string pty = endpoint(control, "CONSOLE", "/dev/pts/");
  CHECK(endpoint(control, "DISPLAY", "tcp:") == "tcp:5907");

  check(control, control.subject(kKim, {"connector", on_host(control, monitor)}), "CTRL-02",
        absl::StrCat("reached the monitor of domain acme-1 of tenant acme at ", monitor, " (connect)"));
  check(control, control.subject(kKim, {"connector", on_host(control, agent)}), "CTRL-02", "the guest_agent");
  check(control, control.subject(kKim, {"connector", console}), "CTRL-03", "the console");
  check(control, control.subject(kKim, {"file_opener", "--flags=256", "openat", pty}), "CTRL-03",
        absl::StrCat("the console of domain acme-1 of tenant acme at ", pty, " (open)"));

  // Over the stage's loopback, by root, who alone may enter its network.
  auto viewer = control.host().libvirt.start_in_network({program_directory() + "/subjects/connector", "5907"});
  REQUIRE(viewer.status() == absl::OkStatus());
  REQUIRE(*viewer->wait(kPatience) == 0);
  const Alert seen = control.alert_of(viewer->pid());
  CHECK(seen.rule == "CTRL-03");
  CHECK_THAT(seen.message, Contains("reached the display") && Contains("at tcp:5907 (connect)"));
}

TEST_CASE("libvirtd's own use of a domain's monitor and console is recorded as trusted", "[CTRL-02][CTRL-03][twin]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  REQUIRE(control.host().libvirt.stop_daemon() == absl::OkStatus());
  REQUIRE(control.host().libvirt.start_daemon() == absl::OkStatus());
  const auto daemon = control.host().libvirt.daemon_pid();
  REQUIRE(daemon.ok());
  const auto events = control.events_of(*daemon, 1);
  CHECK(std::ranges::any_of(events, [](const v1::Event& one) {
    return one.endpoint_access().kind() == v1::ENDPOINT_KIND_MONITOR && one.actor().trusted_service();
  }));
  control.settle();
  CHECK_FALSE(control.told_of(*daemon));
}

}  // namespace
}  // namespace bulkhead::stage

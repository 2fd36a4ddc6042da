// The customer's authorisation of what an operator asks libvirt for.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/control/control_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

using Catch::Contains;

// For Kim to dump and to take screenshots: the grant's id.
std::string grant(ControlHost& control, const std::string& domain, const std::string& span) {
  const std::string answer =
      control.ask({"grants",      "create",      "--tenant",    "acme",       "--domain",   domain,
                   "--operation", "memory-dump", "--operation", "screenshot", "--uid",      std::to_string(kKim),
                   "--for",       span,          "--ticket",    "ACME-18",    "--approver", "ann@acme.example",
                   "--why",       "a dump"});
  return answer.substr(0, answer.find(':'));
}

void await_record(ControlHost& control, const std::string& id, pid_t actor) {
  const std::string pid = absl::StrCat("\"pid\":", actor, ",");
  for (int i = 0; i < 100; ++i) {
    const auto records = control.ask({"alerts", "--grant", id, "--state", "authorised", "--format", "json"});
    if (absl::StrContains(records, pid)) return;
    usleep(100'000);
  }
  FAIL("the call of pid " << actor << " was not recorded under " << id);
}

TEST_CASE("what a customer granted is on record and no alert, and what exceeds the grant says how",
          "[CTRL-01][MEM-09]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  const auto dump = [&](int uid) { return control.virsh(uid, {"dump", "acme-1", control.path("d"), "--memory-only"}); };
  const auto screenshot = [&] { return control.virsh(kKim, {"screenshot", "acme-1", control.path("s.ppm")}); };

  // Without authorisation.
  CHECK(control.alert_of(dump(kKim)).rule == "MEM-09");

  const std::string id = grant(control, "acme-1", "1h");
  const pid_t dumped = dump(kKim);
  const pid_t shown = screenshot();
  await_record(control, id, dumped);
  await_record(control, id, shown);

  // Another operation, another person.
  const pid_t commanded = control.virsh(kKim, {"qemu-agent-command", "acme-1", R"({"execute":"guest-ping"})"});
  CHECK_THAT(control.alert_of(commanded).message, Contains(id) && Contains("it does not allow guest-agent"));
  CHECK_THAT(control.alert_of(dump(kLee)).message, Contains(id) && Contains(absl::StrCat("it is for uid ", kKim)));

  // After its end; and a grant for another domain.
  control.ask({"grants", "revoke", id, "--why", "done"});
  CHECK_THAT(control.alert_of(dump(kKim)).message, Contains(id) && Contains("it was revoked at"));
  const std::string brief = grant(control, "acme-1", "2s");
  usleep(2'200'000);
  CHECK_THAT(control.alert_of(screenshot()).message, Contains(brief) && Contains("it expired at"));
  const std::string elsewhere = grant(control, "acme-9", "1h");
  CHECK_THAT(control.alert_of(dump(kKim)).message,
             Contains(elsewhere) && Contains("domain acme-1 is out of its scope"));

  CHECK_FALSE(control.told_of(dumped));
  CHECK_FALSE(control.told_of(shown));
}

}  // namespace
}  // namespace bulkhead::stage

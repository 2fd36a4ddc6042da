// Policy from the provider's file to the host: whom it trusts, and whose a domain is.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(15'000);
// Said by the agent once after each start.
constexpr char kScanned[] = "libvirt answers";
constexpr char kAgentSettings[] = "health_interval: 200ms\n";

std::string opener() {
  return program_directory() + "/subjects/file_opener";
}

std::string trusting(const std::string& version, const std::string& operations, const std::string& more = "") {
  return absl::StrCat("version: ", version,
                      "\ntrusted_services:\n"
                      "  - {name: libvirt, executable: /usr/sbin/libvirtd, uid: 0, operations: [volume-read, "
                      "volume-write]}\n",
                      "  - {name: opener, executable: ", opener(), ", uid: any, operations: [", operations, "]}\n",
                      more);
}

std::string trusting_libvirt_alone(const std::string& version, const std::string& more = "") {
  return absl::StrCat("version: ", version,
                      "\ntrusted_services:\n"
                      "  - {name: libvirt, executable: /usr/sbin/libvirtd, uid: 0, operations: [volume-read, "
                      "volume-write]}\n",
                      more);
}

// Until the host works by the policy of that version.
bool works_by(const SmallHost& host, const std::string& version) {
  for (int i = 0; i < 150; ++i) {
    const auto hosts = host.collector.ask({"hosts"});
    const auto status = host.collector.ask({"policy", "list", "--format", "json"});
    const std::size_t last = status.ok() ? status->rfind("{\"version\"") : std::string::npos;
    const bool newest = last != std::string::npos &&
                        absl::StartsWith(status->substr(last), absl::StrCat("{\"version\":\"", version, "\""));
    if (newest && hosts.ok() && absl::StrContains(*hosts, "in force")) return true;
    usleep(100'000);
  }
  return false;
}

// A process of the host that opens acme's volume: its pid.
pid_t open_volume(const SmallHost& host) {
  auto subject = ChildProcess::start({.words = {opener(), "--read=4096", "openat", host.acme->plan().disks[0].image},
                                      .stderr_file = "",
                                      .namespaces = {}});
  REQUIRE(subject.ok());
  const pid_t pid = subject->pid();
  const auto status = subject->wait(kPatience);
  REQUIRE(status.ok());
  REQUIRE(*status == 0);
  return pid;
}

// The stored event of that process, as JSON; empty when none came.
std::string event_of(const SmallHost& host, pid_t pid) {
  const std::string named = absl::StrCat("\"process\":{\"pid\":", pid, ",");
  for (int i = 0; i < 100; ++i) {
    const auto events = host.collector.ask({"events", "--format", "json"});
    REQUIRE(events.ok());
    for (const auto line : absl::StrSplit(*events, '\n')) {
      if (absl::StrContains(line, named)) return std::string(line.data(), line.size());
    }
    usleep(100'000);
  }
  return "";
}

TEST_CASE("what policy trusts is recorded as trusted and raises no alert, and does once policy trusts it no longer") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make(trusting("one", "volume-read"));
  host->start_agent(kAgentSettings);
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  REQUIRE(works_by(*host, "one"));
  AlertStream alerts(host->collector.process());

  const pid_t trusted = open_volume(*host);
  const std::string event = event_of(*host, trusted);
  INFO(host->logs());
  INFO(event);
  CHECK(absl::StrContains(event, "\"trustedService\":true"));
  // What was done before the witness has come through when that is flagged.
  const pid_t witness = read_memory(*host->acme->vmm_pid());
  REQUIRE(alerts.wait_for([&](const Alert& one) { return one.actor_pid == witness; }, kAlertTimeout).ok());
  CHECK(std::ranges::none_of(alerts.seen(), [&](const Alert& one) { return one.actor_pid == trusted; }));

  host->change_policy(trusting_libvirt_alone("two"));
  REQUIRE(works_by(*host, "two"));
  const pid_t untrusted = open_volume(*host);
  const auto alert = alerts.wait_for([&](const Alert& one) { return one.actor_pid == untrusted; }, kAlertTimeout);
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK(alert->rule == "DISK-01");

  // Trusted with something else than what it does.
  host->change_policy(trusting("three", "volume-write, memory-read"));
  REQUIRE(works_by(*host, "three"));
  const pid_t reader = open_volume(*host);
  CHECK(alerts.wait_for([&](const Alert& one) { return one.actor_pid == reader; }, kAlertTimeout).ok());

  const auto changes = host->collector.ask({"events", "--host", "collector", "--format", "json"});
  REQUIRE(changes.ok());
  CHECK(std::ranges::count(*changes, '\n') == 3);
  CHECK(absl::StrContains(*changes, "\"oldVersion\":\"one\",\"newVersion\":\"two\""));
}

TEST_CASE("policy says whose a running domain is, and an agent that restarts without its collector still knows") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make(trusting_libvirt_alone("one"));
  host->start_agent(kAgentSettings);
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  REQUIRE(works_by(*host, "one"));
  AlertStream alerts(host->collector.process());
  host->change_policy(trusting_libvirt_alone("two", "tenants: [{id: initech, domains: [{name: 'acme-*'}]}]\n"));
  INFO(host->logs());
  const auto changed = alerts.wait_for([](const Alert& one) { return one.rule == "CTRL-04"; }, kAlertTimeout);
  REQUIRE(changed.status() == absl::OkStatus());
  CHECK(absl::StrContains(changed->json, "initech"));
  REQUIRE(works_by(*host, "two"));

  REQUIRE(host->agent->stop() == absl::OkStatus());
  const std::string address = host->collector.address();
  REQUIRE(host->collector.stop() == absl::OkStatus());
  host->start_agent(kAgentSettings);
  // The agent watches by then: a reader that it did not see would leave no event below.
  const auto scans = [&] {
    const std::string logs = host->logs();
    int count = 0;
    for (std::size_t at = logs.find(kScanned); at != std::string::npos; at = logs.find(kScanned, at + 1)) ++count;
    return count;
  };
  for (int i = 0; i < 300 && scans() < 2; ++i) usleep(100'000);
  REQUIRE(scans() == 2);
  usleep(300'000);
  const pid_t reader = read_memory(*host->acme->vmm_pid());
  auto again = ChildProcess::start(
      {.words = {program_directory() + "/bulkhead-collector", "--data-dir", host->libvirt.state_dir() / "collector",
                 "--listen", address, "--http", "127.0.0.1:0"},
       .stderr_file = host->libvirt.state_dir() / "collector.log",
       .namespaces = {}});
  REQUIRE(again.ok());
  std::string event;
  for (int i = 0; i < 100 && event.empty(); ++i) {
    usleep(100'000);
    if (host->collector.ask({"status"}).ok()) event = event_of(*host, reader);
  }
  INFO(event);
  CHECK(absl::StrContains(event, "\"tenant\":\"initech\""));
  CHECK(again->stop(Milliseconds(15'000)) == 0);
}

}  // namespace
}  // namespace bulkhead::stage

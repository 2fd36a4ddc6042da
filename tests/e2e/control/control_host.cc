#include "tests/e2e/control/control_host.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::stage {

namespace {

constexpr Milliseconds kAlertTimeout(20'000);
constexpr char kAgentSettings[] = "health_interval: 200ms\n";
// The display listens in the stage's own network namespace.
constexpr char kDevices[] =
    "<graphics type='vnc' port='5907' autoport='no' listen='127.0.0.1'/><video><model type='vga'/></video>"
    "<serial type='pty'/><controller type='virtio-serial'/><channel type='unix'><source mode='bind'/>"
    "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>";

}  // namespace

ControlHost::ControlHost(const ControlOptions& options)
    : host_(SmallHost::make(options.policy, kDevices, options.listen_tcp, options.sandbox)) {
  if (options.start_domain) REQUIRE(host_->acme->start() == absl::OkStatus());
  host_->start_agent(kAgentSettings);
  if (!options.start_domain) REQUIRE(host_->acme->start() == absl::OkStatus());
  REQUIRE(host_->agent->wait_until_watching(host_->collector, 1, kPatience) == absl::OkStatus());
  alerts_ = std::make_unique<AlertStream>(host_->collector.process());
}

// An operator's tools may use libvirt's socket, which root alone may on this stage.
pid_t ControlHost::run_as(int uid, std::vector<std::string> words) {
  constexpr char kCapabilities[] = "+dac_override,+dac_read_search";
  std::vector<std::string> all = {"/usr/bin/setpriv",
                                  absl::StrCat("--reuid=", uid),
                                  absl::StrCat("--regid=", uid),
                                  "--clear-groups",
                                  absl::StrCat("--inh-caps=", kCapabilities),
                                  absl::StrCat("--ambient-caps=", kCapabilities)};
  all.insert(all.end(), words.begin(), words.end());
  auto actor = ChildProcess::start({.words = all, .stderr_file = path("operators.log"), .namespaces = {}});
  REQUIRE(actor.status() == absl::OkStatus());
  actor->close_stdin();
  const pid_t pid = actor->pid();
  REQUIRE(actor->wait(kPatience).status() == absl::OkStatus());
  return pid;
}

pid_t ControlHost::virsh(int uid, std::vector<std::string> words) {
  words.insert(words.begin(), {"/usr/bin/virsh", "-q", "-c", host_->libvirt.uri()});
  return run_as(uid, std::move(words));
}

pid_t ControlHost::subject(int uid, std::vector<std::string> words) {
  words.front() = absl::StrCat(program_directory(), "/subjects/", words.front());
  return run_as(uid, std::move(words));
}

ChildProcess ControlHost::caller(const std::string& call) {
  auto process = ChildProcess::start(
      {.words = {program_directory() + "/subjects/libvirt_caller", "--wait", host_->libvirt.uri(), "acme-1", call},
       .stderr_file = path("operators.log"),
       .namespaces = {}});
  REQUIRE(process.status() == absl::OkStatus());
  REQUIRE(process->read_line(kPatience).status() == absl::OkStatus());
  return *std::move(process);
}

Alert ControlHost::alert_of(pid_t actor) {
  const auto alert = alerts_->wait_for([&](const Alert& one) { return one.actor_pid == actor; }, kAlertTimeout);
  INFO("no alert about pid " << actor << "\n" << host_->logs());
  REQUIRE(alert.status() == absl::OkStatus());
  return *alert;
}

void ControlHost::settle() {
  alert_of(virsh(kLee, {"screenshot", "acme-1", path("last.ppm")}));
}

bool ControlHost::told_of(pid_t actor) const {
  const std::string pid = absl::StrCat("\"actor\":{\"process\":{\"pid\":", actor, ",");
  return std::ranges::any_of(alerts_->seen(), [&](const Alert& one) { return absl::StrContains(one.json, pid); });
}

std::vector<v1::Event> ControlHost::events_of(pid_t actor, std::size_t least) {
  std::vector<v1::Event> found;
  for (int attempt = 0; attempt < 100; ++attempt) {
    found.clear();
    std::istringstream lines(ask({"events", "--format", "json"}));
    for (std::string line; std::getline(lines, line);) {
      v1::Event event;
      REQUIRE(google::protobuf::util::JsonStringToMessage(line, &event).ok());
      if (event.actor().process().pid() == static_cast<std::uint32_t>(actor)) found.push_back(std::move(event));
    }
    if (found.size() >= least) return found;
    usleep(100'000);
  }
  INFO(host_->logs() << ask({"events", "--format", "json"}));
  FAIL("pid " << actor << " has " << found.size() << " events of " << least);
  return found;
}

v1::ControlCall ControlHost::answer_to(pid_t actor) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    for (const v1::Event& event : events_of(actor, 1)) {
      if (event.control_call().result() != v1::CONTROL_RESULT_UNANSWERED) return event.control_call();
    }
    usleep(100'000);
  }
  FAIL("the call of pid " << actor << " was not answered");
  return {};
}

std::vector<v1::Event> ControlHost::calls() {
  std::vector<v1::Event> found;
  std::istringstream lines(ask({"events", "--format", "json"}));
  for (std::string line; std::getline(lines, line);) {
    v1::Event event;
    REQUIRE(google::protobuf::util::JsonStringToMessage(line, &event).ok());
    if (event.has_control_call()) found.push_back(std::move(event));
  }
  return found;
}

std::string ControlHost::inventory() {
  const auto outcome = run({.words = {program_directory() + "/bulkhead-agent", "inventory", "--format", "json",
                                      "--libvirt", host_->libvirt.uri(), "--config", path("agent.yaml")},
                            .stderr_file = path("operators.log"),
                            .namespaces = {}},
                           kPatience);
  REQUIRE(outcome.status() == absl::OkStatus());
  REQUIRE(outcome->exit_status == 0);
  return outcome->output;
}

std::string ControlHost::ask(std::vector<std::string> words) {
  const auto answer = host_->collector.ask(std::move(words));
  REQUIRE(answer.status() == absl::OkStatus());
  return *answer;
}

}  // namespace bulkhead::stage

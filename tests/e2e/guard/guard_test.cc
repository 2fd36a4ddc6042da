// SENS-01 and SENS-04: what is done to a running agent reaches the security team, with who did it; an orderly stop is
// on record and no alert.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/spool/message_file.h"
#include "bulkhead/v1/agent_state.pb.h"
#include "ebpf/records/record.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr char kQuick[] = "self_check_interval: 1s\nhealth_interval: 500ms\n";
constexpr Milliseconds kAlertTimeout(30'000);

struct Watched {
  std::unique_ptr<SmallHost> host = SmallHost::make();
  AlertStream alerts{host->collector.process()};

  Watched() {
    host->start_agent(kQuick);
    settle();
  }
  void settle() {
    const auto watching = host->agent->wait_until_watching(host->collector, 0, kPatience);
    if (!watching.ok()) FAIL(watching.message());
  }
  pid_t agent() const { return host->agent->process().pid(); }
  std::filesystem::path last_run() const { return host->libvirt.state_dir() / "agent" / "last_run"; }

  Alert alert(const std::string& rule, const std::string& words) {
    const auto found = alerts.wait_for(
        [&](const Alert& one) { return one.rule == rule && absl::StrContains(one.json, words); }, kAlertTimeout);
    INFO(host->logs());
    if (!found.ok()) FAIL("no alert of " << rule << " with " << words << ": " << found.status().message());
    return *found;
  }
  // Everything that was alerted by the time that the collector has all that the agent has.
  std::size_t count(const std::string& rule) const {
    std::size_t found = 0;
    for (const Alert& one : alerts.seen()) found += one.rule == rule ? 1 : 0;
    return found;
  }
  std::string events() const {
    const auto all = host->collector.ask({"events", "--format", "json"});
    return all.ok() ? *all : std::string(all.status().message());
  }
  bool has_event(const std::string& words) const {
    for (int i = 0; i < 100; ++i) {
      if (absl::StrContains(events(), words)) return true;
      usleep(100'000);
    }
    return false;
  }
};

pid_t run_and_wait(std::vector<std::string> words) {
  auto process = ChildProcess::start({.words = std::move(words), .stderr_file = "", .namespaces = {}});
  REQUIRE(process.ok());
  const pid_t pid = process->pid();
  REQUIRE(process->wait(kPatience).ok());
  return pid;
}

// A descriptor of the agent's map of that name, as root can have it: by the map's id, which /proc tells.
int open_map_of(pid_t agent, const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("/proc/", agent, "/fdinfo"))) {
    std::ifstream file(entry.path());
    std::string word;
    std::uint32_t id = 0;
    while (file >> word) {
      if (word == "map_id:") file >> id;
    }
    const int map = id == 0 ? -1 : bpf_map_get_fd_by_id(id);
    bpf_map_info info = {};
    std::uint32_t size = sizeof(info);
    if (map >= 0 && bpf_obj_get_info_by_fd(map, &info, &size) == 0 && absl::StartsWith(name, info.name)) return map;
    if (map >= 0) close(map);
  }
  return -1;
}

TEST_CASE("a stopped, a read and an altered agent is told, and what was altered is put right", "[SENS-01]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  Watched watched;

  const pid_t stopper = run_and_wait({"kill", "-STOP", std::to_string(watched.agent())});
  run_and_wait({"kill", "-CONT", std::to_string(watched.agent())});
  const Alert stopped = watched.alert("SENS-01", "\"fault\":\"signalled\"");
  CHECK(stopped.actor_pid == stopper);
  CHECK_THAT(stopped.json, Catch::Contains("\"signal\":19"));

  const pid_t reader =
      run_and_wait({program_directory() + "/subjects/memory_reader", std::to_string(watched.agent()), "largest", "64"});
  CHECK(watched.alert("SENS-01", "memory_reader").actor_pid == reader);

  const FileDescriptor trusted(open_map_of(watched.agent(), "trusted_executables"));
  REQUIRE(trusted.get() >= 0);
  const bh_file_key mine = {.inode = 4242, .device = 1, .generation = 0, .is_block = 0, .padding = 0};
  const bh_trust everything = {.permissions = 7, .uid = BH_ANY_UID};
  REQUIRE(bpf_map_update_elem(trusted.get(), &mine, &everything, BPF_ANY) == 0);
  watched.alert("SENS-01", "trusted_executables: an entry that the agent did not make");
  bh_trust there = {};
  CHECK(bpf_map_lookup_elem(trusted.get(), &mine, &there) != 0);
}

TEST_CASE("an agent that is killed is told by its next run, and one that is asked to end says so and is no alert",
          "[SENS-01]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  Watched watched;
  // Orderly, and again.
  REQUIRE(watched.host->agent->stop() == absl::OkStatus());
  CHECK(watched.has_event("\"agentStop\":{\"signal\":15}"));
  watched.host->start_agent(kQuick);
  watched.settle();

  watched.host->agent->process().signal(SIGKILL);
  REQUIRE(watched.host->agent->process().wait(kPatience).ok());
  watched.host->start_agent(kQuick);
  watched.settle();
  watched.alert("SENS-01", "ended_unannounced");
  // Of the orderly end there is none, and nothing else was amiss.
  CHECK(watched.count("SENS-01") == 1);
  CHECK(watched.count("SENS-04") == 0);
}

TEST_CASE("a hook that the last run had and this one has not is an alert, and one that is new is not", "[SENS-04]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  Watched watched;
  REQUIRE(watched.host->agent->stop() == absl::OkStatus());
  v1::LastRun run;
  const auto kept = spool::load_message(watched.last_run(), &run);
  REQUIRE(kept.ok());
  REQUIRE(*kept);
  CHECK(run.stopped());
  // As if the last run had been on another kernel: with a hook that is not here, and without one that is.
  const auto rows = run.mutable_coverage()->mutable_probes();
  rows->erase(rows->begin());
  v1::ProbeCoverage& other = *rows->Add();
  other.set_probe(v1::PROBE_CONTROL_ENDPOINT);
  other.set_mechanism("tracepoint syscalls/sys_exit_of_another_kernel");
  other.set_tier(run.coverage().probes(1).tier());
  other.set_state(v1::PROBE_STATE_ATTACHED);
  run.set_kernel_release("another");
  REQUIRE(spool::save_message(watched.last_run(), run).ok());

  watched.host->start_agent(kQuick);
  watched.settle();
  const Alert lost = watched.alert("SENS-04", "sys_exit_of_another_kernel");
  CHECK_THAT(lost.json, Catch::Contains("\"old_kernel_release\":\"another\""));
  CHECK(watched.has_event("COVERAGE_CHANGE_KIND_HOOK_GAINED"));
  CHECK(watched.count("SENS-04") == 1);
  CHECK(watched.count("SENS-01") == 0);
}

}  // namespace
}  // namespace bulkhead::stage

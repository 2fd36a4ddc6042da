// Ownership while domains and libvirt come and go.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(15'000);

// Reads the VMM's memory as soon as the emulator runs; the pids of VMM and reader.
struct EarlyReader {
  explicit EarlyReader(const std::filesystem::path& pid_file) : pid_file_(pid_file) {}

  void run() {
    while (!stop_) {
      pid_t pid = 0;
      std::ifstream(pid_file_) >> pid;
      std::error_code error;
      const auto executable = std::filesystem::read_symlink(absl::StrCat("/proc/", pid, "/exe"), error);
      if (pid > 0 && absl::StrContains(executable.string(), "qemu")) {
        vmm = pid;
        reader = read_memory(pid);
        return;
      }
    }
  }

  void stop() { stop_ = true; }

  pid_t vmm = 0;
  pid_t reader = 0;

 private:
  const std::filesystem::path pid_file_;
  std::atomic<bool> stop_ = false;
};

TEST_CASE("a VMM's memory is watched from its first moment, and its own start is no breach", "[MEM-01]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  host->start_agent();
  REQUIRE(host->agent->wait_until_watching(host->collector, 0, kPatience) == absl::OkStatus());
  AlertStream alerts(host->collector.process());
  constexpr int kStarts = 3;
  for (int i = 0; i < kStarts; ++i) {
    EarlyReader early(host->libvirt.run_dir() / "qemu" / "acme-1.pid");
    std::thread thread([&] { early.run(); });
    const absl::Status started = host->acme->start();
    early.stop();
    thread.join();
    REQUIRE(started == absl::OkStatus());
    INFO(host->logs());
    REQUIRE(early.reader != 0);
    const auto alert = alerts.wait_for([&](const Alert& one) { return one.actor_pid == early.reader; }, kAlertTimeout);
    REQUIRE(alert.status() == absl::OkStatus());
    CHECK(alert->rule == "MEM-01");
    CHECK(alert->actor_tenant == "host");
    CHECK(alert->object_tenant == "acme");
    CHECK(absl::StrContains(alert->object, std::to_string(early.vmm)));
    REQUIRE(host->acme->destroy() == absl::OkStatus());
  }
  const auto seen = alerts.seen();
  CHECK(seen.size() == kStarts);
  for (const Alert& alert : seen) {
    INFO(alert.json);
    CHECK(alert.rule == "MEM-01");
  }
}

TEST_CASE("an agent that started before libvirt picks its domains up when it comes, and keeps them when it goes") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->libvirt.stop_daemon() == absl::OkStatus());
  host->start_agent("health_interval: 500ms\n");
  REQUIRE(host->agent->wait_until_watching(host->collector, 0, kPatience) == absl::OkStatus());
  CHECK_FALSE(absl::StrContains(host->host_json(), "\"inventoryConnected\":true"));

  REQUIRE(host->libvirt.start_daemon() == absl::OkStatus());
  INFO(host->logs());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());

  REQUIRE(host->libvirt.kill_daemon() == absl::OkStatus());
  AlertStream alerts(host->collector.process());
  const pid_t reader = read_memory(*host->acme->vmm_pid());
  const auto alert = alerts.wait_for([&](const Alert& one) { return one.actor_pid == reader; }, kAlertTimeout);
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK(alert->object_tenant == "acme");
  REQUIRE(host->libvirt.start_daemon() == absl::OkStatus());
}

TEST_CASE("a collector that is killed and comes back has every event once") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  host->start_agent();
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  const pid_t vmm = *host->acme->vmm_pid();
  const std::string address = host->collector.address();
  read_memory(vmm, 1000);
  host->collector.process().signal(SIGKILL);
  REQUIRE(host->collector.process().wait(kPatience).ok());
  read_memory(vmm, 1000);

  auto again = ChildProcess::start(
      {.words = {program_directory() + "/bulkhead-collector", "--data-dir", host->libvirt.state_dir() / "collector",
                 "--listen", address, "--http", "127.0.0.1:0"},
       .stderr_file = host->libvirt.state_dir() / "collector.log",
       .namespaces = {}});
  REQUIRE(again.ok());
  std::size_t events = 0;
  for (int i = 0; i < 150 && events < 2000; ++i) {
    usleep(200'000);
    const auto answer = host->collector.ask({"events", "--format", "json"});
    if (!answer.ok()) continue;
    events = static_cast<std::size_t>(std::count(answer->begin(), answer->end(), '\n'));
  }
  INFO(host->logs());
  CHECK(events == 2000);
  CHECK(again->stop(Milliseconds(15'000)) == 0);
}

}  // namespace
}  // namespace bulkhead::stage

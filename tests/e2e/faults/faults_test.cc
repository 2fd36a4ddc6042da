// What the programs say when something is wrong: one clear line, and the exit status of ARCHITECTURE.md.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/skip.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/product.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kTimeout(30'000);

class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-faults-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Result {
  int exit_status = -1;
  std::string error;  // stderr
};

std::string program(const std::string& name) {
  return program_directory() + "/" + name;
}

Result run_words(std::vector<std::string> words) {
  const Directory directory;
  const std::filesystem::path log = directory / "stderr";
  const auto outcome = run({.words = std::move(words), .stderr_file = log, .namespaces = {}}, kTimeout);
  REQUIRE(outcome.status() == absl::OkStatus());
  std::ifstream file(log);
  return {outcome->exit_status, std::string(std::istreambuf_iterator<char>(file), {})};
}

Result run_program(const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program(name));
  return run_words(std::move(arguments));
}

// One line, that names `what`, and this status.
void check_refusal(const Result& result, int exit_status, const std::string& what) {
  INFO(result.error);
  CHECK(result.exit_status == exit_status);
  CHECK_THAT(result.error, Catch::Contains(what));
  CHECK(std::count(result.error.begin(), result.error.end(), '\n') == 1);
}

std::string write(const Directory& directory, const std::string& name, const std::string& text) {
  std::ofstream(directory / name) << text;
  return directory / name;
}

TEST_CASE("an agent without privilege says what it needs") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root, to give it up");
  const Directory directory;
  check_refusal(run_words({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("bulkhead-agent"),
                           "--collector", "127.0.0.1:1", "--state-dir", "/tmp/none"}),
                4, "root");
}

TEST_CASE("an agent on a kernel without BTF says so") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const Directory directory;
  const std::string hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" \"$@\"";
  check_refusal(run_words({"unshare", "--mount", "/bin/sh", "-c", hide, program("bulkhead-agent"), "--collector",
                           "127.0.0.1:1", "--state-dir", directory / "agent"}),
                4, "BTF");
}

TEST_CASE("an agent whose state directory cannot be made names it") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const Directory directory;
  const std::string file = write(directory, "file", "not a directory");
  check_refusal(run_program("bulkhead-agent", {"--collector", "127.0.0.1:1", "--state-dir", file + "/agent"}), 2, file);
}

TEST_CASE("an unknown key of the agent's configuration is refused with its place") {
  const Directory directory;
  const std::string file = write(directory, "agent.yaml", "libvirt:\n  run_dirr: /run/libvirt\n");
  const Result result = run_program("bulkhead-agent", {"--config", file, "--collector", "127.0.0.1:1"});
  check_refusal(result, 2, "agent.yaml:2:");
  CHECK_THAT(result.error, Catch::Contains("run_dir"));
  check_refusal(run_program("bulkhead-agent", {"--config", file, "--check-config", "--collector", "127.0.0.1:1"}), 1,
                "agent.yaml:2:");
}

TEST_CASE("an agent without a collector to speak to, or with a wrong option, is told how") {
  check_refusal(run_program("bulkhead-agent", {"--state-dir", "/tmp/none"}), 2, "collector");
  check_refusal(run_program("bulkhead-agent", {"--colector", "127.0.0.1:1"}), 2, "colector");
}

TEST_CASE("an unknown key of the collector's configuration is refused with its place") {
  const Directory directory;
  const std::string file = write(directory, "collector.yaml", "data_dirr: /tmp/none\n");
  check_refusal(run_program("bulkhead-collector", {"--config", file}), 2, "collector.yaml:1:");
  check_refusal(run_program("bulkhead-collector", {"--config", file, "--check-config"}), 1, "collector.yaml:1:");
}

TEST_CASE("a configuration that is good is said to be, with 0") {
  const Directory directory;
  const std::string agent = write(directory, "agent.yaml", "libvirt: {run_dir: /run/libvirt}\n");
  const std::string collector = write(directory, "collector.yaml", "data_dir: /tmp/none\n");
  CHECK(
      run_program("bulkhead-agent", {"--config", agent, "--check-config", "--collector", "127.0.0.1:1"}).exit_status ==
      0);
  CHECK(run_program("bulkhead-collector", {"--config", collector, "--check-config"}).exit_status == 0);
}

TEST_CASE("the agent's inventory without a libvirt to ask says so") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  // After what it logs while it tries.
  const Result result = run_program("bulkhead-agent", {"inventory", "--libvirt", "qemu:///system?socket=/nowhere"});
  INFO(result.error);
  CHECK(result.exit_status == 3);
  CHECK_THAT(result.error, Catch::Contains("bulkhead-agent: libvirt does not answer at") && Catch::EndsWith("\n"));
}

TEST_CASE("a collector that may not write its data directory names it") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root, to give it up");
  const Directory directory;
  // Others may look into it, and not write.
  std::filesystem::permissions(directory / ".", std::filesystem::perms(0755));
  check_refusal(run_words({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("bulkhead-collector"),
                           "--data-dir", directory / "data", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}),
                4, directory / "data");
}

TEST_CASE("a collector whose data directory cannot be made names it") {
  const Directory directory;
  const std::string file = write(directory, "file", "not a directory");
  check_refusal(run_program("bulkhead-collector",
                            {"--data-dir", file + "/data", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}),
                2, file);
}

TEST_CASE("a collector whose port is in use names it") {
  const Directory directory;
  std::filesystem::create_directory(directory / "first");
  auto first = Collector::start(directory / "first");
  REQUIRE(first.status() == absl::OkStatus());
  check_refusal(run_program("bulkhead-collector", {"--data-dir", directory / "second", "--listen", first->address(),
                                                   "--http", "127.0.0.1:0"}),
                2, first->address());
  CHECK(first->stop() == absl::OkStatus());
}

TEST_CASE("a second collector on one data directory is refused, and the first goes on") {
  const Directory directory;
  std::filesystem::create_directory(directory / "first");
  auto first = Collector::start(directory / "first");
  REQUIRE(first.status() == absl::OkStatus());
  check_refusal(run_program("bulkhead-collector", {"--data-dir", directory / "first/collector", "--listen",
                                                   "127.0.0.1:0", "--http", "127.0.0.1:0"}),
                2, directory / "first/collector");
  CHECK(first->ask({"status"}).ok());
  CHECK(first->stop() == absl::OkStatus());
}

TEST_CASE("a collector with a corrupt database says which and loses nothing more") {
  const Directory directory;
  std::filesystem::create_directory(directory / "one");
  {
    auto collector = Collector::start(directory / "one");
    REQUIRE(collector.status() == absl::OkStatus());
    REQUIRE(collector->stop() == absl::OkStatus());
  }
  std::filesystem::path manifest;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "one/collector")) {
    if (absl::StartsWith(entry.path().filename().string(), "MANIFEST")) manifest = entry.path();
  }
  REQUIRE_FALSE(manifest.empty());
  std::ofstream(manifest, std::ios::binary) << std::string(4096, '\x5a');
  const Result result = run_program("bulkhead-collector", {"--data-dir", directory / "one/collector", "--listen",
                                                           "127.0.0.1:0", "--http", "127.0.0.1:0"});
  check_refusal(result, 2, directory / "one/collector");
  CHECK(std::filesystem::file_size(manifest) == 4096);
}

TEST_CASE("bulkheadctl without a collector to ask says so") {
  check_refusal(run_program("bulkheadctl", {"--collector", "127.0.0.1:1", "hosts"}), 3, "127.0.0.1:1");
  check_refusal(run_program("bulkheadctl", {"--collector", "127.0.0.1:1", "hostss"}), 2, "hostss");
}

TEST_CASE("an agent whose collector is away waits with its events and delivers them later") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const Directory directory;
  std::filesystem::create_directory(directory / "one");
  // A port that was free a moment ago, for the collector that comes later.
  std::string address;
  {
    auto probe = Collector::start(directory / "one");
    REQUIRE(probe.status() == absl::OkStatus());
    address = probe->address();
    REQUIRE(probe->stop() == absl::OkStatus());
  }
  const std::filesystem::path log = directory / "agent.log";
  auto agent = ChildProcess::start({.words = {program("bulkhead-agent"), "--collector", address, "--state-dir",
                                              directory / "agent", "--libvirt", "qemu:///system?socket=/nowhere"},
                                    .stderr_file = log,
                                    .namespaces = {}});
  REQUIRE(agent.ok());
  // It neither ends nor fills its log.
  CHECK(absl::IsDeadlineExceeded(agent->wait(Milliseconds(3000)).status()));
  auto collector = ChildProcess::start({.words = {program("bulkhead-collector"), "--data-dir", directory / "later",
                                                  "--listen", address, "--http", "127.0.0.1:0"},
                                        .stderr_file = directory / "collector.log",
                                        .namespaces = {}});
  REQUIRE(collector.ok());
  bool connected = false;
  for (int i = 0; i < 100 && !connected; ++i) {
    const auto hosts = run({.words = {program("bulkheadctl"), "--collector", address, "hosts", "--format", "json"},
                            .stderr_file = directory / "ctl.log",
                            .namespaces = {}},
                           kTimeout);
    connected = hosts.ok() && absl::StrContains(hosts->output, "\"connected\":true");
    if (!connected) usleep(200'000);
  }
  CHECK(connected);
  CHECK(agent->stop(Milliseconds(15'000)) == 0);
  CHECK(collector->stop(Milliseconds(15'000)) == 0);
  std::ifstream file(log);
  const std::string said((std::istreambuf_iterator<char>(file)), {});
  INFO(said);
  CHECK(std::count(said.begin(), said.end(), '\n') < 12);
  CHECK_THAT(said, Catch::Contains("libvirt"));
}

}  // namespace
}  // namespace bulkhead::stage

// scripts/lab as its user meets it: output, status, limits, and nothing left behind.
#include <signal.h>
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/host_state.h"

namespace bulkhead::stage {
namespace {

// A boot takes 5 s here and may take many times that on a busy machine.
constexpr Milliseconds kBoot(120'000);
constexpr Milliseconds kGone(5'000);
constexpr int kTimeout = 124, kLabFailed = 125;
const std::vector<std::string> kNothing;

constexpr char kLabScript[] = BULKHEAD_TREE "/scripts/lab";

struct Said {
  int status = 0;
  std::string output, errors;
};

Said lab(std::vector<std::string> words) {
  std::string errors = std::filesystem::temp_directory_path() / "lab-script-test-XXXXXX";
  close(mkstemp(errors.data()));
  words.insert(words.begin(), kLabScript);
  const auto outcome = run({.words = std::move(words), .stderr_file = errors, .namespaces = {}}, kBoot);
  std::ifstream in(errors);
  Said said{0, "", {std::istreambuf_iterator<char>(in), {}}};
  std::filesystem::remove(errors);
  REQUIRE(outcome.status() == absl::OkStatus());
  said.status = outcome->exit_status;
  said.output = outcome->output;
  return said;
}

TEST_CASE("a command's stdout, stderr and exit status come out of the lab, and nothing is left of it") {
  const HostState before = HostState::now();
  // What it leaves running must not keep the lab waiting.
  const Said said = lab({"run", "--", "bash", "-c", "sleep 600 & echo to stdout; echo to stderr >/dev/stderr; exit 7"});
  CHECK(said.status == 7);
  CHECK(said.output == "to stdout\n");
  CHECK(said.errors == "to stderr\n");
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("a command that takes too long is ended, and the status says so") {
  const HostState before = HostState::now();
  const Said said = lab({"run", "--timeout", "1", "--", "bash", "-c", "echo begun; sleep 600"});
  CHECK(said.status == kTimeout);
  CHECK(said.output == "begun\n");
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("a host that dies is the lab's failure, told with the end of its console") {
  const HostState before = HostState::now();
  const Said said = lab({"run", "--", "bash", "-c", "echo c >/proc/sysrq-trigger"});
  CHECK(said.status == kLabFailed);
  CHECK_THAT(said.errors, Catch::StartsWith("lab: "));
  CHECK_THAT(said.errors, Catch::Contains("sysrq"));
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("several hosts reach each other, and each one's words and status come out") {
  const HostState before = HostState::now();
  // Whoever ends goes down, so the first waits for the second.
  const Said said =
      lab({"run", "--hosts", "2", "--", "bash", "-c",
           "if [ $BULKHEAD_LAB_HOST = 1 ]; then\n"
           "  timeout 60 /run/lab/busybox nc -l -p 4000 < <(sleep 60)\n"
           "else\n"
           "  for try in {1..60}; do (echo from $(hostname) >/dev/tcp/lab-1/4000) && break; sleep 1; done\n"
           "fi || exit 9\n"
           "echo done; exit $((BULKHEAD_LAB_HOST - 1))"});
  CHECK(said.status == 1);
  CHECK_THAT(said.output, Catch::Contains("lab-1: from lab-2\n") && Catch::Contains("lab-1: done\n"));
  CHECK_THAT(said.output, Catch::Contains("lab-2: done\n"));
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("a host that dies takes the others with it") {
  const HostState before = HostState::now();
  const Said said = lab({"run", "--hosts", "2", "--", "bash", "-c",
                         "[ $BULKHEAD_LAB_HOST = 1 ] || echo c >/proc/sysrq-trigger; sleep 600"});
  CHECK(said.status == kLabFailed);
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("what the lab cannot do is told from what its command says") {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"run"},
                                                                                     {"run", "--kernel", "0.1", "true"},
                                                                                     {"run", "--timeout", "no", "true"},
                                                                                     {"run", "--hosts", "9", "true"},
                                                                                     {"shell", "--hosts", "2"},
                                                                                     {"run", "--unheard-of", "true"},
                                                                                     {"shell", "true"}}) {
    const Said said = lab(words);
    CHECK(said.status == kLabFailed);
    CHECK_THAT(said.errors, Catch::StartsWith("lab: "));
    CHECK(said.output.empty());
  }
}

TEST_CASE("a signal ends the lab and all that belongs to it") {
  const auto [signal, status] = GENERATE(table<int, int>({{SIGTERM, 143}, {SIGINT, 130}}));
  const HostState before = HostState::now();
  auto script = ChildProcess::start({{kLabScript, "run", "--", "bash", "-c", "echo begun; exec sleep 600"}, "", {}});
  REQUIRE(script.status() == absl::OkStatus());
  const auto begun = script->read_line(kBoot);
  REQUIRE(begun.status() == absl::OkStatus());
  CHECK(*begun == "begun");
  CHECK(before.left_behind(Milliseconds(0)) != kNothing);
  script->signal(signal);
  const auto ended = script->wait(Milliseconds(20'000));
  REQUIRE(ended.status() == absl::OkStatus());
  CHECK(*ended == status);
  CHECK(before.left_behind(kGone) == kNothing);
}

}  // namespace
}  // namespace bulkhead::stage

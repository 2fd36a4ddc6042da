// The demo as a person meets it: to its end, and interrupted.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "tests/support/skip.h"
#include "tests/support/stage/acts.h"
#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/guest_image.h"
#include "tests/support/stage/host_state.h"

namespace bulkhead::stage {
namespace {

// 30 s where KVM works, 160 s where KVM is emulated too: in a lab host.
constexpr Milliseconds kWhole(480'000);
constexpr Milliseconds kEnd(60'000);
constexpr Milliseconds kGone(20'000);

class TemporaryFile {
 public:
  TemporaryFile() {
    std::string name = std::filesystem::temp_directory_path() / "demo-test-XXXXXX";
    close(mkstemp(name.data()));
    path_ = name;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }
  std::string text() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

bool playable() {
  return geteuid() == 0 && find_guest_image().ok();
}

TEST_CASE("the demo flags every staged breach and no twin, and leaves nothing behind",
          "[MEM-01][MEM-02][MEM-03][DISK-01][NET-03]") {
  if (!playable()) BULKHEAD_SKIP("needs root and a guest image (scripts/guest-image)");
  const HostState before = HostState::now();
  const TemporaryFile errors;
  const auto outcome = run({{program_directory() + "/bulkhead-demo", "--once"}, errors.path(), {}}, kWhole);
  REQUIRE(outcome.status() == absl::OkStatus());
  INFO(errors.text());
  CHECK(outcome->exit_status == 0);

  size_t breaches = 0, alerts = 0;
  for (const Act& played : acts()) breaches += played.is_breach() ? 1 : 0;
  std::istringstream lines(outcome->output);
  for (std::string line; std::getline(lines, line); ++alerts) CHECK(parse_alert(line).status() == absl::OkStatus());
  CHECK(alerts >= breaches);
  CHECK(before.left_behind(kGone) == std::vector<std::string>{});
}

TEST_CASE("a demo that is interrupted leaves nothing behind") {
  if (!playable()) BULKHEAD_SKIP("needs root and a guest image (scripts/guest-image)");
  const HostState before = HostState::now();
  const TemporaryFile errors;
  auto demo = ChildProcess::start({{program_directory() + "/bulkhead-demo"}, errors.path(), {}});
  REQUIRE(demo.status() == absl::OkStatus());
  const auto deadline = std::chrono::steady_clock::now() + kEnd;
  while (!absl::StrContains(errors.text(), "waiting for the guests")) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    INFO(errors.text());
    REQUIRE_FALSE(demo->wait(Milliseconds(100)).ok());
  }
  CHECK(before.left_behind(Milliseconds(0)) != std::vector<std::string>{});
  demo->signal(SIGINT);
  const auto status = demo->wait(kEnd);
  INFO(errors.text());
  REQUIRE(status.status() == absl::OkStatus());
  CHECK(*status == 130);
  CHECK(before.left_behind(kGone) == std::vector<std::string>{});
}

}  // namespace
}  // namespace bulkhead::stage

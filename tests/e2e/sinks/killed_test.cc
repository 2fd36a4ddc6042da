// The collector's side is killed in the middle: a process with the real log, detection, store and sinks. What detection
// stored arrives, and what it had not stored it judges again.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <set>
#include <thread>

#include "collector/alerts/stage.h"
#include "proto/batch/batch.h"
#include "tests/e2e/sinks/peers.h"
#include "tests/e2e/sinks/receiver.h"
#include "tests/e2e/sinks/sender.h"
#include "tests/support/skip.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kEvents = 400;

// Each by another process, so that each opens an alert.
void append_event(store::EventLog& log, std::uint64_t sequence) {
  v1::Event event = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);
  // Each by a program of its own: the same again would be counted on one alert.
  event.mutable_actor()->mutable_process()->set_executable("/usr/bin/reader-" + std::to_string(sequence));
  event.set_sequence(sequence);
  set_time(event, static_cast<double>(sequence));
  const auto batches = batch::pack(std::span(&event, 1));
  if (!batches.ok() || !log.append(*batches).ok()) _exit(3);
}

// Until all events are stored, judged and told; or until it is killed.
[[noreturn]] void collect(const std::filesystem::path& data, const std::vector<sinks::SinkSettings>& settings) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto store = store::Store::open(data);
  auto made = sinks::make_sinks(settings);
  auto rules = detect::compile_rules(shipped_rules());
  if (!store.ok() || !made.ok() || !rules.ok()) _exit(2);
  sinks::Dispatcher dispatcher((*store)->outbox(), (*store)->alerts(), std::move(made->sinks), {});
  alerts::DetectionStage stage({.log = (*store)->log(),
                                .alerts = (*store)->alerts(),
                                .rules = *rules,
                                .hostname = [](const std::string& host) { return host; },
                                .recipients = [&](const v1::Alert& alert) { return dispatcher.recipients(alert); }});
  if (!dispatcher.start().ok() || !stage.start().ok()) _exit(4);
  for (auto next = (*store)->ledger().boot("host-1", "boot-1")->next_sequence; next <= kEvents; ++next) {
    append_event((*store)->log(), next);
    std::this_thread::sleep_for(2ms);
  }
  if (!stage.wait_until_caught_up(20s)) _exit(5);
  const bool told = eventually([&] {
    for (const auto& one : dispatcher.statistics()) {
      if (one.waiting > 0) return false;
    }
    return true;
  });
  _exit(told ? 0 : 6);
}

}  // namespace

TEST_CASE("the collector is killed in the middle, again and again, and every alert arrives, none twice") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.peer().start();
  const auto file = (dir.path() / "alerts.jsonl").string();
  const std::vector<sinks::SinkSettings> settings = {settings_of("hook", receiver.target()),
                                                     settings_of("file", sinks::FileTarget{file})};
  // A store whose very making is cut short is refused, and holds nothing yet.
  open_store(dir.path() / "data");
  int status = 0;
  for (const auto life : {300ms, 500ms, 700ms, 60000ms}) {
    const pid_t child = fork();
    if (child == 0) collect(dir.path() / "data", settings);
    const auto until = std::chrono::steady_clock::now() + life;
    pid_t ended = 0;
    while (ended == 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(5ms);
      ended = waitpid(child, &status, WNOHANG);
    }
    if (ended != 0) break;
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, &status, 0) == child);
  }
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);

  const auto store = open_store(dir.path() / "data");
  REQUIRE(store->alerts().count() == kEvents);
  check_received(receiver, kEvents);
  // A file knows of no ids: a line may be there twice, and none is missing.
  std::set<std::string> lines;
  std::istringstream text(content_of(file));
  for (std::string line; std::getline(text, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object()) lines.insert(json["finding_info"]["uid"]);
  }
  CHECK(lines.size() == kEvents);
}

}  // namespace bulkhead::test

// Calls in unusual circumstances: nobody waits for them, nobody answers them, their caller or their daemon is gone.
#include <google/protobuf/util/json_util.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "bulkhead/v1/query.pb.h"
#include "tests/e2e/control/control_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

// A process that is stopped while this lives.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { kill(pid_, SIGSTOP); }
  ~Stopped() { go_on(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  void go_on() { kill(pid_, SIGCONT); }

 private:
  const pid_t pid_;
};

// Whether libvirt's client sleeps in poll(): its call is in the socket.
bool waits_for_answer(pid_t pid) {
  constexpr int kPoll = 7;
  for (int i = 0; i < 200; ++i) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/syscall");
    int number = -1;
    if (file >> number && number == kPoll) return true;
    usleep(10'000);
  }
  return false;
}

v1::Host host_of(ControlHost& control) {
  v1::Host host;
  REQUIRE(google::protobuf::util::JsonStringToMessage(control.host().host_json(), &host).ok());
  return host;
}

v1::ProbeCounters counters_of(const v1::Host& host) {
  for (const v1::ProbeCounters& one : host.health().counters()) {
    if (one.probe() == v1::PROBE_CONTROL_LIBVIRT_RPC) return one;
  }
  return {};
}

TEST_CASE("a call that nobody answers is told without its answer, and again when the answer comes") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  ChildProcess caller = control.caller("status");
  Stopped vmm(*control.host().acme->vmm_pid());
  REQUIRE(caller.write_line("go") == absl::OkStatus());

  const auto waiting = control.events_of(caller.pid(), 1);
  REQUIRE(waiting.size() == 1);
  CHECK(waiting.front().control_call().result() == v1::CONTROL_RESULT_UNANSWERED);
  CHECK_FALSE(waiting.front().control_call().late_answer());
  CHECK(waiting.front().control_call().duration_ns() > 1'000'000'000);
  CHECK(control.alert_of(caller.pid()).rule == "CTRL-01");

  vmm.go_on();
  const auto answered = control.events_of(caller.pid(), 2);
  REQUIRE(answered.size() == 2);
  CHECK(answered.back().control_call().result() == v1::CONTROL_RESULT_DONE);
  CHECK(answered.back().control_call().late_answer());
  // The call's own time, both times.
  CHECK(answered.back().boot_time_ns() == answered.front().boot_time_ns());
}

TEST_CASE("a caller that is gone before its call is read is told as it was when it connected") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  ChildProcess caller = control.caller("memory-peek");
  const auto daemon = control.host().libvirt.daemon_pid();
  REQUIRE(daemon.ok());
  {
    const Stopped libvirtd(*daemon);
    REQUIRE(caller.write_line("go") == absl::OkStatus());
    REQUIRE(waits_for_answer(caller.pid()));
    caller.signal(SIGKILL);
    REQUIRE(caller.wait(kPatience).ok());
  }
  const auto events = control.events_of(caller.pid(), 1);
  REQUIRE_FALSE(events.empty());
  const v1::Event& event = events.front();
  CHECK(event.control_call().caller_gone());
  CHECK(event.control_call().procedure() == "DOMAIN_MEMORY_PEEK");
  CHECK(event.object().tenant() == "acme");
  CHECK(event.actor().process().executable() == program_directory() + "/subjects/libvirt_caller");
  CHECK(event.actor().uid() == 0);
  REQUIRE(event.actor().lineage_size() > 0);
  CHECK(event.actor().lineage(0).pid() == static_cast<std::uint32_t>(getpid()));
}

TEST_CASE("who is connected since before the agent came is known, and so is who asks a daemon that began after it") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  // The stage's own connection is older than the agent: by it the domain was defined.
  REQUIRE(control.host().acme->destroy() == absl::OkStatus());
  auto events = control.events_of(getpid(), 1);
  CHECK(events.front().control_call().procedure() == "DOMAIN_DESTROY");
  CHECK(events.front().control_call().transport() == v1::CONTROL_TRANSPORT_UNIX);
  CHECK(events.front().actor().trusted_service());

  REQUIRE(control.host().libvirt.kill_daemon() == absl::OkStatus());
  REQUIRE(control.host().libvirt.start_daemon() == absl::OkStatus());
  const pid_t asked = control.virsh(kKim, {"start", "acme-1"});
  CHECK(control.events_of(asked, 1).front().control_call().procedure() == "DOMAIN_CREATE");
}

TEST_CASE("every call is told, or counted as looking around, and what is told is stored") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  ControlHost control;
  constexpr int kCalls = 200;
  const pid_t actor = control.subject(
      kKim, {"libvirt_caller", "--times=" + std::to_string(kCalls), control.host().libvirt.uri(), "acme-1", "status"});
  CHECK(control.events_of(actor, kCalls).size() == kCalls);
  // The counters come with the health report.
  v1::ProbeCounters counters;
  std::uint64_t stored = 0;
  for (int i = 0; i < 100; ++i) {
    const v1::Host host = host_of(control);
    counters = counters_of(host);
    stored = 0;
    for (const v1::Event& one : control.calls()) stored += one.probe() == v1::PROBE_CONTROL_LIBVIRT_RPC;
    if (counters.emitted() >= kCalls && counters.emitted() == stored) break;
    usleep(100'000);
  }
  INFO(counters.ShortDebugString());
  CHECK(counters.emitted() == stored);
  CHECK(counters.decoded() == counters.emitted());
  CHECK(counters.spooled() == counters.emitted());
  CHECK(counters.lost() == 0);
  // What each connection asks before and after.
  CHECK(counters.suppressed() > 0);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
}

}  // namespace
}  // namespace bulkhead::stage

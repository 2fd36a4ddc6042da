// bulkhead-demo: two tenants' virtual machines on this host, breaches and their legal twins, and the alerts as they
// come. stdout: alerts, one JSON object a line. stderr: what is going on.
#include <signal.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "tests/support/demo/report.h"
#include "tests/support/stage/acts.h"
#include "tests/support/stage/cast.h"
#include "tests/support/stage/interrupt.h"

namespace bulkhead::demo {
namespace {

using stage::Milliseconds;

constexpr int kDone = 0, kWrong = 1, kUsage = 2, kNoPrivilege = 4, kInterrupted = 130;
constexpr Milliseconds kAlertTimeout(10'000);
// After the last alert that is waited for: for what would come beside it.
constexpr Milliseconds kSettle(1'000);

void note_interrupt(int) {
  // A second Ctrl-C ends us at once; the stage's keeper cleans up all the same.
  if (stage::interrupted()) _exit(kInterrupted);
  stage::interrupt();
}

class Narrator {
 public:
  void operator()(const std::string& line) const {
    const auto elapsed = std::chrono::steady_clock::now() - begin_;
    std::fprintf(stderr, "[%6.1f s] %s\n", std::chrono::duration<double>(elapsed).count(), line.c_str());
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

int fail(const absl::Status& status) {
  if (absl::IsCancelled(status)) return kInterrupted;
  std::cerr << "bulkhead-demo: " << status.message() << std::endl;
  return absl::IsPermissionDenied(status) ? kNoPrivilege : kWrong;
}

// Waits for a breach's alert, or gives a twin's alert the time to come.
void watch_out(stage::AlertStream& alerts, const Deed& deed, const Narrator& narrate) {
  if (!deed.act->is_breach()) return;
  const auto alert = alerts.wait_for([&](const auto& a) { return deed.act->flagged_by(a, deed.actor); }, kAlertTimeout);
  narrate(alert.ok() ? "  flagged: " + alert->message : "  NOT FLAGGED");
}

void sleep_unless_interrupted(Milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stage::interrupted() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(Milliseconds(50));
}

absl::StatusOr<Verdict> play(stage::Cast& cast, stage::AlertStream& alerts, const Narrator& narrate) {
  std::vector<Deed> deeds;
  for (const stage::Act& act : stage::acts()) {
    if (stage::interrupted()) return absl::CancelledError("interrupted");
    narrate(act.title);
    const auto begun = std::chrono::system_clock::now();
    const auto actor = act.commit(cast);
    if (!actor.ok())
      return absl::Status(actor.status().code(), std::string(act.name) + ": " + std::string(actor.status().message()));
    deeds.push_back({&act, *actor, begun});
    watch_out(alerts, deeds.back(), narrate);
  }
  sleep_unless_interrupted(kSettle);
  return judge(deeds, alerts.seen());
}

void tell_how_to_look(const stage::Cast& cast, const Narrator& narrate) {
  const std::string ctl = stage::program_directory() + "/bulkheadctl --collector " + cast.collector.address();
  narrate("look for yourself, from another terminal:");
  for (const char* command : {" hosts --probes", " tenants", " alerts", " events --follow"})
    narrate("  " + ctl + command);
  narrate("alerts go on coming here; Ctrl-C ends the demo and leaves the host as it was");
}

int show(bool once) {
  const Narrator narrate;
  auto assembled = stage::Cast::assemble(narrate);
  if (!assembled.ok()) return fail(assembled.status());
  const auto cast = std::move(*assembled);
  stage::AlertStream alerts(cast->collector.process(), [](const stage::Alert& alert) {
    std::printf("%s\n", alert.json.c_str());
    std::fflush(stdout);
  });
  narrate("waiting for the guests to boot");
  if (auto status = cast->wait_for_guests(); !status.ok()) return fail(status);

  const auto verdict = play(*cast, alerts, narrate);
  if (!verdict.ok()) return fail(verdict.status());
  std::cerr << "\n" << verdict->table << std::endl;
  narrate(verdict->good ? "every staged breach was flagged, and no twin was"
                        : "NOT as it should be: see the lines marked WRONG");
  if (!once) {
    tell_how_to_look(*cast, narrate);
    while (!stage::interrupted()) sleep_unless_interrupted(Milliseconds(1'000));
  }
  narrate("cleaning up");
  if (auto status = cast->leave(); !status.ok()) return fail(status);
  return verdict->good ? kDone : kWrong;
}

}  // namespace
}  // namespace bulkhead::demo

int main(int argc, char** argv) {
  namespace options = boost::program_options;
  options::options_description description(
      "usage: bulkhead-demo [--once]\n\nStages breaches between two tenants' virtual machines and shows the alerts.\n"
      "Exit status: 0 every staged breach was flagged and no twin was; 1 not so; 4 not root");
  description.add_options()("once", "end after the last act")("help", "this text");
  options::variables_map given;
  try {
    options::store(options::parse_command_line(argc, argv, description), given);
  } catch (const options::error& error) {
    std::cerr << "bulkhead-demo: " << error.what() << std::endl;
    return bulkhead::demo::kUsage;
  }
  if (given.count("help") != 0) {
    std::cout << description << std::endl;
    return bulkhead::demo::kDone;
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, bulkhead::demo::note_interrupt);
  return bulkhead::demo::show(given.count("once") != 0);
}

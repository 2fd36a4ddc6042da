// Watches the agent itself (SENS-01, SENS-04): are its hooks still attached, do its maps hold what it put there, does
// what it does to itself come out of every CPU's ring, did it run all the time, did its last run announce its end, and
// can it see what it could see before?
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/decode/records.h"
#include "agent/guard/canary.h"
#include "agent/probes/probe_set.h"
#include "bulkhead/v1/agent_state.pb.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::guard {

struct Options {
  std::filesystem::path state_dir;
  // Maps and hooks are looked at, and each CPU has its canaries, this often; a CPU's turn takes 3 s at least.
  std::chrono::milliseconds interval{60'000};
  v1::LastRun run;  // this one
};

// Belongs to the thread that runs `io`.
class Guard {
 public:
  // What happened, told as events; an object's id and what names the host are the caller's to fill in.
  using Tell = std::function<void(std::vector<v1::Event>)>;
  using CoverageChanged = std::function<void()>;

  // `probes` must outlive this. Without canaries (the reason is logged) all else is watched.
  Guard(boost::asio::io_context& io, probes::ProbeSet& probes, Options options, Tell tell,
        CoverageChanged coverage_changed);

  // Tells what changed since the last run, keeps this one in its place, and watches from now on.
  void start();
  // To be called with each new statement of the coverage.
  void cover(const v1::Coverage& coverage);
  void take(const decode::CanaryRecord& record);
  // The last that is told: an end that was asked for by this signal.
  void stop(int signal);

 private:
  using Clock = std::chrono::steady_clock;

  void arm();
  void tick();
  void notice_pause(Clock::time_point now);
  void check_probes();
  void run_canaries(Clock::time_point now);
  std::set<v1::Probe> attached() const;
  void compare(const v1::LastRun& before);
  void keep();

  probes::ProbeSet& probes_;
  const Options options_;
  const Tell tell_;
  const CoverageChanged coverage_changed_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;

  v1::LastRun run_;
  std::unique_ptr<Canary> canary_;  // null: cannot be had
  bool in_round_ = false;
  Clock::time_point round_began_, last_check_, last_tick_;
  // Those that are told stay so until their canary comes again.
  std::set<std::tuple<v1::Probe, std::uint32_t, std::string>> lost_;
};

}  // namespace bulkhead::guard

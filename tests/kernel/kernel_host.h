// The real probes on this machine's kernel, with ownership set by hand: what they tell about real acts.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/decode/records.h"
#include "agent/probes/probe_set.h"
#include "tests/support/stage/child_process.h"

namespace bulkhead::test {

inline constexpr probes::Owner kAcme = {.tenant = 1, .domain = 11};
inline constexpr probes::Owner kGlobex = {.tenant = 2, .domain = 21};
inline constexpr stage::Milliseconds kPatience{10'000};

// Why the probes cannot be loaded here; empty when they can.
std::string missing_capability();

class KernelHost {
 public:
  // Letting go of a hook takes the kernel a while, so that a test loads what it needs: these probes, and the one that
  // tells markers; all of them when none is named.
  explicit KernelHost(std::vector<v1::Probe> wanted = {}, probes::Options options = {});

  probes::ProbeSet& probes() { return *probes_; }
  const std::vector<v1::ProbeCoverage>& coverage() const { return probes_->coverage(); }
  probes::OwnershipMaps& maps() { return probes_->ownership(); }

  // Everything that the probes told since the last call, or within `patience` until `enough` says so. Other processes
  // of the machine touch nothing that a test owns, so what comes is the test's own.
  std::vector<decode::Record> collect(const std::function<bool(const std::vector<decode::Record>&)>& enough,
                                      std::chrono::milliseconds patience = std::chrono::seconds(20));

  // What came by the time that a marker act, done after the act in question, is told: with it a silence is a fact and
  // not a matter of waiting. The marker is an open of a file of the tenant "marker"; its own records are left out.
  std::vector<decode::Record> collect_until_marker();

  v1::ProbeCounters counters_of(v1::Probe probe) const;

  // Does it see anything here, by whichever mechanism?
  bool attached(v1::Probe probe) const;

  // Who tells here what this probe is for: itself, or another whose better mechanism sees it as well.
  v1::Probe teller_of(v1::Probe probe) const;

 private:
  std::vector<probes::Probe> table_;
  std::unique_ptr<probes::ProbeSet> probes_;
  std::string marker_file_;
};

// A temporary folder, removed at the end; on a disk file system when no other parent is named.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& parent = "");
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  // A new file of `bytes` bytes in it.
  std::string file(const std::string& name, std::size_t bytes = 4096) const;

 private:
  std::string path_;
};

// A running subject program (tests/support/subjects).
stage::ChildProcess start_subject(std::vector<std::string> words);

// Runs one to its end; its exit status.
int run_subject(std::vector<std::string> words);

// A process with memory of its own that stands for a VMM.
struct Victim {
  stage::ChildProcess process;
  std::string address;
};
Victim start_victim(std::vector<std::string> arguments = {});

template <typename Kind>
std::vector<Kind> only(const std::vector<decode::Record>& records) {
  std::vector<Kind> found;
  for (const decode::Record& record : records) {
    if (const auto* one = std::get_if<Kind>(&record)) found.push_back(*one);
  }
  return found;
}

template <typename Kind>
std::function<bool(const std::vector<decode::Record>&)> at_least(std::size_t count) {
  return [count](const std::vector<decode::Record>& records) { return only<Kind>(records).size() >= count; };
}

}  // namespace bulkhead::test

#define BULKHEAD_NEEDS_PROBES()                                         \
  do {                                                                  \
    const std::string missing = ::bulkhead::test::missing_capability(); \
    if (!missing.empty()) {                                             \
      ::bulkhead::test::report_skip(missing);                           \
      return;                                                           \
    }                                                                   \
  } while (false)

// The product, as processes: a collector and an agent from this build's bin directory, set up as a user would.
//
// Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/private_libvirt.h"

namespace bulkhead::stage {

class Collector {
 public:
  // Listens on a free port of the loopback; keeps data and log under `directory`. Ready when it returns. `flags`: more
  // words for its command line.
  static absl::StatusOr<Collector> start(const std::filesystem::path& directory,
                                         const std::vector<std::string>& flags = {});

  // "127.0.0.1:PORT"
  const std::string& address() const { return address_; }
  // Prints alerts on its stdout.
  ChildProcess& process() { return *process_; }

  // Runs bulkheadctl against it: its stdout. Any exit status but 0 is an error.
  absl::StatusOr<std::string> ask(std::vector<std::string> words) const;
  // Orderly; any exit status but 0 is an error.
  absl::Status stop();

 private:
  std::string address_;
  std::unique_ptr<ChildProcess> process_;
};

class Agent {
 public:
  // `configuration`: more lines for its configuration file. `wrapper`: the command that becomes the agent.
  static absl::StatusOr<Agent> start(const std::filesystem::path& directory, const Collector& collector,
                                     const PrivateLibvirt& libvirt, const std::string& configuration = "",
                                     std::vector<std::string> wrapper = {});

  ChildProcess& process() { return *process_; }

  // Until the collector knows this host, its probes' coverage and that many running domains. The error holds what it
  // knew last.
  absl::Status wait_until_watching(const Collector& collector, int running_domains, Milliseconds timeout);
  // Orderly; any exit status but 0 is an error.
  absl::Status stop();

 private:
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace bulkhead::stage

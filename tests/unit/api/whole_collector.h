// A whole collector in this process, an agent's stream to it, and bulkheadctl.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collector/collector.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

// Free ports on loopback, and the rules that ship.
collector::Options options_for(const TempDir& dir);

std::unique_ptr<collector::Collector> start(const collector::Options& options);

struct Answer {
  int exit_status = 0;
  std::string out;
  std::string errors;
};

// bulkheadctl.
Answer ask(const std::string& address, std::vector<std::string> words);

// Sends one batch, and returns once it is acknowledged.
void send_as_agent(const std::string& address, const v1::EventBatch& batch);

}  // namespace bulkhead::test

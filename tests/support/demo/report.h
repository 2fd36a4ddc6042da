// What came of each act.
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/stage/acts.h"
#include "tests/support/stage/alert_stream.h"

namespace bulkhead::demo {

// An act that was committed.
struct Deed {
  const stage::Act* act;
  // The process that acted, or 0.
  pid_t actor;
  std::chrono::system_clock::time_point begun;
};

struct Verdict {
  // A line of the table for each deed, and one for each alert that no staged breach explains.
  std::string table;
  // Every breach was flagged, and nothing else.
  bool good = true;
};

Verdict judge(const std::vector<Deed>& deeds, const std::vector<stage::Alert>& alerts);

}  // namespace bulkhead::demo

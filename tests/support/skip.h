// A missing capability is a reported skip, never a pass. Catch2 2 has no SKIP of its own.
#pragma once

#include <string>

namespace bulkhead::test {

// Prints the reason; the program exits 77 unless something failed.
void report_skip(const std::string& reason);

}  // namespace bulkhead::test

#define BULKHEAD_SKIP(reason)              \
  do {                                     \
    ::bulkhead::test::report_skip(reason); \
    return;                                \
  } while (false)

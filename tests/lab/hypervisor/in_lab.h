// Tests that change the host that they run on say so first.
#pragma once

#include <cstdlib>

#include "tests/support/skip.h"

// scripts/lab sets it to the kernel's name in tests/lab/kernels.
#define BULKHEAD_NEEDS_LAB()                                                          \
  do {                                                                                \
    if (std::getenv("BULKHEAD_LAB_KERNEL") == nullptr) {                              \
      ::bulkhead::test::report_skip("runs in a lab host only: scripts/lab run -- …"); \
      return;                                                                         \
    }                                                                                 \
  } while (false)

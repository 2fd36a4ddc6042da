#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <iostream>

#include "tests/support/skip.h"

namespace {
int skipped = 0;
constexpr int kSkipExitStatus = 77;
}  // namespace

void bulkhead::test::report_skip(const std::string& reason) {
  ++skipped;
  std::cout << "SKIP: " << reason << std::endl;
}

int main(int argc, char** argv) {
  const int failed = Catch::Session().run(argc, argv);
  if (failed != 0) return failed;
  return skipped > 0 ? kSkipExitStatus : 0;
}

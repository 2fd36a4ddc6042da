#include "tests/support/stage/log_tail.h"

#include <fstream>

namespace bulkhead::stage {

std::string tail_of(const std::filesystem::path& log) {
  constexpr size_t kBytes = 2000;
  std::ifstream in(log);
  std::string line, tail;
  while (std::getline(in, line)) {
    tail += line + "\n";
    while (tail.size() > kBytes) tail.erase(0, tail.find('\n') + 1);
  }
  return tail;
}

}  // namespace bulkhead::stage

#include <sys/ioctl.h>
#include <unistd.h>

#include <exception>
#include <iostream>

#include "collector/ctl/commands.h"

namespace {

constexpr std::size_t kPage = 120;

std::size_t page_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 60) return kPage;
  return size.ws_col;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    return bulkhead::ctl::run(arguments, std::cout, std::cerr, page_width());
  } catch (const std::exception& error) {
    std::cerr << "bulkheadctl: " << error.what() << '\n';
    return 2;
  }
}

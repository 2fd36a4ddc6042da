#include "agent/ownership/descendants.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

namespace bulkhead::ownership {
namespace {

// A child with a child of its own, both waiting for the pipe to end; the pid of the grandchild.
struct Family {
  Family() {
    int hold[2], tell[2];
    REQUIRE((pipe(hold) == 0 && pipe(tell) == 0));
    child = fork();
    if (child == 0) {
      close(hold[1]);
      const pid_t own = fork();
      if (own != 0) (void)!write(tell[1], &own, sizeof(own));
      char byte = 0;
      (void)!read(hold[0], &byte, 1);
      if (own != 0) waitpid(own, nullptr, 0);
      _exit(0);
    }
    close(hold[0]);
    release = hold[1];
    REQUIRE(read(tell[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
    close(tell[0]);
    close(tell[1]);
  }
  ~Family() {
    close(release);
    waitpid(child, nullptr, 0);
  }
  pid_t child = 0;
  pid_t grandchild = 0;
  int release = -1;
};

TEST_CASE("children and their children are found, nearest first") {
  const Family family;
  const auto found = descendants_of(static_cast<std::uint32_t>(getpid()));
  const auto child = std::find(found.begin(), found.end(), static_cast<std::uint32_t>(family.child));
  const auto grandchild = std::find(found.begin(), found.end(), static_cast<std::uint32_t>(family.grandchild));
  REQUIRE(child != found.end());
  REQUIRE(grandchild != found.end());
  CHECK(child < grandchild);
}

TEST_CASE("a process that is not there has no descendants") {
  CHECK(descendants_of(0x7ffffffe).empty());
}

}  // namespace
}  // namespace bulkhead::ownership

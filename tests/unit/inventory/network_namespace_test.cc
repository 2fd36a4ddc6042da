#include "agent/inventory/network_namespace.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/support/skip.h"

using namespace bulkhead::inventory;

namespace {

// A process in a network namespace of its own with one tap; ready() says whether that worked out.
class ForeignNamespace {
 public:
  explicit ForeignNamespace(const char* tap) {
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) run(tap, ready[1]);
    ::close(ready[1]);
    char ok = 0;
    ready_ = ::read(ready[0], &ok, 1) == 1;
    ::close(ready[0]);
  }
  ~ForeignNamespace() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ForeignNamespace(const ForeignNamespace&) = delete;
  ForeignNamespace& operator=(const ForeignNamespace&) = delete;

  bool ready() const { return ready_; }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  [[noreturn]] static void run(const char* tap, int ready) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
    const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    std::string_view(tap).copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (fd < 0 || ::ioctl(fd, TUNSETIFF, &request) != 0) ::_exit(1);
    if (::write(ready, "1", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }

  pid_t pid_ = -1;
  bool ready_ = false;
};

std::uint32_t own_namespace() {
  struct stat status{};
  REQUIRE(::stat("/proc/thread-self/ns/net", &status) == 0);
  return static_cast<std::uint32_t>(status.st_ino);
}

// Sockets, as /proc/self/fd shows them.
int open_sockets() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error).string().starts_with("socket:")) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a device of our own network namespace is found") {
  NetworkNamespaces namespaces;
  const auto device = namespaces.resolve(static_cast<std::uint32_t>(::getpid()), "lo");
  INFO(device.status());
  REQUIRE(device.ok());
  CHECK(device->network_namespace == own_namespace());
  CHECK(device->ifindex == ::if_nametoindex("lo"));
}

TEST_CASE("a tap in another process's network namespace is found there and not here") {
  const ForeignNamespace foreign("bhtest0");
  if (!foreign.ready()) BULKHEAD_SKIP("no right to make a network namespace with a tap");
  NetworkNamespaces namespaces;
  const auto device = namespaces.resolve(foreign.pid(), "bhtest0");
  INFO(device.status());
  REQUIRE(device.ok());
  CHECK(device->network_namespace != own_namespace());
  CHECK(device->ifindex > 0);
  CHECK(absl::IsNotFound(namespaces.resolve(static_cast<std::uint32_t>(::getpid()), "bhtest0").status()));
}

TEST_CASE("resolving in a foreign namespace leaves the caller in its own") {
  const ForeignNamespace foreign("bhtest0");
  if (!foreign.ready()) BULKHEAD_SKIP("no right to make a network namespace with a tap");
  const std::uint32_t before = own_namespace();
  NetworkNamespaces namespaces;
  REQUIRE(namespaces.resolve(foreign.pid(), "bhtest0").ok());
  CHECK(own_namespace() == before);
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    struct stat status{};
    REQUIRE(::stat((task.path() / "ns/net").c_str(), &status) == 0);
    CHECK(static_cast<std::uint32_t>(status.st_ino) == before);
  }
}

TEST_CASE("one socket serves a namespace until nobody asks for it") {
  const int before = open_sockets();
  NetworkNamespaces namespaces;
  const auto self = static_cast<std::uint32_t>(::getpid());
  REQUIRE(namespaces.resolve(self, "lo").ok());
  REQUIRE(namespaces.resolve(self, "lo").ok());
  CHECK(open_sockets() == before + 1);
  namespaces.release_idle();
  CHECK(open_sockets() == before + 1);
  namespaces.release_idle();
  CHECK(open_sockets() == before);
}

TEST_CASE("no such process, no such device and no such name are errors") {
  NetworkNamespaces namespaces;
  const auto self = static_cast<std::uint32_t>(::getpid());
  CHECK(absl::IsNotFound(namespaces.resolve(0x7fffffff, "lo").status()));
  CHECK(absl::IsNotFound(namespaces.resolve(self, "bhnone0").status()));
  CHECK(absl::IsInvalidArgument(namespaces.resolve(self, "").status()));
  CHECK(absl::IsInvalidArgument(namespaces.resolve(self, "a-name-of-sixteen").status()));
}

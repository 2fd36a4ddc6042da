// MEM-11: a VMM that ends by a signal which writes a core.
#include <signal.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::CoreRecord;

// Cores of the processes that are started while it lives are forbidden (0) or not, without any being written: the soft
// limit is below what a core needs at least.
class CoreLimit {
 public:
  explicit CoreLimit(rlim_t bytes) {
    REQUIRE(getrlimit(RLIMIT_CORE, &before_) == 0);
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_CORE, &limit) == 0);
  }
  ~CoreLimit() { setrlimit(RLIMIT_CORE, &before_); }
  CoreLimit(const CoreLimit&) = delete;
  CoreLimit& operator=(const CoreLimit&) = delete;

 private:
  rlimit before_ = {};
};

TEST_CASE("a VMM that ends by a core-dumping signal is told with the signal and its limit", "[MEM-11]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_CORE_DUMP});
  const CoreLimit limit(1);
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS}) {
    INFO("signal " << signal);
    OwnedVictim owned = own_victim(host, kAcme);
    owned.victim.process.signal(signal);
    REQUIRE(*owned.victim.process.wait(kPatience) == 128 + signal);
    const auto cores = only<CoreRecord>(host.collect(at_least<CoreRecord>(1)));
    REQUIRE(cores.size() == 1);
    CHECK(cores.front().signal == static_cast<std::uint32_t>(signal));
    CHECK(cores.front().limit == 1);
    CHECK(cores.front().header.actor_key.tgid == owned.key.tgid);
    CHECK(cores.front().header.object.tenant == kAcme.tenant);
  }
}

TEST_CASE("a VMM that ends otherwise, and a host process that crashes, are no core dump", "[MEM-11][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_CORE_DUMP});
  const CoreLimit limit(0);
  {
    OwnedVictim owned = own_victim(host, kAcme);
    owned.victim.process.signal(SIGTERM);
    REQUIRE(*owned.victim.process.wait(kPatience) == 128 + SIGTERM);
  }
  Victim of_host = start_victim();
  of_host.process.signal(SIGSEGV);
  REQUIRE(*of_host.process.wait(kPatience) == 128 + SIGSEGV);
  CHECK(only<CoreRecord>(host.collect_until_marker()).empty());
  CHECK(host.counters_of(v1::PROBE_MEMORY_CORE_DUMP).seen() == 0);
}

}  // namespace
}  // namespace bulkhead::test

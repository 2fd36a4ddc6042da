// Kernel same-page merging, as a host that overcommits memory has it.
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/lab/hypervisor/in_lab.h"
#include "tests/support/stage/ksm.h"

namespace bulkhead::lab {
namespace {

constexpr std::size_t kPages = 64;
using stage::ksm;
using stage::KsmSetting;

class Pages {
 public:
  explicit Pages(char content) : size_(kPages * static_cast<std::size_t>(getpagesize())) {
    start_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(start_ != MAP_FAILED);
    std::memset(start_, content, size_);
    REQUIRE(madvise(start_, size_, MADV_MERGEABLE) == 0);
  }
  ~Pages() { munmap(start_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

 private:
  const std::size_t size_;
  void* start_ = nullptr;
};

TEST_CASE("KSM merges equal pages") {
  BULKHEAD_NEEDS_LAB();
  const long before = ksm("pages_sharing");
  REQUIRE(before >= 0);
  const KsmSetting rate("pages_to_scan", 1000), run("run", 1);
  const Pages one('b'), other('b');
  // All pages are equal: one stays and the others share it, but at most max_page_sharing share one.
  const long wanted = before + static_cast<long>(kPages);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  // The kernel tells nobody when it merged: only looking again shows it.
  while (ksm("pages_sharing") < wanted && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(ksm("pages_sharing") >= wanted);
}

}  // namespace
}  // namespace bulkhead::lab

// The kernel of a lab host, and the BPF hooks that it is there for.
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "agent/probes/bpf_handles.h"
#include "ebpf/skeletons/hooks.skel.h"
#include "tests/lab/hypervisor/in_lab.h"

namespace bulkhead::lab {
namespace {

struct HooksDeleter {
  void operator()(bh_hooks* hooks) const { bh_hooks__destroy(hooks); }
};
using Hooks = std::unique_ptr<bh_hooks, HooksDeleter>;

// Loaded with this process as the one to observe; attaches nothing.
Hooks load_hooks() {
  Hooks hooks(bh_hooks__open());
  REQUIRE(hooks != nullptr);
  hooks->rodata->observed = static_cast<std::uint32_t>(getpid());
  REQUIRE(bh_hooks__load(hooks.get()) == 0);
  return hooks;
}

void open_a_file() {
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  close(file);
}

TEST_CASE("the lab host runs the kernel that was asked for") {
  BULKHEAD_NEEDS_LAB();
  utsname names{};
  REQUIRE(uname(&names) == 0);
  CHECK(absl::StartsWith(names.release, std::string(std::getenv("BULKHEAD_LAB_KERNEL")) + "."));
}

TEST_CASE("the lab host's kernel has the BPF LSM switched on") {
  BULKHEAD_NEEDS_LAB();
  std::ifstream file("/sys/kernel/security/lsm");
  const std::string list{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::string> modules = absl::StrSplit(list, ',');
  CHECK(std::find(modules.begin(), modules.end(), "bpf") != modules.end());
}

TEST_CASE("an LSM program attaches, and runs when a file is opened") {
  BULKHEAD_NEEDS_LAB();
  const Hooks hooks = load_hooks();
  open_a_file();
  CHECK(hooks->bss->lsm_runs == 0);
  const probes::LinkPtr link(bpf_program__attach_lsm(hooks->progs.file_open));
  REQUIRE(link != nullptr);
  open_a_file();
  CHECK(hooks->bss->lsm_runs == 1);
}

TEST_CASE("an fentry program attaches, and runs when its function is called") {
  BULKHEAD_NEEDS_LAB();
  const Hooks hooks = load_hooks();
  const probes::LinkPtr link(bpf_program__attach_trace(hooks->progs.vfs_open));
  REQUIRE(link != nullptr);
  open_a_file();
  CHECK(hooks->bss->fentry_runs == 1);
  CHECK(hooks->bss->lsm_runs == 0);
}

}  // namespace
}  // namespace bulkhead::lab

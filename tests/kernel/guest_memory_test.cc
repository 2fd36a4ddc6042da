// MEM-05: what guest memory can be made of, and the ways to it.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/ownership/guest_memory.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;

// Huge pages beyond those that the host has, for as long as this lives.
class HugePages {
 public:
  explicit HugePages(int more) : before_(read("/proc/sys/vm/nr_hugepages")) {
    if (before_ >= 0) write(before_ + more);
  }
  ~HugePages() {
    if (before_ >= 0) write(before_);
  }
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;

  bool are_there(int wanted) const { return before_ >= 0 && read("/proc/sys/vm/nr_hugepages") >= before_ + wanted; }

 private:
  static int read(const char* path) {
    int number = -1;
    std::ifstream(path) >> number;
    return number;
  }
  static void write(int number) { std::ofstream("/proc/sys/vm/nr_hugepages") << number; }

  int before_;
};

stage::ChildProcess started(absl::StatusOr<stage::ChildProcess> process) {
  if (!process.ok()) FAIL(process.status().message());
  const auto line = process->read_line(kPatience);
  REQUIRE(line.ok());
  INFO(*line);
  REQUIRE(line->starts_with("done mapped"));
  return *std::move(process);
}

stage::ChildProcess map_file(const std::string& path) {
  return started(start_subject({"holder", "--write", "map", path}));
}

// In a hugetlbfs that is mounted for the VMM alone.
stage::ChildProcess map_huge_file(const std::string& directory) {
  const std::string holder = stage::program_directory() + "/subjects/holder";
  return started(stage::ChildProcess::start(
      {{"unshare", "--mount", "--propagation", "private", "sh", "-ec",
        absl::StrCat("mount -t hugetlbfs none $1\ntruncate -s 2M $1/ram\nexec ", holder, " --write map $1/ram"), "sh",
        directory},
       "",
       {}}));
}

// Its mapping of a file by that name, as a link in procfs.
std::string mapping_of(pid_t pid, const std::string& name) {
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  for (std::string line; std::getline(maps, line);) {
    if (absl::EndsWith(line, name)) return absl::StrCat("/proc/", pid, "/map_files/", line.substr(0, line.find(' ')));
  }
  FAIL("process " << pid << " has no mapping of " << name);
  return "";
}

// That the sweep finds the VMM's memory, and that an open of it by each of those paths is told.
void check_opens(stage::ChildProcess& vmm, const std::vector<std::string>& paths) {
  KernelHost host({v1::PROBE_HOST_SWEEP});
  const auto sweep = host.probes().host_sweep();
  REQUIRE(sweep != nullptr);
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE((key.ok() && host.maps().set_vmm(*key, kAcme, false).ok()));
  const auto claims = sweep->guest_memory();
  REQUIRE(claims->size() == 1);
  ownership::GuestMemory memory(host.maps());
  memory.apply(*claims, [](const probes::FileKey&) { return false; });
  for (const std::string& path : paths) {
    INFO(path);
    REQUIRE(run_subject({"file_opener", "--write", "openat", path}) == 0);
    const auto opens = only<FileOpenRecord>(host.collect_until_marker());
    REQUIRE(opens.size() == 1);
    CHECK(opens.front().is_guest_memory);
    CHECK((opens.front().open.flags() & O_ACCMODE) == O_RDWR);
    CHECK(opens.front().header.object.domain == kAcme.domain);
    CHECK(opens.front().file.inode == claims->front().key.inode);
    CHECK(opens.front().file.device == claims->front().key.device);
  }
}

}  // namespace

TEST_CASE("guest memory that is a file, of tmpfs or of a disk, is told by its name and by the VMM's mapping",
          "[MEM-05]") {
  BULKHEAD_NEEDS_PROBES();
  const std::string parent = GENERATE("/dev/shm", "/var/tmp");
  CAPTURE(parent);
  const TemporaryDirectory directory(parent);
  const std::string path = directory.file("ram", 1 << 16);
  stage::ChildProcess vmm = map_file(path);
  check_opens(vmm, {path, mapping_of(vmm.pid(), path)});
}

TEST_CASE("guest memory on huge pages is told, also from outside the VMM's mount namespace", "[MEM-05]") {
  BULKHEAD_NEEDS_PROBES();
  const HugePages pages(1);
  if (!pages.are_there(1)) BULKHEAD_SKIP("the kernel gives no huge page");
  const TemporaryDirectory directory;
  stage::ChildProcess vmm = map_huge_file(directory.path());
  check_opens(vmm, {absl::StrCat("/proc/", vmm.pid(), "/root", directory.path(), "/ram"),
                    mapping_of(vmm.pid(), directory.path() + "/ram")});
}

}  // namespace bulkhead::test

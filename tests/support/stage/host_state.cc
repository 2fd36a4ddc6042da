#include "tests/support/stage/host_state.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::stage {
namespace {

namespace fs = std::filesystem;
using Things = std::set<std::string>;

void add_mounts(Things& things) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, target;
    words >> id >> parent >> device >> root >> target;
    things.insert(absl::StrCat("mount ", target));
  }
}

void add_directories(Things& things) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/sys/class/net", ignored))
    things.insert(absl::StrCat("link ", entry.path().filename().string()));
  for (const auto& entry : fs::directory_iterator("/sys/block", ignored))
    if (fs::exists(entry.path() / "loop", ignored))
      things.insert(absl::StrCat("loop device ", entry.path().filename().string()));
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path(), ignored)) {
    const std::string name = entry.path().filename();
    if (absl::StartsWith(name, "bulkhead-stage-") || absl::StartsWith(name, "bulkhead-lab-"))
      things.insert(absl::StrCat("state directory ", entry.path().string()));
  }
  for (const char* place :
       {"/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/run/libvirt"})
    if (fs::exists(place, ignored)) things.insert(absl::StrCat("directory ", place));
  for (auto entry = fs::recursive_directory_iterator("/sys/fs/cgroup", ignored);
       entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    const std::string path = entry->path();
    // Other programs make and remove cgroups of their own all the time.
    if (entry->is_directory(ignored) && (absl::StrContains(path, "machine") || absl::StrContains(path, "qemu")))
      things.insert(absl::StrCat("cgroup ", path));
  }
}

bool is_ours(const fs::path& process, const std::string& command) {
  std::error_code ignored;
  const std::string executable = fs::read_symlink(process / "exe", ignored);
  return absl::StartsWith(executable, program_directory() + "/") || absl::StrContains(command, "libvirtd") ||
         absl::StrContains(command, "qemu-system");
}

void add_processes(Things& things) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos || pid == std::to_string(getpid())) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::string command(std::istreambuf_iterator<char>(file), {});
    std::replace(command.begin(), command.end(), '\0', ' ');
    if (is_ours(entry.path(), command)) things.insert(absl::StrCat("process ", pid, " ", command.substr(0, 200)));
    const std::string network = fs::read_symlink(entry.path() / "ns/net", ignored);
    if (!network.empty()) things.insert(absl::StrCat("network namespace ", network));
  }
}

void add_bpf_programs(Things& things) {
  uint32_t id = 0;
  while (true) {
    bpf_attr attributes{};
    attributes.start_id = id;
    if (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes)) != 0) return;
    id = attributes.next_id;
    things.insert(absl::StrCat("BPF program ", id));
  }
}

}  // namespace

HostState HostState::now() {
  HostState state;
  add_mounts(state.things_);
  add_directories(state.things_);
  add_processes(state.things_);
  add_bpf_programs(state.things_);
  return state;
}

std::vector<std::string> HostState::left_behind(Milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const HostState present = now();
    std::vector<std::string> left;
    std::set_difference(present.things_.begin(), present.things_.end(), things_.begin(), things_.end(),
                        std::back_inserter(left));
    if (left.empty() || std::chrono::steady_clock::now() > deadline) return left;
    std::this_thread::sleep_for(Milliseconds(100));
  }
}

}  // namespace bulkhead::stage

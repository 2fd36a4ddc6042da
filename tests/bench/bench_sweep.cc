// What a sweep costs on a host with many processes: each with twenty descriptors and twenty mappings of files, besides
// what every process has.
//
//   bench_sweep [--processes=N] [--rounds=N]
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/probes/probe_set.h"
#include "fmt/format.h"

namespace bulkhead::bench {
namespace {

constexpr int kFiles = 20;

[[noreturn]] void fail(const std::string& why) {
  std::cerr << "bench_sweep: " << why << '\n';
  std::exit(4);
}

int option(int argc, char** argv, std::string_view name, int otherwise) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with(name)) return std::max(1, std::atoi(word.substr(name.size()).data()));
  }
  return otherwise;
}

double milliseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Ends with this process.
pid_t start_process(const std::vector<std::string>& files, int ready) {
  const pid_t child = fork();
  if (child < 0) fail("cannot start so many processes");
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const std::string& path : files) {
    const int file = open(path.c_str(), O_RDWR);
    if (file < 0 || mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED) _exit(1);
  }
  if (write(ready, "x", 1) != 1) _exit(1);
  while (true) pause();
}

int run(int argc, char** argv) {
  const int processes = option(argc, argv, "--processes=", 500), rounds = option(argc, argv, "--rounds=", 50);
  std::string directory = std::filesystem::temp_directory_path() / "bulkhead-bench-sweep-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) fail("cannot make a temporary directory");
  std::vector<std::string> files;
  for (int i = 0; i < kFiles; ++i) {
    files.push_back(fmt::format("{}/{}", directory, i));
    std::ofstream(files.back()) << std::string(4096, 'x');
  }
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail("no pipe");
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) children.push_back(start_process(files, ready[1]));
  for (int i = 0; i < processes; ++i) {
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) fail("a process did not come up");
  }

  auto probes = probes::ProbeSet::load({});
  if (!probes.ok()) fail(std::string(probes.status().message()));
  const auto sweep = (*probes)->host_sweep();
  if (sweep == nullptr) fail("this kernel allows no sweeps");
  // One process in ten is a VMM, and its files are its tenant's: every one of them is looked up and judged.
  probes::OwnershipMaps& maps = (*probes)->ownership();
  constexpr probes::Owner kAcme = {.tenant = 1, .domain = 1};
  for (std::size_t i = 0; i < children.size(); i += 10) {
    if (const auto key = maps.process(static_cast<std::uint32_t>(children[i])); key.ok()) {
      if (!maps.set_vmm(*key, kAcme, false).ok()) fail("the ownership map is not writable");
    }
  }
  std::vector<double> cpu, wall;
  for (int round = 0; round <= rounds; ++round) {
    const double cpu_before = milliseconds(CLOCK_THREAD_CPUTIME_ID), wall_before = milliseconds(CLOCK_MONOTONIC);
    const auto claims = sweep->guest_memory();
    const absl::Status judged = sweep->judge();
    if (!claims.ok() || !judged.ok()) fail("a sweep broke off");
    if (round == 0) continue;  // warm up
    cpu.push_back(milliseconds(CLOCK_THREAD_CPUTIME_ID) - cpu_before);
    wall.push_back(milliseconds(CLOCK_MONOTONIC) - wall_before);
  }
  std::ranges::sort(cpu);
  std::ranges::sort(wall);
  const double median = cpu[cpu.size() / 2];
  const auto interval = static_cast<double>(config::Sweep{}.interval.count());
  fmt::print(
      "{} processes, {} sweeps: {:.2f} ms of CPU each (p90 {:.2f}), {:.2f} ms by the clock; every {:.0f} s that is "
      "{:.4f} % of a core\n",
      processes, cpu.size(), median, cpu[cpu.size() * 9 / 10], wall[wall.size() / 2], interval / 1e3,
      100 * median / interval);

  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  return bulkhead::bench::run(argc, argv);
}

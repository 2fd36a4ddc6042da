// From the act to the alert: real reads of a real VMM's memory, each by a process of its own, so that each is an alert
// of its own. The time runs from the probe's own stamp in the kernel to the moment when the collector's JSON line is
// read.
//
//   bench_latency [--acts=N] [--json]
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/cast.h"

namespace bulkhead::bench {
namespace {

using stage::Alert;
using stage::Milliseconds;

constexpr Milliseconds kPatience(10'000);

int fail(const absl::Status& status) {
  std::cerr << "bench_latency: " << status.message() << '\n';
  return 1;
}

// One read by a program of its own, since the same program again would only be counted; how long until its alert was
// read, in milliseconds.
absl::StatusOr<double> act_to_alert(stage::Cast& cast, stage::AlertStream& alerts, const std::string& program) {
  auto vmm = cast.acme_1->vmm_pid();
  if (!vmm.ok()) return vmm.status();
  auto reader = stage::ChildProcess::start(
      {.words = {program, std::to_string(*vmm), "largest", "64"}, .stderr_file = "", .namespaces = {}});
  if (!reader.ok()) return reader.status();
  const pid_t pid = reader->pid();
  if (auto status = reader->wait(kPatience); !status.ok()) return status.status();
  const auto alert =
      alerts.wait_for([&](const Alert& one) { return one.rule == "MEM-01" && one.actor_pid == pid; }, kPatience);
  if (!alert.ok()) return alert.status();
  return std::chrono::duration<double, std::milli>(alert->received - alert->acted).count();
}

// Names of the subject that reads memory, each another program to who looks at executables.
class Programs {
 public:
  Programs() { std::filesystem::create_directory(folder_); }
  ~Programs() { std::filesystem::remove_all(folder_); }
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  std::string make(int number) const {
    std::filesystem::create_hard_link(subject_, folder_ / std::to_string(number));
    return (folder_ / std::to_string(number)).string();
  }

 private:
  const std::filesystem::path subject_ = stage::program_directory() + "/subjects/memory_reader";
  // Beside the subject: a hard link does not leave its file system.
  const std::filesystem::path folder_ = stage::program_directory() + "/subjects/latency." + std::to_string(getpid());
};

double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print_distribution(const std::vector<double>& sorted) {
  constexpr double kEdges[] = {1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, INFINITY};
  std::size_t from = 0;
  for (const double edge : kEdges) {
    const auto to = static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), edge) - sorted.begin());
    const std::size_t count = to - from;
    std::cout << fmt::format("  <= {:>6} ms {:>5}  {}\n", edge, count, std::string(count * 60 / sorted.size(), '#'));
    from = to;
  }
}

int run(int acts, bool json) {
  auto assembled = stage::Cast::assemble([](const std::string& what) { std::cerr << what << '\n'; });
  if (!assembled.ok()) return fail(assembled.status());
  stage::Cast& cast = **assembled;
  std::vector<double> milliseconds;
  {
    stage::AlertStream alerts(cast.collector.process());
    const Programs programs;
    for (int i = -1; i < acts; ++i) {
      auto one = act_to_alert(cast, alerts, programs.make(i));
      if (!one.ok()) return fail(one.status());
      // The first warms up.
      if (i >= 0) milliseconds.push_back(*one);
      usleep(20'000);
    }
  }
  if (absl::Status left = cast.leave(); !left.ok()) return fail(left);
  std::sort(milliseconds.begin(), milliseconds.end());
  const double p50 = percentile(milliseconds, 0.50), p90 = percentile(milliseconds, 0.90),
               p99 = percentile(milliseconds, 0.99);
  if (json) {
    std::cout << fmt::format(R"({{"acts":{},"p50_ms":{:.1f},"p90_ms":{:.1f},"p99_ms":{:.1f},"max_ms":{:.1f}}})", acts,
                             p50, p90, p99, milliseconds.back())
              << '\n';
  } else {
    std::cout << fmt::format("act to alert, {} acts: p50 {:.1f} ms, p90 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms\n",
                             acts, p50, p90, p99, milliseconds.back());
    print_distribution(milliseconds);
  }
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  int acts = 200;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument.starts_with("--acts=") && std::atoi(argument.c_str() + 7) > 0) {
      acts = std::atoi(argument.c_str() + 7);
    } else {
      std::cerr << "usage: bench_latency [--acts=N] [--json]\n";
      return 2;
    }
  }
  if (geteuid() != 0) {
    std::cerr << "bench_latency: root is needed\n";
    return 4;
  }
  return bulkhead::bench::run(acts, json);
}

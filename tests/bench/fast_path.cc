// What Bulkhead adds to what it watches: off, an empty program at the same hooks, and the probes, in alternating slices
// of one run. Nanoseconds differ between machines; compare the columns.
//
//   bench_fast_path [--rounds=N] [--json]
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "agent/probes/probe_set.h"
#include "fmt/format.h"
#include "tests/bench/empty_probes.h"
#include "tests/bench/hooked_acts.h"
#include "tests/bench/paired.h"

namespace bulkhead::bench {
namespace {

using std::chrono::steady_clock;
using test::TapNetwork;

constexpr probes::Owner kAcme = {.tenant = 1, .domain = 1};
constexpr auto kSlice = std::chrono::milliseconds(60);

// An act by a process of the host, or by a VMM on what is its own tenant's.
struct Workload {
  Act act;
  bool by_vmm;
  // Nanoseconds an act, one slice each, in step.
  std::vector<double> off, off_again, empty, on;
};

// The median of the slice's batches: what other work on the machine interrupts is a few of them.
double measure(const Act& act) {
  const Pinned pinned(act.on_one_cpu);
  for (int i = 0; i < act.batch; ++i) act.once();  // warm up
  std::vector<double> batches;
  const auto begin = steady_clock::now();
  for (auto now = begin; now - begin < kSlice;) {
    const auto batch_began = now;
    for (int i = 0; i < act.batch; ++i) act.once();
    now = steady_clock::now();
    batches.push_back(std::chrono::duration<double, std::nano>(now - batch_began).count() / act.batch);
  }
  return median_of(std::move(batches));
}

[[noreturn]] void fail(const absl::Status& status) {
  std::cerr << "bench_fast_path: " << status.message() << '\n';
  std::exit(4);
}

class Bench {
 public:
  explicit Bench(int rounds) : rounds_(rounds) {
    for (const Act& act : acts_.all()) {
      if (act.by_host) workloads_.push_back({act, false, {}, {}, {}, {}});
      if (act.by_vmm) workloads_.push_back({act, true, {}, {}, {}, {}});
    }
  }

  void run() {
    std::vector<std::function<void()>> variants = {
        [this] { slice(&Workload::off); },
        [this] { slice(&Workload::off_again); },
        [this] { with_empty(); },
        [this] { with_probes(); },
    };
    std::mt19937 random(7);
    for (int round = 0; round < rounds_; ++round) {
      std::cerr << "\rround " << round + 1 << " of " << rounds_ << std::flush;
      std::shuffle(variants.begin(), variants.end(), random);
      for (const auto& variant : variants) variant();
    }
    std::cerr << '\n';
  }

  void print(bool json) const;

 private:
  void slice(std::vector<double> Workload::* samples) {
    slice(samples, false);
    slice(samples, true);
  }

  void slice(std::vector<double> Workload::* samples, bool by_vmm) {
    for (Workload& workload : workloads_) {
      if (workload.by_vmm == by_vmm) (workload.*samples).push_back(measure(workload.act));
    }
  }

  void with_empty() {
    auto empty = EmptyProbes::attach();
    if (!empty.ok()) fail(empty.status());
    slice(&Workload::empty);
  }

  void with_probes() {
    auto probes = probes::ProbeSet::load({});
    if (!probes.ok()) fail(probes.status());
    probes::OwnershipMaps& maps = (*probes)->ownership();
    absl::Status status = maps.set_volume(*maps.file_key(acts_.volume()), kAcme);
    for (std::size_t tap = 0; tap < HookedActs::kTenantsTaps; ++tap) {
      status.Update(maps.set_port(acts_.taps().key(tap), kAcme, TapNetwork::mac(tap)));
    }
    if (!status.ok()) fail(status);
    slice(&Workload::on, false);
    status = maps.set_vmm(*maps.process(static_cast<std::uint32_t>(getpid())), kAcme, false);
    if (!status.ok()) fail(status);
    // That call is a bpf() of what is a VMM by then.
    (*probes)->drain([](std::span<const std::byte>) {});
    slice(&Workload::on, true);
    std::size_t records = 0;
    (*probes)->drain([&](std::span<const std::byte>) { ++records; });
    if (records != 0) fail(absl::InternalError("the same tenant's acts made records"));
  }

  const int rounds_;
  HookedActs acts_;
  std::vector<Workload> workloads_;
};

void Bench::print(bool json) const {
  if (!json) {
    std::cout << "| what | by | off, ns | A/A | empty adds, ns | Bulkhead adds, ns | Bulkhead over empty |\n"
              << "|---|---|---|---|---|---|---|\n";
  }
  for (const Workload& workload : workloads_) {
    const double off = median_of(workload.off);
    const double noise = (median_of(workload.off_again) - off) / off * 100;
    const Estimate empty = paired_difference(workload.off, workload.empty);
    const Estimate on = paired_difference(workload.off, workload.on);
    const Estimate over = paired_difference(workload.empty, workload.on);
    const char* by = workload.by_vmm ? "VMM" : "host";
    const bool conclusive = std::abs(noise) <= 3;
    if (json) {
      std::cout
          << fmt::format(
                 R"({{"what":"{}","by":"{}","off_ns":{:.1f},"aa_percent":{:.2f},"conclusive":{},"empty_ns":{:.1f},"on_ns":{:.1f},"on_low_ns":{:.1f},"on_high_ns":{:.1f},"over_empty_ns":{:.1f},"rounds":{}}})",
                 workload.act.name, by, off, noise, conclusive, empty.median, on.median, on.low, on.high, over.median,
                 rounds_)
          << '\n';
    } else {
      std::cout << fmt::format("| {} | {} | {:.0f} | {:+.1f} %{} | {} | {} | {} |\n", workload.act.name, by, off, noise,
                               conclusive ? "" : " (inconclusive)", to_text(empty), to_text(on), to_text(over));
    }
  }
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  int rounds = 30;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument.starts_with("--rounds=") && std::atoi(argument.c_str() + 9) > 0) {
      rounds = std::atoi(argument.c_str() + 9);
    } else {
      std::cerr << "usage: bench_fast_path [--rounds=N] [--json]\n";
      return 2;
    }
  }
  bulkhead::bench::Bench bench(rounds);
  bench.run();
  bench.print(json);
  return 0;
}

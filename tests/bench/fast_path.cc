// What Bulkhead adds to what it watches: off, an empty program at the same hooks, and the probes, in alternating slices
// of one run. Nanoseconds differ between machines; compare the columns.
//
//   bench_fast_path [--rounds=N] [--json]
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "agent/probes/probe_set.h"
#include "fmt/format.h"
#include "tests/bench/empty_probes.h"
#include "tests/bench/paired.h"
#include "tests/kernel/tap_network.h"

namespace bulkhead::bench {
namespace {

using std::chrono::steady_clock;
using test::Mac;
using test::TapNetwork;

constexpr probes::Owner kAcme = {.tenant = 1, .domain = 1};
constexpr auto kSlice = std::chrono::milliseconds(60);

struct Workload {
  const char* name;
  std::function<void()> once;
  int batch;  // calls between two looks at the clock
  // Nanoseconds a call, one slice each, in step.
  std::vector<double> off, off_again, empty, on;
  bool by_vmm = true;  // whether the process is a VMM, while the probes are there
};

double measure(const Workload& workload) {
  for (int i = 0; i < workload.batch; ++i) workload.once();  // warm up
  std::uint64_t calls = 0;
  const auto begin = steady_clock::now();
  auto now = begin;
  while (now - begin < kSlice) {
    for (int i = 0; i < workload.batch; ++i) workload.once();
    calls += static_cast<std::uint64_t>(workload.batch);
    now = steady_clock::now();
  }
  return std::chrono::duration<double, std::nano>(now - begin).count() / static_cast<double>(calls);
}

[[noreturn]] void fail(const absl::Status& status) {
  std::cerr << "bench_fast_path: " << status.message() << '\n';
  std::exit(4);
}

void open_and_close(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(absl::ErrnoToStatus(errno, path));
  close(file);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-bench-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) fail(absl::ErrnoToStatus(errno, "cannot make a temporary directory"));
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string name(const std::string& of) const { return path_ / of; }
  std::string file(const std::string& name) const {
    std::ofstream(path_ / name) << "content";
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

class Bench {
 public:
  explicit Bench(int rounds) : rounds_(rounds) {
    listen_for_it();
    // The bridge learns where both ends are, so that frames are forwarded and not flooded.
    for (std::size_t tap = 0; tap < 2; ++tap) {
      taps_.send(tap, test::ipv4_frame(TapNetwork::mac(tap), TapNetwork::mac(tap), {}, {}, 0));
    }
    const auto frame = test::ipv4_frame(TapNetwork::mac(1), TapNetwork::mac(0), {10, 0, 0, 1}, {10, 0, 0, 2}, 66);
    workloads_ = {
        {"system call that no probe needs (getppid)", [] { getppid(); }, 1000, {}, {}, {}, {}},
        {"openat + close, nobody's file", [this] { open_and_close(stranger_); }, 100, {}, {}, {}, {}},
        {"openat + close, nobody's file, by no VMM", [this] { open_and_close(stranger_); }, 100, {}, {}, {}, {}, false},
        {"openat + close, own volume (same tenant)", [this] { open_and_close(volume_); }, 100, {}, {}, {}, {}},
        {"connect to a unix socket of nobody's", [this] { connect_and_close(); }, 100, {}, {}, {}, {}},
        {"connect to a unix socket of nobody's, by no VMM",
         [this] { connect_and_close(); },
         100,
         {},
         {},
         {},
         {},
         false},
        {"frame tap-bridge-tap, same tenant",
         [this, frame] {
           taps_.send(0, frame);
           if (!taps_.receive(1, TapNetwork::mac(0), 1000)) fail(absl::InternalError("a frame got lost"));
         },
         100,
         {},
         {},
         {},
         {}},
    };
  }

  // To a datagram socket: nobody has to accept.
  void connect_and_close() {
    const int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto* address = reinterpret_cast<const sockaddr*>(&server_address_);
    if (connect(client, address, sizeof server_address_) != 0) fail(absl::ErrnoToStatus(errno, "cannot connect"));
    close(client);
  }

  void listen_for_it() {
    server_address_.sun_family = AF_UNIX;
    const std::string path = directory_.name("socket");
    if (path.size() >= sizeof server_address_.sun_path) fail(absl::InternalError(path + " is too long for a socket"));
    std::strcpy(server_address_.sun_path, path.c_str());
    server_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(server_, reinterpret_cast<const sockaddr*>(&server_address_), sizeof server_address_) != 0)
      fail(absl::ErrnoToStatus(errno, path));
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
      if (workload.by_vmm == by_vmm) (workload.*samples).push_back(measure(workload));
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
    absl::Status status = maps.set_volume(*maps.file_key(volume_), kAcme);
    status.Update(maps.set_port(taps_.key(0), kAcme, TapNetwork::mac(0)));
    status.Update(maps.set_port(taps_.key(1), kAcme, TapNetwork::mac(1)));
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
  TemporaryDirectory directory_;
  const std::string stranger_ = directory_.file("stranger");
  const std::string volume_ = directory_.file("volume");
  sockaddr_un server_address_{};
  int server_ = -1;
  TapNetwork taps_{2};
  std::vector<Workload> workloads_;
};

void Bench::print(bool json) const {
  if (!json) {
    std::cout << "| what | off, ns | A/A | empty adds, ns | Bulkhead adds, ns | Bulkhead over empty |\n"
              << "|---|---|---|---|---|---|\n";
  }
  for (const Workload& workload : workloads_) {
    const double off = median_of(workload.off);
    const double noise = (median_of(workload.off_again) - off) / off * 100;
    const Estimate empty = paired_difference(workload.off, workload.empty);
    const Estimate on = paired_difference(workload.off, workload.on);
    const Estimate over = paired_difference(workload.empty, workload.on);
    const bool conclusive = std::abs(noise) <= 3;
    if (json) {
      std::cout
          << fmt::format(
                 R"({{"what":"{}","off_ns":{:.1f},"aa_percent":{:.2f},"conclusive":{},"empty_ns":{:.1f},"on_ns":{:.1f},"on_low_ns":{:.1f},"on_high_ns":{:.1f},"over_empty_ns":{:.1f},"rounds":{}}})",
                 workload.name, off, noise, conclusive, empty.median, on.median, on.low, on.high, over.median, rounds_)
          << '\n';
    } else {
      std::cout << fmt::format("| {} | {:.0f} | {:+.1f} %{} | {} | {} | {} |\n", workload.name, off, noise,
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

// What judging an event costs: the whole shipped rule set with its correlations, on one thread, over a mix of events as
// a collector gets them, at 1,000 and at 10,000 tenants; against a plain loop that looks both tenants of the same
// events up in a hash table. The four take turns, slice by slice, so that the machine's moods hit all of them.
//
//   bench_rules [--rounds=N] [--json]
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/alerts/rule_files.h"
#include "collector/detect/detector.h"
#include "fmt/format.h"
#include "tests/bench/paired.h"

namespace bulkhead::bench {
namespace {

constexpr std::size_t kEvents = 20480;
// Events are judged as they come out of a batch: just made, and so in the processor's caches.
constexpr std::size_t kBatch = 512;

// The actors are few and come again and again; who is touched is anyone.
class Mix {
 public:
  // Of a hundred events: 70 volumes opened and 10 memories read by trusted services of the host (backup, qemu-img,
  // libvirtd), 15 by a domain's own VMM while it starts, 3 statements; of all of them, so many are breaches. At 10,000
  // events a second, one in a thousand is ten breaches a second: more than anyone wants to have.
  Mix(std::size_t tenants, double breach_share) {
    for (std::size_t i = 0; i < tenants; ++i) tenants_.push_back(fmt::format("{:08x}-0000-4000-8000-{:012x}", i, i));
    std::uniform_real_distribution<double> share(0, 1);
    for (std::size_t i = 0; i < kEvents; ++i) events_.push_back(share(random_) < breach_share ? breach() : silent());
    advance();
  }

  const std::vector<v1::Event>& events() const { return events_; }
  const std::vector<std::string>& tenants() const { return tenants_; }

  // As new events, later: what is told twice is not judged twice.
  void advance() {
    for (v1::Event& event : events_) {
      event.set_sequence(++sequence_);
      // 10,000 a second.
      event.mutable_time()->set_seconds(1767323045 + static_cast<std::int64_t>(sequence_ / 10000));
      event.mutable_time()->set_nanos(static_cast<std::int32_t>(sequence_ % 10000 * 100000));
    }
  }

 private:
  std::size_t any(std::size_t below) { return random_() % below; }

  v1::Event from_host() {
    v1::Event event;
    event.set_host_id(fmt::format("host-{}", any(200)));
    event.set_boot_id("3f0c6a52-0b6c-4d3e-9a53-c1a1e9c2a7d4");
    v1::Actor& actor = *event.mutable_actor();
    actor.set_tenant("host");
    actor.mutable_process()->set_pid(static_cast<std::uint32_t>(1000 + any(5000)));
    actor.mutable_process()->set_start_time_ns(4000000000000);
    actor.mutable_process()->set_executable("/usr/bin/qemu-img");
    actor.mutable_process()->set_command("qemu-img");
    actor.set_cgroup("/system.slice/backup.service");
    actor.add_lineage()->set_executable("/usr/lib/systemd/systemd");
    return event;
  }

  void touch(v1::Event& event, v1::ObjectKind kind) {
    const std::size_t owner = any(tenants_.size());
    v1::Object& object = *event.mutable_object();
    object.set_kind(kind);
    object.set_tenant(tenants_[owner]);
    object.set_domain_uuid(fmt::format("{:08x}-1111-4000-8000-{:012x}", owner, any(4)));
    object.set_domain_name(fmt::format("instance-{:08x}", owner));
    object.set_id(fmt::format("/var/lib/nova/instances/{:08x}/disk", owner));
  }

  v1::Event file() {
    v1::Event event = from_host();
    event.set_probe(v1::PROBE_DISK_FILE_OPEN);
    touch(event, v1::OBJECT_KIND_VOLUME);
    event.set_path(event.object().id());
    event.mutable_file_open()->set_method(v1::OPEN_METHOD_OPENAT);
    return event;
  }

  v1::Event memory(std::int64_t result) {
    v1::Event event = from_host();
    event.set_probe(v1::PROBE_MEMORY_PROCESS_VM);
    touch(event, v1::OBJECT_KIND_GUEST_MEMORY);
    event.mutable_memory_access()->set_operation(v1::MEMORY_OPERATION_PROCESS_VM_READ);
    event.mutable_memory_access()->set_result(result);
    return event;
  }

  v1::Event statement() {
    v1::Event event;
    event.set_host_id(fmt::format("host-{}", any(200)));
    event.set_probe(v1::PROBE_AGENT);
    if (any(2) == 0) {
      touch(event, v1::OBJECT_KIND_DOMAIN);
      event.mutable_tenant_change()->set_old_tenant(event.object().tenant());
      event.mutable_tenant_change()->set_new_tenant(event.object().tenant());
    } else {
      event.mutable_loss()->set_probe(v1::PROBE_DISK_FILE_OPEN);
    }
    return event;
  }

  v1::Event silent() {
    const std::size_t kind = any(98);
    v1::Event event = kind < 80 ? (kind < 70 ? file() : memory(4096)) : kind < 95 ? file() : statement();
    if (kind < 80) event.mutable_actor()->set_trusted_service(true);
    if (kind >= 80 && kind < 95) {
      event.mutable_actor()->set_tenant(event.object().tenant());
      event.mutable_actor()->set_domain_uuid(event.object().domain_uuid());
    }
    return event;
  }

  v1::Event breach() {
    switch (any(4)) {
      case 0:
        return file();
      case 1:
        return memory(4096);
      case 2:
        return memory(-1);
      default:
        break;
    }
    v1::Event event = from_host();
    event.set_probe(v1::PROBE_NETWORK_DELIVERY);
    touch(event, v1::OBJECT_KIND_PORT);
    event.mutable_actor()->set_tenant(tenants_[any(tenants_.size())]);
    event.mutable_actor()->set_domain_uuid(fmt::format("{:08x}-2222-4000-8000-000000000000", any(tenants_.size())));
    event.mutable_frame_delivery()->set_frames(3);
    return event;
  }

  std::mt19937_64 random_{20260102};
  std::vector<std::string> tenants_;
  std::vector<v1::Event> events_;
  std::uint64_t sequence_ = 0;
};

// Of this thread on its processor: what others do to a shared machine is not the rules' doing.
double processor_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Contender {
  Contender(std::size_t tenants, double breach_share, const std::shared_ptr<const detect::RuleSet>& rules)
      : mix(tenants, breach_share), detector(rules) {
    for (std::size_t i = 0; i < mix.tenants().size(); ++i) numbers.emplace(mix.tenants()[i], i);
    numbers.emplace("host", tenants);
  }

  // Nanoseconds an event, over all batches.
  double time(const auto& act) {
    double nanoseconds = 0;
    for (std::size_t first = 0; first < kEvents; first += kBatch) {
      const auto from = mix.events().begin() + static_cast<std::ptrdiff_t>(first);
      const std::vector<v1::Event> batch(from, from + kBatch);
      const double begin = processor_nanoseconds();
      for (const v1::Event& event : batch) act(event);
      nanoseconds += processor_nanoseconds() - begin;
    }
    return nanoseconds / kEvents;
  }

  void judge() {
    mix.advance();
    rules_ns.push_back(time([this](const v1::Event& event) { findings += detector.judge(event).size(); }));
  }

  void look_up() {
    lookup_ns.push_back(time([this](const v1::Event& event) {
      const auto actor = numbers.find(event.actor().tenant());
      const auto object = numbers.find(event.object().tenant());
      if (actor != numbers.end() && object != numbers.end()) sum += actor->second ^ object->second;
    }));
  }

  Mix mix;
  detect::Detector detector;
  std::unordered_map<std::string, std::size_t> numbers;
  std::vector<double> rules_ns;
  std::vector<double> lookup_ns;
  std::uint64_t findings = 0;
  std::uint64_t sum = 0;
};

struct Measured {
  double rules_1k = 0, rules_10k = 0, lookup_1k = 0, lookup_10k = 0;
  double growth = 0;
  double findings_per_event = 0;
};

Measured measure(double breach_share, int rounds, const std::shared_ptr<const detect::RuleSet>& rules) {
  Contender small(1000, breach_share, rules), large(10000, breach_share, rules);
  constexpr int kWarmUp = 3;
  for (int round = -kWarmUp; round < rounds; ++round) {
    if (round == 0) {
      for (Contender* contender : {&small, &large}) {
        contender->rules_ns.clear();
        contender->lookup_ns.clear();
        contender->findings = 0;
      }
    }
    small.judge();
    large.judge();
    small.look_up();
    large.look_up();
  }
  std::vector<double> growths;
  for (std::size_t i = 0; i < small.rules_ns.size(); ++i) growths.push_back(large.rules_ns[i] / small.rules_ns[i]);
  return {median_of(small.rules_ns),  median_of(large.rules_ns),
          median_of(small.lookup_ns), median_of(large.lookup_ns),
          median_of(growths),         static_cast<double>(small.findings) / kEvents / rounds};
}

void print(const std::string& name, const Measured& measured, bool json) {
  const double by_lookup = measured.rules_1k / measured.lookup_1k;
  if (json) {
    std::cout << fmt::format(
        R"({{"events":"{}","findings_per_event":{:.3f},"rules_1000_ns":{:.1f},"rules_10000_ns":{:.1f},"lookup_1000_ns":{:.1f},"lookup_10000_ns":{:.1f},"growth":{:.3f},"by_lookup":{:.2f}}})",
        name, measured.findings_per_event, measured.rules_1k, measured.rules_10k, measured.lookup_1k,
        measured.lookup_10k, measured.growth, by_lookup);
  } else {
    std::cout << fmt::format(
        "{:<22} {:6.3f} findings an event; 1,000 tenants {:8.1f} ns an event, 10,000 {:8.1f} ns ({:.2f} times); two "
        "hash "
        "lookups {:.1f} and {:.1f} ns; rules cost {:.1f} lookup loops",
        name, measured.findings_per_event, measured.rules_1k, measured.rules_10k, measured.growth, measured.lookup_1k,
        measured.lookup_10k, by_lookup);
  }
  std::cout << '\n' << std::flush;
}

int run(int rounds, bool json) {
  const auto files = alerts::read_rule_files(alerts::default_rules());
  const auto rules = files.ok() ? detect::compile_rules(*files) : files.status();
  if (!rules.ok()) {
    std::cerr << "bench_rules: " << rules.status().message() << '\n';
    return 1;
  }
  print("mix, 0.1 % breaches", measure(0.001, rounds, *rules), json);
  print("nothing to find", measure(0, rounds, *rules), json);
  print("breaches alone", measure(1, std::max(1, rounds / 10), *rules), json);
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  int rounds = 100;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument.starts_with("--rounds=") && std::atoi(argument.c_str() + 9) > 0) {
      rounds = std::atoi(argument.c_str() + 9);
    } else {
      std::cerr << "usage: bench_rules [--rounds=N] [--json]\n";
      return 2;
    }
  }
  return bulkhead::bench::run(rounds, json);
}

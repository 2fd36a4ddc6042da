#include "tests/kernel/kernel_host.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_split.h"
#include "agent/decode/decoder.h"
#include "agent/inventory/libvirt_daemons.h"

namespace bulkhead::test {

namespace {
constexpr probes::Owner kMarker = {.tenant = 999, .domain = 999};
}

std::string missing_capability() {
  static const std::string missing = [] {
    // None of the probes: each costs a slow machine half a second, and a refused one is a row of the coverage.
    const auto probes = probes::ProbeSet::load({.ring_kib_per_cpu = 4}, std::span<const probes::Probe>());
    return probes.ok() ? std::string() : std::string(probes.status().message());
  }();
  return missing;
}

KernelHost::KernelHost(std::vector<v1::Probe> wanted, probes::Options options) {
  std::vector<probes::Probe> table;
  wanted.push_back(v1::PROBE_DISK_FILE_OPEN);  // tells the marker
  std::ranges::copy_if(probes::probe_table(), std::back_inserter(table), [&](const probes::Probe& probe) {
    return wanted.size() == 1 || std::ranges::count(wanted, probe.id) > 0;
  });
  table_ = std::move(table);
  auto probes = probes::ProbeSet::load(options, table_);
  if (!probes.ok()) FAIL(probes.status().message());
  probes_ = *std::move(probes);
  if (wanted.size() == 1) probes_->follow_libvirt(inventory::find_libvirt_files().libraries);
}

std::vector<decode::Record> KernelHost::collect(const std::function<bool(const std::vector<decode::Record>&)>& enough,
                                                std::chrono::milliseconds patience) {
  std::vector<decode::Record> records;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    probes_->drain([&](std::span<const std::byte> bytes) {
      auto record = decode::decode(bytes);
      if (!record.ok()) FAIL(record.status().message());
      records.push_back(*std::move(record));
    });
    if (enough(records) || std::chrono::steady_clock::now() >= deadline) break;
    pollfd ready = {.fd = probes_->poll_descriptor(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, 10);
  }
  // Each CPU has a ring of its own, as in the agent.
  std::ranges::stable_sort(records, {}, [](const decode::Record& one) { return decode::header_of(one).time_ns; });
  return records;
}

std::vector<decode::Record> KernelHost::collect_until_marker() {
  const TemporaryDirectory directory;
  const std::string path = directory.file("marker");
  const auto key = maps().file_key(path);
  if (!key.ok() || !maps().set_volume(*key, kMarker).ok()) FAIL("cannot own the marker file");
  // For writing: where this process stands for the agent, it may read volumes.
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  close(file);
  const auto is_marker = [](const decode::Record& record) {
    return decode::header_of(record).object.tenant == kMarker.tenant;
  };
  std::vector<decode::Record> records = collect(
      [&](const std::vector<decode::Record>& seen) { return std::any_of(seen.begin(), seen.end(), is_marker); });
  if (std::none_of(records.begin(), records.end(), is_marker)) FAIL("the marker act was not told");
  maps().remove_volume(*key);
  std::erase_if(records, [&](const decode::Record& record) {
    return is_marker(record) || decode::header_of(record).actor_key.tgid == static_cast<std::uint32_t>(getpid());
  });
  return records;
}

v1::Probe KernelHost::teller_of(v1::Probe probe) const {
  const auto& table = probes::probe_table();
  const auto entry = std::ranges::find(table, probe, &probes::Probe::id);
  if (entry == table.end() || entry->within == v1::PROBE_UNSPECIFIED) return probe;
  const auto& rows = probes_->coverage();
  const auto row = std::ranges::find(rows, probe, &v1::ProbeCoverage::probe);
  return row != rows.end() && row->tier() < entry->tier ? entry->within : probe;
}

bool KernelHost::attached(v1::Probe probe) const {
  return std::ranges::any_of(probes_->coverage(), [probe](const v1::ProbeCoverage& row) {
    return row.probe() == probe && row.state() == v1::PROBE_STATE_ATTACHED;
  });
}

v1::ProbeCounters KernelHost::counters_of(v1::Probe probe) const {
  for (const v1::ProbeCounters& one : probes_->counters()) {
    if (one.probe() == probe) return one;
  }
  return {};
}

TemporaryDirectory::TemporaryDirectory(const std::string& parent) {
  const std::filesystem::path where =
      parent.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(parent);
  std::string pattern = where / "bulkhead-kernel-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) FAIL("cannot make a temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::file(const std::string& name, std::size_t bytes) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path) << std::string(bytes, 'x');
  return path;
}

stage::ChildProcess start_subject(std::vector<std::string> words) {
  words.front() = stage::program_directory() + "/subjects/" + words.front();
  auto child = stage::ChildProcess::start({.words = std::move(words), .stderr_file = "", .namespaces = {}});
  if (!child.ok()) FAIL(child.status().message());
  return *std::move(child);
}

int run_subject(std::vector<std::string> words) {
  stage::ChildProcess child = start_subject(std::move(words));
  child.close_stdin();
  const auto status = child.wait(kPatience);
  if (!status.ok()) FAIL(status.status().message());
  return *status;
}

Victim start_victim(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "victim");
  Victim victim{start_subject(std::move(arguments)), ""};
  const auto line = victim.process.read_line(kPatience);
  if (!line.ok()) FAIL(line.status().message());
  const std::vector<std::string> words = absl::StrSplit(*line, ' ');
  victim.address = words.at(2);
  return victim;
}

}  // namespace bulkhead::test

#include "tests/kernel/mapping_host.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace bulkhead::test {

namespace {

constexpr std::chrono::milliseconds kSettled{300};  // more than MappingWatch gives a device

std::vector<v1::Event> with(const std::vector<v1::Event>& events, bool (v1::Event::*has)() const) {
  std::vector<v1::Event> found;
  std::ranges::copy_if(events, std::back_inserter(found), [&](const v1::Event& event) { return (event.*has)(); });
  return found;
}

}  // namespace

MappingHost::LoopModule::LoopModule() {
  const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  REQUIRE(control >= 0);
  close(control);
}

MappingHost::MappingHost() {
  watch_ = std::make_unique<MappingWatch>(io_, *host.ownership, [this](decode::MappingRecord record) {
    host.attributor->take(std::move(record), attribute::Attributor::Clock::now());
  });
  REQUIRE(host.kernel.attached(v1::PROBE_DISK_MAPPING));
}

void MappingHost::apply(std::vector<inventory::Domain> domains) {
  ownership::Applied applied = host.ownership->apply(snapshot_of(std::move(domains)));
  watch_->tell(applied.alias_changes);
  inventory = std::move(applied.inventory);
}

void MappingHost::take_records() {
  for (decode::Record& record : host.kernel.collect_until_marker()) {
    if (std::holds_alternative<decode::LifecycleRecord>(record)) continue;
    if (auto* mapping = std::get_if<decode::MappingRecord>(&record)) {
      watch_->take(std::move(*mapping));
    } else {
      host.attributor->take(std::move(record), attribute::Attributor::Clock::now());
    }
  }
}

std::vector<v1::Event> MappingHost::events() {
  take_records();
  std::this_thread::sleep_for(kSettled);
  io_.restart();
  io_.poll();
  take_records();
  return host.attributor->ready(attribute::Attributor::Clock::time_point::max(), 0);
}

inventory::Domain domain_with(const std::string& name, const std::string& tenant, const std::string& path) {
  inventory::Domain one = domain(name, tenant);
  one.volumes = {volume(path)};
  return one;
}

std::vector<v1::Event> mappings(const std::vector<v1::Event>& events) {
  return with(events, &v1::Event::has_volume_mapping);
}

std::vector<v1::Event> opens(const std::vector<v1::Event>& events) {
  return with(events, &v1::Event::has_file_open);
}

std::string run_program(const std::vector<std::string>& words) {
  INFO(absl::StrJoin(words, " "));
  const auto outcome = stage::run({.words = words, .stderr_file = "", .namespaces = {}}, stage::Milliseconds(60'000));
  if (!outcome.ok()) FAIL(outcome.status().message());
  INFO(outcome->output);
  REQUIRE(outcome->exit_status == 0);
  return std::string(absl::StripSuffix(outcome->output, "\n"));
}

AtEnd::~AtEnd() {
  (void)stage::run({.words = words_, .stderr_file = "/dev/null", .namespaces = {}}, stage::Milliseconds(60'000));
}

LoopDevice::LoopDevice(const std::string& file, std::vector<std::string> options) {
  std::vector<std::string> words = {"losetup", "--find", "--show"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(file);
  path_ = run_program(words);
}

LoopDevice::~LoopDevice() {
  if (!path_.empty()) const AtEnd end({"losetup", "--detach", path_});
}

void LoopDevice::detach() {
  run_program({"losetup", "--detach", std::exchange(path_, "")});
}

}  // namespace bulkhead::test

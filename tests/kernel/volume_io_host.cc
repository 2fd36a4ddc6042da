#include "tests/kernel/volume_io_host.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

namespace bulkhead::test {

VolumeIoHost::VolumeIoHost() : kernel_({v1::PROBE_DISK_VOLUME_IO, v1::PROBE_DISK_BLOCK_IO}) {}

bool VolumeIoHost::exact() const {
  return std::ranges::any_of(kernel_.coverage(), [](const v1::ProbeCoverage& row) {
    return row.probe() == v1::PROBE_DISK_VOLUME_IO && row.tier() == 1;
  });
}

void VolumeIoHost::own(const std::string& path) {
  const auto key = kernel_.maps().file_key(path);
  REQUIRE(key.ok());
  REQUIRE(kernel_.maps().set_volume(*key, kAcme).ok());
}

pid_t VolumeIoHost::use(std::vector<std::string> words) {
  words.insert(words.begin(), "volume_user");
  stage::ChildProcess user = start_subject(std::move(words));
  user.close_stdin();
  const auto status = user.wait(stage::Milliseconds(120'000));
  REQUIRE(status.ok());
  REQUIRE(*status == 0);
  return user.pid();
}

pid_t VolumeIoHost::use_as(probes::Owner owner, std::vector<std::string> words) {
  words.insert(words.begin(), {"volume_user", "--wait"});
  stage::ChildProcess user = start_subject(std::move(words));
  REQUIRE(user.read_line(kPatience).ok());
  const auto process = kernel_.maps().process(static_cast<std::uint32_t>(user.pid()));
  REQUIRE(process.ok());
  REQUIRE(kernel_.maps().set_vmm(*process, owner, false).ok());
  REQUIRE(user.write_line("go").ok());
  const auto status = user.wait(stage::Milliseconds(120'000));
  REQUIRE(status.ok());
  REQUIRE(*status == 0);
  kernel_.maps().remove_vmm(static_cast<std::uint32_t>(user.pid()));
  return user.pid();
}

ToldIo VolumeIoHost::told(v1::VolumeIoLayer layer) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  kernel_.probes().tend();
  ToldIo told;
  for (decode::VolumeIoRecord& record : only<decode::VolumeIoRecord>(kernel_.collect_until_marker())) {
    if (record.io.layer() != layer) continue;
    ++told.records;
    told.sum.set_reads(told.sum.reads() + record.io.reads());
    told.sum.set_bytes_read(told.sum.bytes_read() + record.io.bytes_read());
    told.sum.set_writes(told.sum.writes() + record.io.writes());
    told.sum.set_bytes_written(told.sum.bytes_written() + record.io.bytes_written());
    told.sum.set_bytes_discarded(told.sum.bytes_discarded() + record.io.bytes_discarded());
    told.sum.set_bytes_mapped(told.sum.bytes_mapped() + record.io.bytes_mapped());
    told.all.push_back(std::move(record));
  }
  return told;
}

bool VolumeIoHost::is_balanced(v1::Probe probe) const {
  const v1::ProbeCounters counters = kernel_.counters_of(probe);
  return counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost();
}

}  // namespace bulkhead::test

// What kernel threads write to block volumes, told by the cgroup that they write for.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/kernel/loop_storage.h"
#include "tests/kernel/volume_io_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr auto kBlock = v1::VOLUME_IO_LAYER_BLOCK;
const std::string kCgroups = "/sys/fs/cgroup";

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void write_to(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) FAIL("cannot write " << path);
}

// Pages know their writer's cgroup only where one hierarchy has both controllers.
std::string missing_writeback_cgroups() {
  const std::string controllers = content(kCgroups + "/cgroup.controllers");
  const bool there = controllers.find("io") != std::string::npos && controllers.find("memory") != std::string::npos;
  return there ? "" : "no cgroup v2 hierarchy with the io and memory controllers";
}

class Setting {
 public:
  Setting(std::string path, const std::string& value) : path_(std::move(path)), before_(content(path_)) {
    write_to(path_, value);
  }
  ~Setting() { std::ofstream(path_) << before_; }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const std::string path_;
  const std::string before_;
};

class Cgroup {
 public:
  Cgroup() : path_(absl::StrCat(kCgroups, "/bulkhead-test-", getpid())) {
    write_to(kCgroups + "/cgroup.subtree_control", "+io +memory");
    std::filesystem::create_directory(path_);
  }
  ~Cgroup() { rmdir(path_.c_str()); }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  void add(pid_t process) const { write_to(path_ + "/cgroup.procs", std::to_string(process)); }
  std::string name() const { return path_.substr(kCgroups.size()); }

 private:
  std::string path_;
};

// Dirty pages are written within a second or two.
struct SoonWritten {
  Setting expire{"/proc/sys/vm/dirty_expire_centisecs", "50"};
  Setting look{"/proc/sys/vm/dirty_writeback_centisecs", "20"};
};

// A writer into the page cache of a block volume, in a cgroup of its own. Held open, so that no close writes it out.
struct Writer {
  explicit Writer(const LoopDevice& device)
      : held(device.path()),
        process(
            start_subject({"volume_user", "--wait", "--hold", "pwrite", device.path(), std::to_string(kMegabyte)})) {
    REQUIRE(process.read_line(kPatience).ok());
    cgroup.add(process.pid());
  }

  void write() {
    REQUIRE(process.write_line("go").ok());
    REQUIRE(process.read_line(kPatience).ok());
  }

  Cgroup cgroup;
  SoonWritten soon;
  std::ifstream held;
  stage::ChildProcess process;
};

std::uint64_t written_back(VolumeIoHost& host) {
  return host.kernel().counters_of(v1::PROBE_DISK_BLOCK_IO).seen();
}

TEST_CASE("what the kernel writes to a volume for a service is told with the service's cgroup", "[DISK-04]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  if (const auto why = missing_writeback_cgroups(); !why.empty()) BULKHEAD_SKIP(why);
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  Writer writer(device);
  writer.write();
  std::uint64_t bytes = 0;
  bool named = false;
  for (int second = 0; second < 20 && bytes < kMegabyte; ++second) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    host.kernel().probes().tend();
    const auto records = host.kernel().collect_until_marker();
    for (const auto& record : only<decode::VolumeIoRecord>(records)) {
      if (record.io.layer() != kBlock) continue;
      CHECK(record.io.writeback());
      CHECK(record.header.actor_key.tgid == 0);
      CHECK(record.header.actor.tenant == probes::kHostNumber);
      CHECK(record.header.object.tenant == kAcme.tenant);
      bytes += record.io.bytes_written();
    }
    for (const auto& actor : only<decode::ActorRecord>(records)) {
      named = named || (actor.header.actor_key.tgid == 0 && actor.cgroup == writer.cgroup.name());
    }
  }
  CHECK(bytes == kMegabyte);
  CHECK(named);
  CHECK(host.is_balanced(v1::PROBE_DISK_BLOCK_IO));
  writer.process.stop(kPatience);
}

TEST_CASE("what the kernel writes to a volume for its own domain is silent", "[DISK-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  if (const auto why = missing_writeback_cgroups(); !why.empty()) BULKHEAD_SKIP(why);
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  Writer writer(device);
  const auto pid = static_cast<std::uint32_t>(writer.process.pid());
  const auto cgroup = host.kernel().maps().block_cgroup(pid);
  REQUIRE(cgroup.ok());
  REQUIRE(*cgroup != 0);
  REQUIRE(host.kernel().maps().set_cgroup(*cgroup, kAcme).ok());
  REQUIRE(host.kernel().maps().set_vmm(*host.kernel().maps().process(pid), kAcme, false).ok());
  writer.write();
  std::size_t records = 0;
  for (int second = 0; second < 20 && written_back(host) == 0; ++second) records += host.told(kBlock).records;
  CHECK(written_back(host) > 0);
  CHECK(records + host.told(kBlock).records == 0);
  CHECK(host.is_balanced(v1::PROBE_DISK_BLOCK_IO));
  writer.process.stop(kPatience);
}

}  // namespace
}  // namespace bulkhead::test

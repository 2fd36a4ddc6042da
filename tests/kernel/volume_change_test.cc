// DISK-08: what is done with a volume besides opening it, by the tools that a person has at hand.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>

#include "tests/kernel/loop_file_system.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::VolumeChangeRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_DISK_VOLUME_CHANGE};
constexpr std::size_t kBytes = 16384;
constexpr stage::Milliseconds kToolPatience{60'000};

// A directory with a volume of kAcme's in it, and a file of nobody's.
struct Images {
  explicit Images(KernelHost& host, const std::string& parent = "") : directory(parent) {
    const auto key_of_volume = host.maps().file_key(volume);
    REQUIRE(key_of_volume.ok());
    key = *key_of_volume;
    REQUIRE(host.maps().set_volume(key, kAcme).ok());
  }

  TemporaryDirectory directory;
  std::string volume = directory.file("volume.raw", kBytes);
  std::string stranger = directory.file("stranger.raw", kBytes);
  std::string other = directory.path() + "/other.raw";  // not there
  probes::FileKey key;
};

struct Act {
  std::string name;
  std::vector<std::string> words;
  v1::VolumeChangeKind kind;
  std::string other = {};
  std::uint64_t length = 0;
  std::int64_t result = 0;
};

void run_tool(std::vector<std::string> words) {
  CAPTURE(words);
  const auto outcome = stage::run({std::move(words), "", {}}, kToolPatience);
  REQUIRE(outcome.status() == absl::OkStatus());
  REQUIRE(outcome->exit_status == 0);
}

std::vector<VolumeChangeRecord> changes_by(KernelHost& host, std::vector<std::string> words) {
  run_tool(std::move(words));
  return only<VolumeChangeRecord>(host.collect_until_marker());
}

void check_volume(const VolumeChangeRecord& record, const Images& images) {
  CHECK(record.header.probe == v1::PROBE_DISK_VOLUME_CHANGE);
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.object.domain == kAcme.domain);
  CHECK(record.header.actor.tenant == probes::kHostNumber);
  CHECK_FALSE(record.header.trusted);
  CHECK(record.file.inode == images.key.inode);
  CHECK(record.file.device == images.key.device);
  CHECK(record.file.generation == images.key.generation);
  CHECK(record.change.inode() == images.key.inode);
  CHECK_FALSE(record.change.block_device());
  CHECK(record.path == images.volume);
}

// Tier 1?
bool is_direct(KernelHost& host) {
  for (const v1::ProbeCoverage& row : host.probes().coverage()) {
    if (row.probe() == v1::PROBE_DISK_VOLUME_CHANGE) return row.tier() == 1;
  }
  return false;
}

std::vector<Act> acts_on(const Images& images) {
  const std::string& volume = images.volume;
  const std::string& other = images.other;
  const std::string copy = images.directory.path() + "/copy.raw";
  return {
      {"chmod", {"chmod", "666", volume}, v1::VOLUME_CHANGE_KIND_PERMISSIONS},
      {"chown", {"chown", "1:1", volume}, v1::VOLUME_CHANGE_KIND_PERMISSIONS},
      {"setfacl", {"setfacl", "-m", "u:1:rw", volume}, v1::VOLUME_CHANGE_KIND_PERMISSIONS},
      {"cp", {"cp", "--sparse=never", volume, copy}, v1::VOLUME_CHANGE_KIND_CLONED, copy, 0, kBytes},
      {"fallocate -p", {"fallocate", "-p", "-l", "4096", volume}, v1::VOLUME_CHANGE_KIND_PUNCHED, "", 4096},
      {"truncate", {"truncate", "-s", "9000", volume}, v1::VOLUME_CHANGE_KIND_TRUNCATED, "", 9000},
      {"ln", {"ln", volume, other}, v1::VOLUME_CHANGE_KIND_LINKED, other},
      {"rm", {"rm", other}, v1::VOLUME_CHANGE_KIND_UNLINKED},
      {"mv", {"mv", volume, other}, v1::VOLUME_CHANGE_KIND_RENAMED, other},
      {"mv back", {"mv", other, volume}, v1::VOLUME_CHANGE_KIND_RENAMED, volume},
      {"mv over it", {"mv", "-f", images.stranger, volume}, v1::VOLUME_CHANGE_KIND_REPLACED},
  };
}

TEST_CASE("what tools do to a volume is told with both names and the result, on each file system", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  const std::string type = GENERATE("", "ext4", "xfs", "btrfs");
  CAPTURE(type);
  std::unique_ptr<LoopFileSystem> file_system;
  if (!type.empty()) file_system = std::make_unique<LoopFileSystem>(type);
  KernelHost host(kWatched);
  const Images images(host, file_system ? file_system->path() : "");
  for (const Act& act : acts_on(images)) {
    CAPTURE(act.name);
    const auto records = changes_by(host, act.words);
    CHECK(records.size() == 1);
    if (records.empty()) continue;
    const VolumeChangeRecord& record = records.front();
    CHECK(record.change.kind() == act.kind);
    // A reflink is an ioctl: how much it copied is known to the kernel's own function alone.
    const bool is_reflink = act.name == "cp" && !is_direct(host) && (type == "xfs" || type == "btrfs");
    CHECK(record.change.result() == (is_reflink ? 0 : act.result));
    CHECK(record.change.length() == act.length);
    if (act.kind == v1::VOLUME_CHANGE_KIND_REPLACED) {
      CHECK(record.change.other_path() == (is_direct(host) ? images.stranger : ""));
    } else {
      CHECK(record.change.other_path() == act.other);
    }
    VolumeChangeRecord named = record;
    if (act.name == "rm" || act.name == "mv back") {  // by the name that goes, or by one of its two
      CHECK((record.path == act.words.at(1) || (act.name == "rm" && record.path == images.volume)));
      named.path = images.volume;
    }
    check_volume(named, images);
  }
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_DISK_VOLUME_CHANGE);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.lost() == 0);
}

// By a system call, or in a request of an io_uring.
std::vector<VolumeChangeRecord> changes_by_subject(KernelHost& host, std::vector<std::string> words) {
  words.insert(words.begin(), "volume_changer");
  CAPTURE(words);
  REQUIRE(run_subject(words) == 0);
  return only<VolumeChangeRecord>(host.collect_until_marker());
}

TEST_CASE("an io_uring's requests change a volume as system calls do, also without a completion", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const bool completes = GENERATE(true, false);
  CAPTURE(completes);
  using Row = std::tuple<std::string, v1::VolumeChangeKind>;
  const auto [act, kind] = GENERATE(table<std::string, v1::VolumeChangeKind>({
      Row{"rename", v1::VOLUME_CHANGE_KIND_RENAMED},
      Row{"unlink", v1::VOLUME_CHANGE_KIND_UNLINKED},
      Row{"link", v1::VOLUME_CHANGE_KIND_LINKED},
      Row{"punch", v1::VOLUME_CHANGE_KIND_PUNCHED},
      Row{"setxattr", v1::VOLUME_CHANGE_KIND_PERMISSIONS},
      Row{"cut", v1::VOLUME_CHANGE_KIND_TRUNCATED},
  }));
  CAPTURE(act);
  if (act == "punch" && !completes && !is_direct(host)) return;  // a limit, stated by the probe
  const LoopFileSystem file_system("ext4");                      // /tmp may be a tmpfs, which has no user attributes
  const Images images(host, file_system.path());
  std::vector<std::string> words = {"--uring"};
  if (!completes) words.emplace_back("--no-completion");
  for (const std::string& word : {act, images.volume, images.other}) words.push_back(word);
  const auto records = changes_by_subject(host, words);
  REQUIRE(records.size() == 1);
  check_volume(records.front(), images);
  CHECK(records.front().change.kind() == kind);
  CHECK(records.front().change.result() == 0);
  const bool has_other = completes && (act == "rename" || act == "link");
  if (has_other) CHECK(records.front().change.other_path() == images.other);
}

TEST_CASE("calls that no tool makes change a volume, too", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const LoopFileSystem file_system("ext4");
  const Images images(host, file_system.path());
  using Row = std::tuple<std::string, v1::VolumeChangeKind, std::uint64_t>;
  const auto [act, kind, length] = GENERATE(table<std::string, v1::VolumeChangeKind, std::uint64_t>({
      Row{"exchange", v1::VOLUME_CHANGE_KIND_RENAMED, 0},
      Row{"truncate", v1::VOLUME_CHANGE_KIND_TRUNCATED, 1000},
      Row{"ftruncate", v1::VOLUME_CHANGE_KIND_TRUNCATED, 1000},
      Row{"cut", v1::VOLUME_CHANGE_KIND_TRUNCATED, 0},
      Row{"extend", v1::VOLUME_CHANGE_KIND_TRUNCATED, 1 << 20},
      Row{"fchmod", v1::VOLUME_CHANGE_KIND_PERMISSIONS, 0},
      Row{"setxattr", v1::VOLUME_CHANGE_KIND_PERMISSIONS, 0},
  }));
  CAPTURE(act);
  const auto records = changes_by_subject(host, {act, images.volume, images.stranger});
  REQUIRE(records.size() == 1);
  check_volume(records.front(), images);
  CHECK(records.front().change.kind() == kind);
  CHECK(records.front().change.length() == length);
  if (act == "exchange") CHECK(records.front().change.other_path() == images.stranger);
}

TEST_CASE("a file that is copied over a volume is told as that", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  const auto records = changes_by_subject(host, {"copy-range", images.stranger, images.volume});
  REQUIRE(records.size() == 1);
  check_volume(records.front(), images);
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_CLONED_OVER);
  CHECK(records.front().change.other_path() == images.stranger);
  CHECK(records.front().change.result() == kBytes);
}

TEST_CASE("a reflink of a volume is told, of both of its files", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  const std::string type = GENERATE("xfs", "btrfs");
  CAPTURE(type);
  const LoopFileSystem file_system(type);
  KernelHost host(kWatched);
  const Images images(host, file_system.path());
  auto records = changes_by(host, {"cp", "--reflink=always", images.volume, images.other});
  REQUIRE(records.size() == 1);
  check_volume(records.front(), images);
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_CLONED);
  CHECK(records.front().change.other_path() == images.other);

  records = changes_by_subject(host, {"reflink", images.stranger, images.volume});
  REQUIRE(records.size() == 1);
  check_volume(records.front(), images);
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_CLONED_OVER);
  CHECK(records.front().change.other_path() == images.stranger);

  if (type == "btrfs" && !is_direct(host)) return;  // a limit, stated by the probe
  records = changes_by_subject(host, {"reflink-range", images.volume, images.other + "2"});
  REQUIRE(records.size() == 1);
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_CLONED);
}

TEST_CASE("what the kernel refuses is told with its error, where its own functions are watched", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  run_tool({"chattr", "+i", images.volume});
  const int status = run_subject({"volume_changer", "unlink", images.volume});
  const auto records = only<VolumeChangeRecord>(host.collect_until_marker());
  run_tool({"chattr", "-i", images.volume});
  CHECK(status == 1);
  // Tier 2 tells what was done.
  REQUIRE(records.size() == (is_direct(host) ? 1 : 0));
  if (records.empty()) return;
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_UNLINKED);
  CHECK(records.front().change.result() == -EPERM);
}

TEST_CASE("what is done to a file of no tenant is silent", "[DISK-08][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  for (Act& act : acts_on(images)) {
    for (std::string& word : act.words) {
      if (word == images.volume) word = images.stranger + "2";
    }
    std::filesystem::copy_file(images.stranger, images.stranger + "2", std::filesystem::copy_options::skip_existing);
    if (act.name == "mv over it") act.words[2] = images.stranger;
    run_tool(act.words);
  }
  CHECK(host.collect_until_marker().empty());
  CHECK(host.counters_of(v1::PROBE_DISK_VOLUME_CHANGE).seen() == 0);
}

TEST_CASE("reading, writing and touching a volume is no change of it", "[DISK-08][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  for (const std::string act : {"write", "touch"}) {
    CHECK(changes_by_subject(host, {act, images.volume}).empty());
  }
  run_tool({"stat", images.volume});
  run_tool({"cat", images.volume});
  CHECK(only<VolumeChangeRecord>(host.collect_until_marker()).empty());
}

TEST_CASE("whoever changes a base image is told, and a copy of it is not", "[DISK-05]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  REQUIRE(host.maps().set_base_image(images.key).ok());
  using Row = std::tuple<std::string, std::string, v1::VolumeChangeKind>;
  const auto [act, other, kind] = GENERATE(table<std::string, std::string, v1::VolumeChangeKind>({
      Row{"punch", "", v1::VOLUME_CHANGE_KIND_PUNCHED},
      Row{"fchmod", "", v1::VOLUME_CHANGE_KIND_PERMISSIONS},
      Row{"cut", "", v1::VOLUME_CHANGE_KIND_TRUNCATED},
      Row{"rename", "new.raw", v1::VOLUME_CHANGE_KIND_RENAMED},
      Row{"unlink", "", v1::VOLUME_CHANGE_KIND_UNLINKED},
  }));
  CAPTURE(act);
  CHECK(changes_by_subject(host, {"copy-range", images.volume, images.other}).empty());
  const auto records = changes_by_subject(host, {act, images.volume, images.directory.path() + "/" + other});
  REQUIRE(records.size() == 1);
  CHECK(records.front().change.kind() == kind);
  CHECK(records.front().header.object.tenant == probes::kHostNumber);
  CHECK(records.front().file == decode::FileKey{images.key.inode, images.key.device, images.key.generation});
}

TEST_CASE("copying a base image is counted and not told", "[DISK-05][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  REQUIRE(host.maps().set_base_image(images.key).ok());
  run_tool({"cp", "--sparse=never", images.volume, images.other});
  CHECK(only<VolumeChangeRecord>(host.collect_until_marker()).empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_DISK_VOLUME_CHANGE);
  CHECK(counters.suppressed() >= 1);
  CHECK(counters.seen() == counters.suppressed());
}

TEST_CASE("what a volume's own VMM does to it is counted and not told", "[DISK-08][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  const std::string act = GENERATE("punch", "ftruncate", "extend", "fchmod", "unlink", "rename");
  CAPTURE(act);
  stage::ChildProcess vmm = start_subject({"volume_changer", "--wait", act, images.volume, images.other});
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  REQUIRE(vmm.write_line("go").ok());
  REQUIRE(*vmm.wait(kPatience) == 0);
  CHECK(only<VolumeChangeRecord>(host.collect_until_marker()).empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_DISK_VOLUME_CHANGE);
  CHECK(counters.suppressed() >= 1);
  CHECK(counters.seen() == counters.suppressed());
}

TEST_CASE("another tenant's VMM that changes a volume is told as that", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  stage::ChildProcess vmm = start_subject({"volume_changer", "--wait", "rename", images.volume, images.other});
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE(host.maps().set_vmm(*key, kGlobex, false).ok());
  REQUIRE(vmm.write_line("go").ok());
  REQUIRE(*vmm.wait(kPatience) == 0);
  const auto records = only<VolumeChangeRecord>(host.collect_until_marker());
  REQUIRE(records.size() == 1);
  CHECK(records.front().header.actor.tenant == kGlobex.tenant);
  CHECK(records.front().header.object.tenant == kAcme.tenant);
}

TEST_CASE("the control plane that deletes a volume is told as trusted", "[DISK-08][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Images images(host);
  const auto service = host.maps().file_key(stage::program_directory() + "/subjects/volume_changer");
  REQUIRE(service.ok());
  REQUIRE(host.maps().set_trusted(*service, {.may_open_volumes = true}).ok());
  const auto records = changes_by_subject(host, {"unlink", images.volume});
  REQUIRE(records.size() == 1);
  CHECK(records.front().change.kind() == v1::VOLUME_CHANGE_KIND_UNLINKED);
  CHECK(records.front().header.trusted);
}

}  // namespace
}  // namespace bulkhead::test

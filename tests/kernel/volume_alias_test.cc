// DISK-01 by names and mounts that the volume's domain never had: the verdict is taken on the file itself.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/kernel/loop_file_system.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_DISK_IO_URING_OPEN};
constexpr stage::Milliseconds kToolPatience{60'000};

std::string opener() {
  return stage::program_directory() + "/subjects/file_opener";
}

// A volume of kAcme's and a file of nobody's, side by side; each alias is made for both.
struct Pair {
  explicit Pair(KernelHost& host, const std::string& parent = "") : directory(parent) {
    const auto found = host.maps().file_key(volume);
    REQUIRE(found.ok());
    key = *found;
    REQUIRE(host.maps().set_volume(key, kAcme).ok());
  }

  TemporaryDirectory directory;
  std::string volume = directory.file("volume.raw");
  std::string stranger = directory.file("stranger.raw");
  probes::FileKey key;
};

std::vector<FileOpenRecord> opens_by(KernelHost& host, std::vector<std::string> words) {
  const auto outcome = stage::run({std::move(words), "", {}}, kToolPatience);
  REQUIRE(outcome.status() == absl::OkStatus());
  CHECK(outcome->exit_status == 0);
  return only<FileOpenRecord>(host.collect_until_marker());
}

void check_told(const std::vector<FileOpenRecord>& opens, const Pair& pair) {
  REQUIRE(opens.size() == 1);
  const FileOpenRecord& record = opens.front();
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.actor.tenant == probes::kHostNumber);
  CHECK(record.file.inode == pair.key.inode);
  CHECK(record.file.device == pair.key.device);
  CHECK(record.file.generation == pair.key.generation);
}

// By the alias of the volume; and in silence by the same of the stranger.
void check_alias(KernelHost& host, const Pair& pair, const std::string& volume, const std::string& stranger) {
  CAPTURE(volume);
  check_told(opens_by(host, {opener(), "openat", volume}), pair);
  check_told(opens_by(host, {stage::program_directory() + "/subjects/io_uring_opener", volume}), pair);
  CHECK(opens_by(host, {opener(), "openat", stranger}).empty());
}

TEST_CASE("a bind mount leads to the same volume, and to no other file", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  enter_mount_namespace();
  KernelHost host(kWatched);
  const Pair pair(host);
  const TemporaryDirectory elsewhere;
  for (const std::string& name : {std::string("volume.raw"), std::string("stranger.raw")}) {
    const std::string at = elsewhere.file(name, 0);
    REQUIRE(mount((pair.directory.path() + "/" + name).c_str(), at.c_str(), nullptr, MS_BIND, nullptr) == 0);
  }
  check_alias(host, pair, elsewhere.path() + "/volume.raw", elsewhere.path() + "/stranger.raw");
  for (const char* name : {"/volume.raw", "/stranger.raw"}) umount2((elsewhere.path() + name).c_str(), MNT_DETACH);
}

TEST_CASE("a mount namespace of one's own hides no open of a volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Pair pair(host);
  const TemporaryDirectory elsewhere;
  const auto words = [&](const std::string& path) -> std::vector<std::string> {
    return {"unshare",
            "--mount",
            "sh",
            "-c",
            R"(mount --bind "$1" "$2" && exec "$3" openat "$2"/"$4")",
            "sh",
            pair.directory.path(),
            elsewhere.path(),
            opener(),
            std::filesystem::path(path).filename()};
  };
  check_told(opens_by(host, words(pair.volume)), pair);
  CHECK(opens_by(host, words(pair.stranger)).empty());
}

TEST_CASE("a volume that was renamed is the same volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Pair pair(host);
  std::filesystem::rename(pair.volume, pair.volume + "2");
  std::filesystem::rename(pair.stranger, pair.volume);
  check_alias(host, pair, pair.volume + "2", pair.volume);
}

TEST_CASE("/proc/PID/root, cwd, fd and map_files lead to the same volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Pair pair(host);
  const std::string way = GENERATE("root", "fd", "map_files");
  CAPTURE(way);
  // Who has it open, or mapped, has that since before.
  const auto holder_of = [](const std::string& path, const std::string& how) {
    stage::ChildProcess holder = start_subject({"holder", how, path});
    REQUIRE(holder.read_line(kPatience).ok());
    return holder;
  };
  const auto alias_of = [&](stage::ChildProcess& holder, const std::string& path) -> std::string {
    const std::string proc = "/proc/" + std::to_string(holder.pid()) + "/";
    if (way == "root") return proc + "root" + path;
    for (const auto& entry : std::filesystem::directory_iterator(proc + way)) {
      std::error_code error;
      if (std::filesystem::read_symlink(entry.path(), error) == path) return entry.path();
    }
    FAIL("no such entry");
    return "";
  };
  const std::string how = way == "map_files" ? "map" : "open";
  stage::ChildProcess of_volume = holder_of(pair.volume, how);
  stage::ChildProcess of_stranger = holder_of(pair.stranger, how);
  const std::string volume = alias_of(of_volume, pair.volume);
  const std::string stranger = alias_of(of_stranger, pair.stranger);
  host.collect_until_marker();  // the holder's own open
  check_alias(host, pair, volume, stranger);
}

TEST_CASE("an overlay over a volume's directory opens the volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  enter_mount_namespace();
  KernelHost host(kWatched);
  const LoopFileSystem file_system("ext4");
  const Pair pair(host, file_system.path());
  const TemporaryDirectory layers(file_system.path());
  for (const char* name : {"/upper", "/work", "/merged"}) std::filesystem::create_directory(layers.path() + name);
  const std::string options =
      "lowerdir=" + pair.directory.path() + ",upperdir=" + layers.path() + "/upper,workdir=" + layers.path() + "/work";
  const std::string merged = layers.path() + "/merged";
  REQUIRE(mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) == 0);
  check_alias(host, pair, merged + "/volume.raw", merged + "/stranger.raw");
  umount2(merged.c_str(), MNT_DETACH);
}

// A copy of the mount that `from` is on, at `to`, whose owners are those of another user namespace.
bool mount_idmapped(const std::string& from, const std::string& to) {
  auto in_namespace = stage::ChildProcess::start(
      {{"unshare", "--user", "--map-root-user", "sh", "-c", "echo ready; read -r line"}, "", {}});
  if (!in_namespace.ok() || !in_namespace->read_line(kPatience).ok()) return false;
  const int names = open(("/proc/" + std::to_string(in_namespace->pid()) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC);
  const int tree = static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, from.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(names);
  const bool done = names >= 0 && tree >= 0 &&
                    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0 &&
                    syscall(SYS_move_mount, tree, "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
  close(tree);
  close(names);
  return done;
}

TEST_CASE("an idmapped mount leads to the same volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  enter_mount_namespace();
  KernelHost host(kWatched);
  const LoopFileSystem file_system("ext4");
  const Pair pair(host, file_system.path());
  const TemporaryDirectory elsewhere;
  if (!mount_idmapped(pair.directory.path(), elsewhere.path())) BULKHEAD_SKIP("this kernel maps no owners of mounts");
  host.collect_until_marker();
  check_alias(host, pair, elsewhere.path() + "/volume.raw", elsewhere.path() + "/stranger.raw");
  umount2(elsewhere.path().c_str(), MNT_DETACH);
}

// Tier 1 of the opens?
bool sees_the_kernels_own_opens(KernelHost& host) {
  for (const v1::ProbeCoverage& row : host.probes().coverage()) {
    if (row.probe() == v1::PROBE_DISK_FILE_OPEN) return row.tier() == 1;
  }
  return false;
}

TEST_CASE("a volume that is executed is told as opened by the kernel", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Pair pair(host);
  for (const std::string& path : {pair.volume, pair.stranger}) {
    std::ofstream(path) << "#!/bin/true\n";
    REQUIRE(chmod(path.c_str(), 0700) == 0);
  }
  host.collect_until_marker();
  // The interpreter is told the script's name: the kernel alone opens it.
  const auto opens = opens_by(host, {pair.volume});
  // Tier 2 sees opens by system calls alone.
  if (sees_the_kernels_own_opens(host)) {
    check_told(opens, pair);
  } else {
    CHECK(opens.empty());
  }
  CHECK(opens_by(host, {pair.stranger}).empty());
}

TEST_CASE("a volume that is swapped to is told as opened by the kernel", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  // The other tier sees opens by system calls alone, and no test swaps on the machine that builds.
  if (!sees_the_kernels_own_opens(host)) return;
  const LoopFileSystem file_system("ext4");
  const TemporaryDirectory directory(file_system.path());
  const std::string volume = directory.file("swap", 1 << 20);
  REQUIRE(stage::run_checked({{"mkswap", volume}, "/dev/null", {}}, kToolPatience).ok());
  const auto key = host.maps().file_key(volume);
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_volume(*key, kAcme).ok());
  // The tool looks at the file first.
  const auto opens = opens_by(host, {"swapon", volume});
  stage::run_checked({{"swapoff", volume}, "", {}}, kToolPatience).IgnoreError();
  CHECK(std::ranges::any_of(opens, [](const auto& one) { return one.open.method() == v1::OPEN_METHOD_OTHER; }));
}

}  // namespace
}  // namespace bulkhead::test

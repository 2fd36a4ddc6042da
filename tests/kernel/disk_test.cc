#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_DISK_IO_URING_OPEN};

struct OwnedVolume {
  TemporaryDirectory directory;
  std::string path = directory.file("volume.raw");
  probes::FileKey key;
};

void own(KernelHost& host, OwnedVolume& volume, probes::Owner owner) {
  const auto key = host.maps().file_key(volume.path);
  REQUIRE(key.ok());
  volume.key = *key;
  REQUIRE(host.maps().set_volume(volume.key, owner).ok());
}

void check_volume(const FileOpenRecord& record, const OwnedVolume& volume) {
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.object.domain == kAcme.domain);
  CHECK(record.header.actor.tenant == probes::kHostNumber);
  CHECK_FALSE(record.header.trusted);
  struct stat info = {};
  REQUIRE(stat(volume.path.c_str(), &info) == 0);
  CHECK(record.open.inode() == info.st_ino);
  CHECK(record.file.inode == volume.key.inode);
  CHECK(record.file.device == volume.key.device);
  CHECK(record.file.generation == volume.key.generation);
  CHECK_FALSE(record.open.block_device());
}

TEST_CASE("a volume is told to be opened, by each system call that opens", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  using Row = std::tuple<std::string, v1::OpenMethod>;
  const auto [method, expected] = GENERATE(table<std::string, v1::OpenMethod>({
      Row{"open", v1::OPEN_METHOD_OPEN},
      Row{"creat", v1::OPEN_METHOD_CREAT},
      Row{"openat", v1::OPEN_METHOD_OPENAT},
      Row{"openat2", v1::OPEN_METHOD_OPENAT2},
      Row{"by-handle", v1::OPEN_METHOD_OPEN_BY_HANDLE_AT},
  }));
  CAPTURE(method);
  stage::ChildProcess opener = start_subject({"file_opener", method, volume.path});
  REQUIRE(*opener.wait(kPatience) == 0);

  const auto records = host.collect(at_least<FileOpenRecord>(1));
  const auto opens = only<FileOpenRecord>(records);
  REQUIRE(opens.size() == 1);
  const FileOpenRecord& record = opens.front();
  CHECK(record.header.probe == v1::PROBE_DISK_FILE_OPEN);
  CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(opener.pid()));
  CHECK(record.open.method() == expected);
  CHECK((record.open.flags() & O_ACCMODE) == (method == "creat" ? O_WRONLY : O_RDONLY));
  CHECK(record.open.link_count() == 1);
  CHECK(record.path == volume.path);
  check_volume(record, volume);
  const auto actors = only<decode::ActorRecord>(records);
  REQUIRE(actors.size() == 1);
  CHECK(actors.front().executable ==
        std::filesystem::canonical(stage::program_directory() + "/subjects/file_opener").string());
}

TEST_CASE("a link or a path descriptor leads to the same volume", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  const std::string link = volume.directory.path() + "/another-name";
  const std::string method = GENERATE("hard-link", "symlink", "o-path-reopen");
  CAPTURE(method);
  std::vector<std::string> words = {"file_opener", method, volume.path};
  if (method != "o-path-reopen") words.push_back(link);
  REQUIRE(run_subject(words) == 0);

  const auto opens = only<FileOpenRecord>(host.collect_until_marker());
  REQUIRE(opens.size() == 1);
  check_volume(opens.front(), volume);
  CHECK(opens.front().path == (method == "hard-link" ? link : volume.path));
  CHECK(opens.front().open.link_count() == (method == "hard-link" ? 2 : 1));
}

TEST_CASE("a volume opened for writing is told so", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  REQUIRE(run_subject({"file_opener", "--write", "openat", volume.path}) == 0);
  const auto opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  CHECK((opens.front().open.flags() & O_ACCMODE) == O_RDWR);
}

TEST_CASE("io_uring opens of a volume are told, into a descriptor or into the ring's table", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  const std::vector<std::string> flags =
      GENERATE(std::vector<std::string>{}, std::vector<std::string>{"--openat2"}, std::vector<std::string>{"--direct"},
               std::vector<std::string>{"--openat2", "--direct"}, std::vector<std::string>{"--async"},
               std::vector<std::string>{"--sqpoll"});
  std::vector<std::string> words = {"io_uring_opener"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(volume.path);
  CAPTURE(words);
  stage::ChildProcess opener = start_subject(words);
  REQUIRE(*opener.wait(kPatience) == 0);

  const auto opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  const FileOpenRecord& record = opens.front();
  CHECK(record.header.probe == host.teller_of(v1::PROBE_DISK_IO_URING_OPEN));
  CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(opener.pid()));
  CHECK(record.open.method() == v1::OPEN_METHOD_IO_URING);
  CHECK(record.path == volume.path);
  check_volume(record, volume);
}

TEST_CASE("opening a file of no tenant is silent, also one that took a volume's name", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  const std::string stranger = volume.directory.file("stranger");
  REQUIRE(run_subject({"file_opener", "openat", stranger}) == 0);
  std::filesystem::rename(stranger, volume.path);
  REQUIRE(run_subject({"file_opener", "openat", volume.path}) == 0);
  REQUIRE(run_subject({"io_uring_opener", volume.path}) == 0);
  CHECK(host.collect_until_marker().empty());
  CHECK(host.counters_of(v1::PROBE_DISK_IO_URING_OPEN).seen() == 0);
}

TEST_CASE("looking a volume up without opening it is silent", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  REQUIRE(run_subject({"file_opener", "--flags=" + std::to_string(O_PATH), "openat", volume.path}) == 0);
  CHECK(host.collect_until_marker().empty());
}

TEST_CASE("a tenant's own process opening its volume is counted and not told", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  stage::ChildProcess opener = start_subject({"file_opener", "--wait", "openat", volume.path});
  REQUIRE(opener.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(opener.pid()));
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  REQUIRE(opener.write_line("go").ok());
  REQUIRE(*opener.wait(kPatience) == 0);

  CHECK(only<FileOpenRecord>(host.collect_until_marker()).empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_DISK_FILE_OPEN);
  CHECK(counters.suppressed() == 1);
  CHECK(counters.seen() == counters.suppressed() + counters.emitted() + counters.lost());
}

TEST_CASE("a trusted executable's open is told as trusted, and only with its uid", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  const auto opener = host.maps().file_key(stage::program_directory() + "/subjects/file_opener");
  REQUIRE(opener.ok());
  const bool right_uid = GENERATE(true, false);
  REQUIRE(
      host.maps().set_trusted(*opener, {.may_open_volumes = true, .uid = right_uid ? getuid() : getuid() + 1}).ok());
  REQUIRE(run_subject({"file_opener", "openat", volume.path}) == 0);
  const auto opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().header.trusted == right_uid);
}

TEST_CASE("an executable trusted only from a trusted parent is not trusted from another", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVolume volume;
  own(host, volume, kAcme);
  const auto opener = host.maps().file_key(stage::program_directory() + "/subjects/file_opener");
  const auto parent = host.maps().file_key("/proc/self/exe");
  REQUIRE((opener.ok() && parent.ok()));
  REQUIRE(host.maps().set_trusted(*opener, {.may_open_volumes = true, .needs_trusted_parent = true}).ok());
  REQUIRE(run_subject({"file_opener", "openat", volume.path}) == 0);
  auto opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  CHECK_FALSE(opens.front().header.trusted);

  // /proc/self/exe was followed: this test's own executable is the parent's.
  const auto self = host.maps().file_key(std::filesystem::canonical("/proc/self/exe"));
  REQUIRE(host.maps().set_trusted(*self, {.may_open_volumes = true}).ok());
  REQUIRE(run_subject({"file_opener", "openat", volume.path}) == 0);
  opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().header.trusted);
}

}  // namespace
}  // namespace bulkhead::test

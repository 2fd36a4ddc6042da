// Whose a volume is when its file is renamed, replaced, deleted or grown: the kernel's object decides, never the path.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/attribution_host.h"
#include "tests/kernel/loop_file_system.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using Host = AttributionHost;

inventory::Domain domain_with(const std::string& name, const std::string& tenant, const std::string& path) {
  inventory::Domain one = domain(name, tenant);
  one.volumes = {volume(path)};
  return one;
}

std::vector<v1::Event> opens_of(Host& host, const std::string& path) {
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  return host.events();
}

void check_owner(const std::vector<v1::Event>& events, const std::string& tenant) {
  REQUIRE(events.size() == 1);
  CHECK(events.front().object().tenant() == tenant);
}

std::uint64_t inode_of(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_ino;
}

TEST_CASE("a volume that is renamed while a domain has it stays its tenant's", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  const inventory::Snapshot snapshot = snapshot_of({domain_with("acme-1", "acme", path)});
  host.ownership->apply(snapshot);
  std::filesystem::rename(path, path + "2");
  CHECK(host.ownership->apply(snapshot).incomplete);
  host.ownership->apply(snapshot);
  const auto events = opens_of(host, path + "2");
  check_owner(events, "acme");
  CHECK(events.front().path() == path + "2");
  CHECK(events.front().object().id() == path);

  // Another file under the name is the domain's next disk; the former one is still its.
  images.file("disk.raw");
  host.ownership->apply(snapshot);
  check_owner(opens_of(host, path), "acme");
  check_owner(opens_of(host, path + "2"), "acme");
}

TEST_CASE("a volume that was replaced is its tenant's under what name it has left", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  const inventory::Snapshot snapshot = snapshot_of({domain_with("acme-1", "acme", path)});
  host.ownership->apply(snapshot);
  std::filesystem::create_hard_link(path, path + "-link");
  std::filesystem::rename(images.file("poison.raw"), path);
  host.ownership->apply(snapshot);
  check_owner(opens_of(host, path + "-link"), "acme");
  check_owner(opens_of(host, path), "acme");
}

TEST_CASE("a thief's domain that names a volume which he renamed does not own it", "[DISK-08]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  const inventory::Domain acme = domain_with("acme-1", "acme", path);
  host.ownership->apply(snapshot_of({acme}));
  std::filesystem::rename(path, path + "2");
  const auto applied = host.ownership->apply(snapshot_of({acme, domain_with("globex-1", "globex", path + "2")}));
  CHECK(applied.foreign_claims.size() == 1);
  const auto events = opens_of(host, path + "2");
  check_owner(events, "acme");
  CHECK(events.front().object().domain_name() == "acme-1");
}

TEST_CASE("a renamed volume is nobody's once no definition names it", "[DISK-08][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain_with("acme-1", "acme", path);
  host.ownership->apply(snapshot_of({acme}));
  std::filesystem::rename(path, path + "2");
  host.ownership->apply(snapshot_of({acme}));
  acme.volumes.clear();
  host.ownership->apply(snapshot_of({acme}));
  CHECK(opens_of(host, path + "2").empty());
}

TEST_CASE("a file with a deleted volume's inode number is not that volume", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const LoopFileSystem file_system("ext4");
  const TemporaryDirectory images(file_system.path());
  const std::string path = images.file("disk.raw");
  const inventory::Snapshot snapshot = snapshot_of({domain_with("acme-1", "acme", path)});
  host.ownership->apply(snapshot);
  const std::uint64_t inode = inode_of(path);
  std::filesystem::remove(path);
  const std::string stranger = images.file("stranger.raw");
  REQUIRE(inode_of(stranger) == inode);  // ext4 takes the lowest that is free
  CHECK(opens_of(host, stranger).empty());
  host.ownership->apply(snapshot);
  CHECK(opens_of(host, stranger).empty());
}

TEST_CASE("files with one inode number on two file systems are told apart", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const LoopFileSystem one("ext4"), other("ext4");
  const TemporaryDirectory images(one.path()), others(other.path());
  const std::string path = images.file("disk.raw"), stranger = others.file("disk.raw");
  REQUIRE(inode_of(path) == inode_of(stranger));
  host.ownership->apply(snapshot_of({domain_with("acme-1", "acme", path)}));
  CHECK(opens_of(host, stranger).empty());
  check_owner(opens_of(host, path), "acme");
}

TEST_CASE("a volume that grows, or that is cloned, is the same one, and its clone is another file", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const LoopFileSystem file_system("xfs");
  const TemporaryDirectory images(file_system.path());
  const std::string path = images.file("disk.raw");
  const inventory::Snapshot snapshot = snapshot_of({domain_with("acme-1", "acme", path)});
  host.ownership->apply(snapshot);
  std::filesystem::resize_file(path, 1 << 20);
  REQUIRE(run_subject({"volume_changer", "reflink", path, path + "2"}) == 0);
  host.events();
  host.ownership->apply(snapshot);
  check_owner(opens_of(host, path), "acme");
  CHECK(opens_of(host, path + "2").empty());
}

}  // namespace
}  // namespace bulkhead::test

// Loop devices over tenants' volumes, and over what is nobody's.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/kernel/mapping_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr std::size_t kImageSize = 4 << 20;

std::uint32_t number_of(const std::string& device) {
  struct stat info = {};
  REQUIRE(stat(device.c_str(), &info) == 0);
  return major(info.st_rdev) << 20 | minor(info.st_rdev);
}

struct Image {
  TemporaryDirectory directory;
  std::string path = directory.file("disk.raw", kImageSize);
};

TEST_CASE("a loop device over a volume is told with who made it, and is that volume then", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  host.apply({domain_with("acme-1", "acme", image.path)});
  const bool read_only = GENERATE(false, true);
  LoopDevice loop(image.path, read_only ? std::vector<std::string>{"--read-only"} : std::vector<std::string>{});

  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  const v1::Event& event = told.front();
  CHECK(event.probe() == v1::PROBE_DISK_MAPPING);
  CHECK(event.actor().tenant() == "host");
  CHECK(event.actor().process().pid() > 0);
  CHECK_THAT(event.actor().process().executable(), Catch::EndsWith("/losetup"));
  CHECK_FALSE(event.actor().trusted_service());
  CHECK(event.object().kind() == v1::OBJECT_KIND_VOLUME);
  CHECK(event.object().tenant() == "acme");
  CHECK(event.object().domain_name() == "acme-1");
  CHECK(event.object().id() == image.path);
  CHECK(event.path() == loop.path());
  CHECK(event.volume_mapping().kind() == v1::VOLUME_MAPPING_KIND_LOOP);
  CHECK(event.volume_mapping().name() == loop.name());
  CHECK(event.volume_mapping().device() == number_of(loop.path()));
  CHECK(event.volume_mapping().read_only() == read_only);
  CHECK_FALSE(event.volume_mapping().removed());

  // Whoever opens it now opened the volume.
  REQUIRE(run_subject({"file_opener", "openat", loop.path()}) == 0);
  const auto opened = opens(host.events());
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().object().tenant() == "acme");
  CHECK(opened.front().object().id() == image.path);
  CHECK(opened.front().path() == loop.path());
  CHECK(opened.front().file_open().block_device());

  loop.detach();
  const auto gone = mappings(host.events());
  REQUIRE(gone.size() == 1);
  CHECK(gone.front().volume_mapping().removed());
  CHECK_THAT(gone.front().actor().process().executable(), Catch::EndsWith("/losetup"));
}

TEST_CASE("a loop device made by the calls of old, over a part of a volume, is told", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  host.apply({domain_with("acme-1", "acme", image.path)});
  stage::ChildProcess maker = start_subject({"loop_maker", image.path, "1048576"});
  const auto device = maker.read_line(kPatience);
  REQUIRE(device.ok());
  const auto told = mappings(host.events());
  REQUIRE_FALSE(told.empty());
  CHECK(told.front().path() == *device);
  CHECK(told.front().object().tenant() == "acme");
  CHECK(told.front().actor().process().pid() == static_cast<std::uint32_t>(maker.pid()));
  REQUIRE(maker.write_line("go").ok());
  CHECK(*maker.wait(kPatience) == 0);
}

TEST_CASE("a loop device over a file of no tenant is silent, and so is one that a domain has as its disk",
          "[DISK-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image acmes, nobodys, built;
  host.apply({domain_with("acme-1", "acme", acmes.path)});
  const LoopDevice loop(nobodys.path), disk(built.path);
  host.apply({domain_with("acme-1", "acme", acmes.path), domain_with("globex-1", "globex", disk.path())});
  REQUIRE(run_subject({"file_opener", "openat", loop.path()}) == 0);
  CHECK(host.events().empty());
  // The disk's own file is what the tenant has, then.
  REQUIRE(run_subject({"file_opener", "openat", built.path}) == 0);
  const auto opened = opens(host.events());
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().object().tenant() == "globex");
  CHECK(opened.front().object().id() == disk.path());
}

TEST_CASE("the number of a loop device that is given to another file has no owner any more", "[DISK-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image acmes, nobodys, globexs;
  host.apply({domain_with("acme-1", "acme", acmes.path), domain_with("globex-1", "globex", globexs.path)});
  LoopDevice loop(acmes.path);
  const std::string path = loop.path();
  REQUIRE(mappings(host.events()).size() == 1);
  // All at once: the agent looks when it is over.
  loop.detach();
  run_program({"losetup", path, nobodys.path});
  auto told = mappings(host.events());
  CHECK(told.size() == 1);
  for (const v1::Event& event : told) CHECK(event.volume_mapping().removed());
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(opens(host.events()).empty());

  run_program({"losetup", "--detach", path});
  run_program({"losetup", path, globexs.path});
  const AtEnd detach({"losetup", "--detach", path});
  told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told.front().object().tenant() == "globex");
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  const auto opened = opens(host.events());
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().object().tenant() == "globex");
}

TEST_CASE("a file that takes the name of a loop device's file is not taken for it", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  host.apply({domain_with("acme-1", "acme", image.path)});
  const std::string elsewhere = image.directory.path() + "/moved";
  std::filesystem::rename(image.path, elsewhere);
  image.directory.file("disk.raw", kImageSize);
  const LoopDevice decoy(image.path), loop(elsewhere);
  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told.front().path() == loop.path());
}

// A node of the block device, in `directory`: not every /dev gets one by itself.
std::string make_node(const std::string& name, const std::string& directory) {
  unsigned major = 0, minor = 0;
  std::ifstream file("/sys/class/block/" + name + "/dev");
  char colon = 0;
  file >> major >> colon >> minor;
  REQUIRE(file);
  const std::string path = directory + "/" + name;
  REQUIRE(mknod(path.c_str(), S_IFBLK | 0600, makedev(major, minor)) == 0);
  return path;
}

TEST_CASE("partitions in a volume and a loop device over a loop device are the volume, too", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  {
    // A boot record with one partition of Linux's, from sector 2048 on.
    std::fstream disk(image.path, std::ios::in | std::ios::out | std::ios::binary);
    const unsigned char entry[16] = {0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0};
    disk.seekp(446).write(reinterpret_cast<const char*>(entry), sizeof(entry));
    disk.write(std::string(48, '\0').data(), 48).write("\x55\xaa", 2);
  }
  host.apply({domain_with("acme-1", "acme", image.path)});
  const LoopDevice loop(image.path, {"--partscan"});
  if (!std::filesystem::exists("/sys/class/block/" + loop.path().substr(5) + "p1")) {
    // A kernel without CONFIG_MSDOS_PARTITION: there is the loop device alone.
    CHECK(mappings(host.events()).size() == 1);
    return;
  }
  const TemporaryDirectory nodes;
  const LoopDevice above(make_node(loop.path().substr(5) + "p1", nodes.path()));
  const auto told = mappings(host.events());
  std::set<std::string> paths;
  for (const v1::Event& event : told) {
    CHECK(event.object().tenant() == "acme");
    CHECK(event.object().id() == image.path);
    paths.insert(event.path());
    if (event.path() == loop.path() + "p1") {
      CHECK(event.volume_mapping().kind() == v1::VOLUME_MAPPING_KIND_PARTITION);
    }
  }
  CHECK(paths == std::set<std::string>{loop.path(), loop.path() + "p1", above.path()});
}

TEST_CASE("a mapping from before the volume was a tenant's is told once, by nobody", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  const LoopDevice loop(image.path);
  CHECK(host.events().empty());
  for (int i = 0; i < 2; ++i) host.apply({domain_with("acme-1", "acme", image.path)});
  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told.front().path() == loop.path());
  CHECK(told.front().actor().tenant() == "host");
  CHECK_FALSE(told.front().actor().has_process());
}

TEST_CASE("a disk that leads to another tenant's volume is that tenant's, whoever names it", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image;
  const inventory::Domain acme = domain_with("acme-1", "acme", image.path);
  host.apply({acme});
  const LoopDevice loop(image.path);
  host.apply({acme, domain_with("globex-1", "globex", loop.path())});
  host.events();
  REQUIRE(run_subject({"file_opener", "openat", loop.path()}) == 0);
  const auto opened = opens(host.events());
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().object().tenant() == "acme");
  CHECK(opened.front().object().id() == image.path);
}

TEST_CASE("the inventory names a file and a loop device over it alike, and another file otherwise") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const Image image, other;
  const LoopDevice loop(image.path), part(image.path, {"--offset", "1048576"});
  host.events();  // it knows them by now
  host.apply({domain_with("one", "acme", image.path), domain_with("two", "acme", loop.path()),
              domain_with("three", "acme", other.path), domain_with("four", "acme", part.path())});
  const auto identity = [&](int number) { return host.inventory.domains(number).volumes(0).identity(); };
  CHECK_THAT(identity(0), Catch::StartsWith("file:"));
  CHECK(identity(0) == identity(1));
  CHECK(identity(0) != identity(2));
  CHECK(identity(3) == identity(0) + "@1048576+3145728");
}

}  // namespace
}  // namespace bulkhead::test

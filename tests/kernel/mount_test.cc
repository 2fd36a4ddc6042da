// Mounts of what is in tenants' volumes.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/mapping_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

// An image with a file system in it, and a folder for it.
struct FileSystemImage {
  explicit FileSystemImage(const std::string& type)
      : path(directory.path() + "/disk.raw"), folder(directory.path() + "/m") {
    std::filesystem::create_directory(folder);
    run_program({"truncate", "--size", type == "xfs" ? "320M" : "128M", path});
    run_program({"mkfs." + type, "-q", path});
  }
  TemporaryDirectory directory;
  std::string path;
  std::string folder;
};

std::vector<v1::Event> mounts(const std::vector<v1::Event>& events) {
  std::vector<v1::Event> found;
  for (const v1::Event& event : mappings(events)) {
    if (event.volume_mapping().kind() == v1::VOLUME_MAPPING_KIND_MOUNT) found.push_back(event);
  }
  return found;
}

TEST_CASE("a mount of a volume through a loop device is told with its place", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  const std::string type = GENERATE("ext4", "xfs", "btrfs");
  CAPTURE(type);
  MappingHost host;
  const FileSystemImage image(type);
  host.apply({domain_with("acme-1", "acme", image.path)});
  run_program({"mount", "-o", "loop,ro", image.path, image.folder});
  const AtEnd unmount({"umount", image.folder});
  const auto told = host.events();
  CHECK(mappings(told).size() == 2);
  const auto mounted = mounts(told);
  REQUIRE(mounted.size() == 1);
  const v1::Event& event = mounted.front();
  CHECK(event.object().tenant() == "acme");
  CHECK(event.object().id() == image.path);
  CHECK(event.path() == image.folder);
  CHECK(event.volume_mapping().name() == image.folder);
  CHECK(event.volume_mapping().type() == type);
  CHECK(event.volume_mapping().read_only());
  CHECK_THAT(event.actor().process().executable(), Catch::EndsWith("/mount"));
}

TEST_CASE("a mount in a mount namespace of its own, and a bind mount of it, are told", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const FileSystemImage image("ext4");
  host.apply({domain_with("acme-1", "acme", image.path)});
  const std::string second = image.directory.path() + "/second";
  std::filesystem::create_directory(second);
  const std::string script = "mount -o loop " + image.path + " " + image.folder + " && mount --bind " + image.folder +
                             " " + second + " && echo ready && read line; umount " + second + " " + image.folder;
  auto shell = stage::ChildProcess::start(
      {.words = {"unshare", "--mount", "sh", "-c", script}, .stderr_file = "", .namespaces = {}});
  REQUIRE(shell.ok());
  REQUIRE(shell->read_line(kPatience).ok());
  const auto mounted = mounts(host.events());
  REQUIRE(shell->write_line("go").ok());
  CHECK(*shell->wait(kPatience) == 0);
  REQUIRE(mounted.size() == 2);
  CHECK(mounted[0].path() == image.folder);
  CHECK(mounted[1].path() == second);
  for (const v1::Event& event : mounted) CHECK(event.object().id() == image.path);
}

TEST_CASE("a bind mount that gives a volume another name is told", "[DISK-03]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const TemporaryDirectory directory;
  const std::string path = directory.file("disk.raw"), name = directory.file("name");
  host.apply({domain_with("acme-1", "acme", path)});
  run_program({"mount", "--bind", path, name});
  const AtEnd unmount({"umount", name});
  const auto mounted = mounts(host.events());
  REQUIRE(mounted.size() == 1);
  CHECK(mounted.front().object().id() == path);
  CHECK(mounted.front().path() == name);
}

TEST_CASE("mounts of what is nobody's are silent, and so is a change of a mount", "[DISK-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  MappingHost host;
  const FileSystemImage nobodys("ext4"), acmes("ext4");
  host.apply({domain_with("acme-1", "acme", acmes.path)});
  run_program({"mount", "-o", "loop", nobodys.path, nobodys.folder});
  const AtEnd unmount({"umount", nobodys.folder});
  run_program({"mount", "-t", "tmpfs", "none", acmes.folder});
  run_program({"umount", acmes.folder});
  CHECK(mappings(host.events()).empty());
  // The newest mount is acme's, when the other one is made read-only.
  run_program({"mount", "-o", "loop", acmes.path, acmes.folder});
  const AtEnd unmount_acmes({"umount", acmes.folder});
  CHECK(mounts(host.events()).size() == 1);
  run_program({"mount", "-o", "remount,ro", nobodys.folder});
  CHECK(mounts(host.events()).empty());
}

}  // namespace
}  // namespace bulkhead::test

#include "agent/ownership/trust.h"

#include <catch2/catch.hpp>

namespace bulkhead::ownership {
namespace {

using config::Operation;
using config::TrustedService;

constexpr probes::FileKey kBackup = {.inode = 1, .device = 8};
constexpr probes::FileKey kOther = {.inode = 2, .device = 8};

TrustedService service(const std::string& executable, config::Operations operations = config::kOpenVolumes) {
  return {.executable = executable, .uid = 0, .operations = operations};
}

// What stat of the host's files would say.
struct Files {
  std::map<std::string, probes::FileKey> keys = {{"/bin/backup", kBackup}, {"/bin/other", kOther}};
  Trust::KeyOf look_up() {
    return [this](const std::string& path) -> absl::StatusOr<probes::FileKey> {
      const auto found = keys.find(path);
      if (found == keys.end()) return absl::NotFoundError(path);
      return found->second;
    };
  }
};

TrustedAct act(config::Operations operations = {Operation::kVolumeRead}) {
  return {.operations = operations, .uid = 0, .object_tenant = "acme", .cgroup = "/system.slice/backup.service"};
}

bool allows(const TrustedService& one, const TrustedAct& asked) {
  Files files;
  Trust trust({one});
  trust.refresh(files.look_up());
  return trust.allows(kBackup, asked);
}

TEST_CASE("a service is trusted with its operations, by its user, in its unit, for its tenants, and only so") {
  TrustedService one = service("/bin/backup", {Operation::kVolumeRead});
  CHECK(allows(one, act()));
  CHECK_FALSE(allows(one, act({Operation::kVolumeWrite})));
  CHECK_FALSE(allows(one, act({Operation::kVolumeRead, Operation::kVolumeWrite})));
  CHECK_FALSE(allows(one, act({Operation::kMemoryRead})));

  TrustedAct by_user = act();
  by_user.uid = 1000;
  CHECK_FALSE(allows(one, by_user));
  one.uid.reset();
  CHECK(allows(one, by_user));

  one.unit = "backup.service";
  CHECK(allows(one, act()));
  one.unit = "other.service";
  CHECK_FALSE(allows(one, act()));
  one.unit.clear();

  one.tenants = {"globex", "acme"};
  CHECK(allows(one, act()));
  one.tenants = {"globex"};
  CHECK_FALSE(allows(one, act()));
}

TEST_CASE("an executable that is no service's is trusted with nothing") {
  Files files;
  Trust trust({service("/bin/backup")});
  CHECK_FALSE(trust.allows(kBackup, act()));
  trust.refresh(files.look_up());
  CHECK(trust.allows(kBackup, act()));
  CHECK_FALSE(trust.allows(kOther, act()));
  CHECK_FALSE(trust.allows({}, act()));
}

TEST_CASE("two services of one executable are each judged by their own restrictions") {
  Files files;
  TrustedService for_acme = service("/bin/backup", {Operation::kVolumeRead});
  for_acme.tenants = {"acme"};
  TrustedService by_user = service("/bin/backup", {Operation::kMemoryRead});
  by_user.uid = 1000;
  Trust trust({for_acme, by_user});
  const auto change = trust.refresh(files.look_up());
  REQUIRE(change.put.size() == 1);
  // The kernel is told what either may do; the rest is judged here.
  CHECK(change.put.at(kBackup).may_open_volumes);
  CHECK(change.put.at(kBackup).may_access_memory);
  CHECK(change.put.at(kBackup).uid == probes::Trust{}.uid);
  CHECK(trust.allows(kBackup, act()));
  TrustedAct memory = act({Operation::kMemoryRead});
  CHECK_FALSE(trust.allows(kBackup, memory));
  memory.uid = 1000;
  CHECK(trust.allows(kBackup, memory));
}

TEST_CASE("a parent that the kernel was not asked for is not taken for granted") {
  Files files;
  TrustedService child = service("/bin/backup", {Operation::kVolumeWrite});
  child.only_from_trusted_parent = true;
  Trust trust({child, service("/bin/backup", {Operation::kVolumeRead})});
  CHECK_FALSE(trust.refresh(files.look_up()).put.at(kBackup).needs_trusted_parent);
  CHECK(trust.allows(kBackup, act({Operation::kVolumeRead})));
  CHECK_FALSE(trust.allows(kBackup, act({Operation::kVolumeWrite})));

  trust.set({child});
  CHECK(trust.refresh(files.look_up()).put.at(kBackup).needs_trusted_parent);
  CHECK(trust.allows(kBackup, act({Operation::kVolumeWrite})));
}

TEST_CASE("of another list, what stays is put and never removed, and what goes is removed") {
  Files files;
  Trust trust({service("/bin/backup")});
  CHECK(trust.refresh(files.look_up()).remove.empty());
  trust.set({service("/bin/backup", {Operation::kVolumeRead}), service("/bin/other")});
  auto change = trust.refresh(files.look_up());
  CHECK(change.put.size() == 2);
  CHECK(change.remove.empty());
  trust.set({service("/bin/other")});
  change = trust.refresh(files.look_up());
  CHECK(change.put.size() == 1);
  CHECK(change.remove == std::vector{kBackup});
  CHECK_FALSE(trust.allows(kBackup, act()));
}

TEST_CASE("an upgraded executable is trusted by its new file and, while it may still run, by its old one") {
  Files files;
  Trust trust({service("/bin/backup")});
  trust.refresh(files.look_up());
  const probes::FileKey upgraded = {.inode = 99, .device = 8};
  files.keys["/bin/backup"] = upgraded;
  CHECK(trust.refresh(files.look_up()).remove.empty());
  CHECK(trust.allows(upgraded, act()));
  CHECK(trust.allows(kBackup, act()));
  // Not for ever: files of many upgrades ago go.
  for (std::uint64_t inode = 100; inode < 110; ++inode) {
    files.keys["/bin/backup"] = {.inode = inode, .device = 8};
    trust.refresh(files.look_up());
  }
  CHECK_FALSE(trust.allows(kBackup, act()));
  trust.set({});
  CHECK(trust.refresh(files.look_up()).remove.size() == 4);
}

TEST_CASE("a process is in a unit only below the system's slices") {
  CHECK(is_in_unit("/system.slice/backup.service", "backup.service"));
  CHECK(is_in_unit("/backup.service", "backup.service"));
  CHECK(is_in_unit("/system.slice/system-backup.slice/backup@1.service", "backup@1.service"));
  CHECK(is_in_unit("/system.slice/backup.service/worker", "backup.service"));
  CHECK_FALSE(is_in_unit("/system.slice/backup.service.d", "backup.service"));
  CHECK_FALSE(is_in_unit("/system.slice/xbackup.service", "backup.service"));
  CHECK_FALSE(is_in_unit("/system.slice/other.service/backup.service", "backup.service"));
  CHECK_FALSE(is_in_unit("/user.slice/user-1.slice/user@1.service/app.slice/backup.service", "backup.service"));
  CHECK_FALSE(is_in_unit("…/backup.service", "backup.service"));
  CHECK_FALSE(is_in_unit("", "backup.service"));
  CHECK_FALSE(is_in_unit("/", "backup.service"));
  CHECK_FALSE(is_in_unit("//backup.service", "backup.service"));
  CHECK_FALSE(is_in_unit("/system.slice", "backup.service"));
  CHECK_FALSE(is_in_unit("/system.slice/backup.service", ""));
}

}  // namespace
}  // namespace bulkhead::ownership

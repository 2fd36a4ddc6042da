#include "agent/decode/decoder.h"

#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "ebpf/records/record.h"

namespace bulkhead::decode {
namespace {

template <typename Raw>
std::vector<std::byte> bytes_of(Raw raw, const std::string& tail = "") {
  raw.header.size = static_cast<std::uint16_t>(sizeof(Raw) + tail.size());
  std::vector<std::byte> bytes(raw.header.size);
  std::memcpy(bytes.data(), &raw, sizeof(Raw));
  std::memcpy(bytes.data() + sizeof(Raw), tail.data(), tail.size());
  return bytes;
}

bh_memory_record memory_record() {
  bh_memory_record raw = {};
  raw.header.kind = BH_RECORD_MEMORY;
  raw.header.probe = BH_PROBE_MEMORY_PTRACE;
  raw.operation = BH_MEMORY_PTRACE;
  return raw;
}

bh_file_open_record file_open_record(const std::string& components) {
  bh_file_open_record raw = {};
  raw.header.kind = BH_RECORD_FILE_OPEN;
  raw.header.probe = BH_PROBE_DISK_FILE_OPEN;
  raw.method = BH_OPEN_OPENAT;
  raw.path_length = static_cast<std::uint16_t>(components.size());
  return raw;
}

std::string path_of(const std::string& components, std::uint16_t flags = 0) {
  bh_file_open_record raw = file_open_record(components);
  raw.header.flags = flags;
  const auto record = decode(bytes_of(raw, components));
  REQUIRE(record.ok());
  return std::get<FileOpenRecord>(*record).path;
}

bh_holding_record holding_record(std::uint32_t kind, std::uint32_t held) {
  bh_holding_record raw = {};
  raw.header.kind = BH_RECORD_HOLDING;
  raw.header.probe = BH_PROBE_HOST_SWEEP;
  raw.kind = kind;
  raw.held = held;
  return raw;
}

TEST_CASE("a holding says what is held, how, and by which name") {
  bh_holding_record raw = holding_record(BH_HOLDING_MAPPING, BH_HELD_GUEST_MEMORY);
  raw.file = {.inode = 1, .device = 2, .generation = 3, .is_block = 0, .padding = 0};
  raw.mapped_bytes = 4096;
  raw.writable = 1;
  const std::string components("memfd:ram\0", 10);
  raw.path_length = 10;
  const auto record = decode(bytes_of(raw, components));
  REQUIRE(record.ok());
  const auto& holding = std::get<HoldingRecord>(*record);
  CHECK(holding.held == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(holding.path == "/memfd:ram");
  CHECK(holding.file == FileKey{1, 2, 3, false});
  CHECK(holding.target_tgid == 0);
  CHECK(holding.holding.kind() == v1::HOLDING_KIND_MAPPING);
  CHECK(holding.holding.writable());
  CHECK(holding.holding.mapped_bytes() == 4096);
  CHECK(holding.holding.inode() == 1);

  bh_holding_record memory = holding_record(BH_HOLDING_DESCRIPTOR, BH_HELD_GUEST_MEMORY);
  memory.target_tgid = 900;
  memory.target_start_ns = 77;
  memory.descriptor = 5;
  memory.open_flags = 2;
  const auto of_process = decode(bytes_of(memory));
  REQUIRE(of_process.ok());
  CHECK(std::get<HoldingRecord>(*of_process).target_tgid == 900);
  CHECK(std::get<HoldingRecord>(*of_process).target_start_ns == 77);
  CHECK(std::get<HoldingRecord>(*of_process).holding.descriptor_number() == 5);
  CHECK(std::get<HoldingRecord>(*of_process).holding.open_flags() == 2);
}

TEST_CASE("a holding of what cannot be held, or whose name is not there, is refused") {
  CHECK_FALSE(decode(bytes_of(holding_record(0, BH_HELD_VOLUME))).ok());
  CHECK_FALSE(decode(bytes_of(holding_record(3, BH_HELD_VOLUME))).ok());
  CHECK_FALSE(decode(bytes_of(holding_record(BH_HOLDING_DESCRIPTOR, v1::OBJECT_KIND_PORT))).ok());
  bh_holding_record raw = holding_record(BH_HOLDING_DESCRIPTOR, BH_HELD_VOLUME);
  raw.path_length = 5;
  CHECK_FALSE(decode(bytes_of(raw, "abc")).ok());
  CHECK(decode(bytes_of(raw, "abcde")).ok());
}

TEST_CASE("a record of each kind keeps its header") {
  bh_memory_record raw = memory_record();
  raw.header.time_ns = 1;
  raw.header.actor_start_ns = 2;
  raw.header.actor_tgid = 3;
  raw.header.actor_tid = 4;
  raw.header.actor_exec_id = 5;
  raw.header.actor_uid = 6;
  raw.header.actor_login_uid = 7;
  raw.header.actor = {8, 9};
  raw.header.object = {10, 11};
  raw.header.flags = BH_FLAG_TRUSTED;
  const auto record = decode(bytes_of(raw));
  REQUIRE(record.ok());
  const Header& header = header_of(*record);
  CHECK(header.time_ns == 1);
  CHECK(header.actor_key == ActorKey{3, 2, 5});
  CHECK(header.actor_tid == 4);
  CHECK(header.actor_uid == 6);
  CHECK(header.actor_login_uid == 7);
  CHECK(header.actor.tenant == 8);
  CHECK(header.actor.domain == 9);
  CHECK(header.object.tenant == 10);
  CHECK(header.object.domain == 11);
  CHECK(header.trusted);
  CHECK(header.probe == v1::PROBE_MEMORY_PTRACE);
}

TEST_CASE("a path is put together from its components") {
  using std::string_literals::operator""s;
  CHECK(path_of("disk.raw\0images\0var\0"s) == "/var/images/disk.raw");
  CHECK(path_of("") == "/");
  CHECK(path_of("disk.raw\0images"s) == "/images/disk.raw");
  CHECK(path_of("disk.raw\0images\0"s, BH_FLAG_PATH_CUT) == "…/images/disk.raw");
}

TEST_CASE("a record that is shorter or longer than it says is refused") {
  std::vector<std::byte> bytes = bytes_of(memory_record());
  bytes.pop_back();
  CHECK_FALSE(decode(bytes).ok());
  bytes.resize(bytes.size() + 2);
  CHECK_FALSE(decode(bytes).ok());
  CHECK_FALSE(decode({}).ok());
}

TEST_CASE("a tail that is longer than the record is refused") {
  bh_file_open_record raw = file_open_record("");
  raw.path_length = 100;
  CHECK_FALSE(decode(bytes_of(raw, "short")).ok());
  bh_actor_record actor = {};
  actor.header.kind = BH_RECORD_ACTOR;
  actor.path_length = 3;
  actor.cgroup_length = 4;
  CHECK_FALSE(decode(bytes_of(actor, "sixsix")).ok());
  CHECK(decode(bytes_of(actor, "exactly")).ok());
}

TEST_CASE("a VMM's act has its call's name, and its program's path where it executes one") {
  bh_vmm_act_record raw = {};
  raw.header.kind = BH_RECORD_VMM_ACT;
  raw.header.probe = BH_PROBE_VMM_CONFINEMENT;
  raw.act = BH_VMM_ACT_NAMESPACE;
  raw.call = SYS_setns;
  raw.result = -1;
  raw.argument = 5;
  auto record = decode(bytes_of(raw));
  REQUIRE(record.ok());
  const auto& joined = std::get<VmmActRecord>(*record);
  CHECK(joined.call == "setns");
  CHECK(joined.act.kind() == v1::VMM_ACT_KIND_NAMESPACE);
  CHECK(joined.act.result() == -1);
  CHECK(joined.act.argument() == 5);
  CHECK(joined.path.empty());
  raw.call = BH_CALL_CLONE;
  CHECK(std::get<VmmActRecord>(*decode(bytes_of(raw))).call == "clone");
  raw.call = 0xfff;
  CHECK(std::get<VmmActRecord>(*decode(bytes_of(raw))).call == "call 4095");
  raw.act = BH_VMM_ACT_EXECUTE;
  const std::string components("id\0bin\0usr\0", 11);
  raw.path_length = 11;
  CHECK(std::get<VmmActRecord>(*decode(bytes_of(raw, components))).path == "/usr/bin/id");
  raw.path_length = 12;
  CHECK_FALSE(decode(bytes_of(raw, components)).ok());
  raw.path_length = 0;
  raw.act = 8;
  CHECK_FALSE(decode(bytes_of(raw)).ok());
}

TEST_CASE("a socket of the host's has its path, or its abstract name as it can be printed") {
  bh_endpoint_record raw = {};
  raw.header.kind = BH_RECORD_ENDPOINT;
  raw.header.probe = BH_PROBE_CONTROL_ENDPOINT;
  raw.kind = BH_ENDPOINT_HOST_SOCKET;
  raw.method = BH_ENDPOINT_CONNECT;
  const std::string tail("sock\0run\0", 9);
  raw.path_length = 9;
  CHECK(std::get<EndpointRecord>(*decode(bytes_of(raw, tail))).path == "/run/sock");
  raw.header.flags = BH_FLAG_ABSTRACT_NAME;
  CHECK(std::get<EndpointRecord>(*decode(bytes_of(raw, tail))).path == "@sock@run@");
  raw.path_length = 10;
  CHECK_FALSE(decode(bytes_of(raw, tail)).ok());
}

TEST_CASE("time on siblings comes with both VMMs, and none of it when its record is cut") {
  bh_siblings_record raw = {};
  raw.header.kind = BH_RECORD_SIBLINGS;
  raw.header.probe = BH_PROBE_SCHED_SIBLINGS;
  raw.header.actor_tgid = 31;
  raw.header.actor = {3, 30};
  raw.header.object = {4, 40};
  raw.shared_ns = 1'500'000'000;
  raw.overlaps = 12;
  raw.window_ns = 10'000'000'000;
  raw.target_start_ns = 77;
  raw.target_tgid = 41;
  const auto record = decode(bytes_of(raw));
  REQUIRE(record.ok());
  const auto& siblings = std::get<SiblingsRecord>(*record);
  CHECK(siblings.header.actor_key.tgid == 31);
  CHECK(siblings.header.actor.domain == 30);
  CHECK(siblings.header.object.domain == 40);
  CHECK(siblings.target_tgid == 41);
  CHECK(siblings.target_start_ns == 77);
  CHECK(siblings.time.shared_ns() == 1'500'000'000);
  CHECK(siblings.time.overlaps() == 12);
  CHECK(siblings.time.window_ns() == 10'000'000'000);
  std::vector<std::byte> bytes = bytes_of(raw);
  bytes.resize(bytes.size() - 8);
  raw.header.size = static_cast<std::uint16_t>(bytes.size());
  std::memcpy(bytes.data(), &raw.header, sizeof(raw.header));
  CHECK_FALSE(decode(bytes).ok());
}

TEST_CASE("a number that no enum has is refused") {
  bh_memory_record memory = memory_record();
  memory.operation = 77;
  CHECK_FALSE(decode(bytes_of(memory)).ok());
  memory = memory_record();
  memory.header.probe = BH_PROBE_LIMIT - 1;
  CHECK_FALSE(decode(bytes_of(memory)).ok());
  memory = memory_record();
  memory.header.kind = 99;
  CHECK_FALSE(decode(bytes_of(memory)).ok());
  bh_file_open_record opened = file_open_record("");
  opened.method = 0;
  CHECK_FALSE(decode(bytes_of(opened)).ok());
  bh_delivery_record delivery = {};
  delivery.header.kind = BH_RECORD_DELIVERY;
  delivery.header.probe = BH_PROBE_NETWORK_DELIVERY;
  delivery.address_length = 5;
  CHECK_FALSE(decode(bytes_of(delivery)).ok());
  bh_lifecycle_record lifecycle = {};
  lifecycle.header.kind = BH_RECORD_LIFECYCLE;
  lifecycle.header.probe = BH_PROBE_CONTROL_VMM_LIFECYCLE;
  lifecycle.change = 9;
  CHECK_FALSE(decode(bytes_of(lifecycle)).ok());
  bh_canary_record canary = {};
  canary.header.kind = BH_RECORD_CANARY;
  canary.header.probe = BH_PROBE_AGENT_GUARD;
  canary.hook_probe = BH_PROBE_DISK_FILE_OPEN;
  CHECK(decode(bytes_of(canary)).ok());
  canary.hook_probe = BH_PROBE_LIMIT - 1;
  CHECK_FALSE(decode(bytes_of(canary)).ok());
}

TEST_CASE("a command without an end is cut at its field") {
  bh_actor_record actor = {};
  actor.header.kind = BH_RECORD_ACTOR;
  std::memset(actor.command, 'a', sizeof(actor.command));
  actor.lineage[0].tgid = 1;
  std::memset(actor.lineage[0].command, 'b', sizeof(actor.lineage[0].command));
  const auto record = decode(bytes_of(actor));
  REQUIRE(record.ok());
  const auto& decoded = std::get<ActorRecord>(*record);
  CHECK(decoded.command == std::string(16, 'a'));
  REQUIRE(decoded.lineage.size() == 1);
  CHECK(decoded.lineage.front().command == std::string(16, 'b'));
  CHECK(decoded.executable.empty());
  CHECK(decoded.cgroup == "/");
}

TEST_CASE("an actor keeps its executable's file, and a cgroup whose root may not have been reached is told as cut") {
  const auto cgroup_of = [](const std::string& components) {
    bh_actor_record actor = {};
    actor.header.kind = BH_RECORD_ACTOR;
    actor.executable = {.inode = 5, .device = 6, .generation = 7, .is_block = 0, .padding = 0};
    actor.cgroup_length = static_cast<std::uint16_t>(components.size());
    const auto record = decode(bytes_of(actor, components));
    REQUIRE(record.ok());
    const auto& decoded = std::get<ActorRecord>(*record);
    CHECK(decoded.executable_file == FileKey{5, 6, 7, false});
    return decoded.cgroup;
  };
  CHECK(cgroup_of(std::string("backup.service\0system.slice\0", 28)) == "/system.slice/backup.service");
  std::string deep;
  for (int i = 0; i < BH_CGROUP_DEPTH - 1; ++i) deep += std::string("a\0", 2);
  CHECK(cgroup_of(deep).starts_with("/a/a"));
  CHECK(cgroup_of(deep + std::string("b\0", 2)).starts_with("…/b/a"));
  const std::string full = std::string(BH_CGROUP_CAPACITY - 16, 'x') + std::string("\0backup.service\0", 16);
  REQUIRE(full.size() == BH_CGROUP_CAPACITY);
  CHECK(cgroup_of(full).starts_with("…/backup.service/"));
}

}  // namespace
}  // namespace bulkhead::decode

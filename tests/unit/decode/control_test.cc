// Calls of libvirt's and what their numbers mean.
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/decode/decoder.h"
#include "agent/decode/libvirt_procedures.h"
#include "ebpf/records/libvirt_procedures.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {
namespace {

template <typename Raw>
absl::StatusOr<Record> decode_raw(Raw raw) {
  raw.header.size = sizeof(raw);
  return decode(std::as_bytes(std::span(&raw, 1)));
}

bh_control_record call() {
  bh_control_record raw = {};
  raw.header.kind = BH_RECORD_CONTROL_CALL;
  raw.header.probe = BH_PROBE_CONTROL_LIBVIRT_RPC;
  raw.program = BH_LIBVIRT_PROGRAM;
  raw.procedure = 104;
  raw.result = BH_CONTROL_FAILED;
  raw.error = 86;
  raw.transport = BH_CONTROL_TCP;
  raw.address_length = 4;
  raw.peer_address[0] = 192;
  raw.peer_address[3] = 7;
  raw.peer_port = 4711;
  raw.notes = BH_CONTROL_HAS_DOMAIN | BH_CONTROL_LATE_ANSWER;
  for (std::uint8_t i = 0; i < 16; ++i) raw.domain.uuid[i] = static_cast<std::uint8_t>(i * 17);
  return raw;
}

TEST_CASE("a call of libvirt's comes with what it is called, its domain and where its caller is") {
  const auto record = decode_raw(call());
  REQUIRE(record.ok());
  const auto& control = std::get<ControlRecord>(*record);
  CHECK(control.domain_uuid == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK_FALSE(control.makes_domain);
  CHECK(control.call.procedure() == "DOMAIN_MEMORY_PEEK");
  CHECK(control.call.category() == v1::CONTROL_CATEGORY_MEMORY_PEEK);
  CHECK(control.call.result() == v1::CONTROL_RESULT_FAILED);
  CHECK(control.call.error() == 86);
  CHECK(control.call.peer_address() == std::string("\xc0\0\0\x07", 4));
  CHECK(control.call.peer_port() == 4711);
  CHECK(control.call.late_answer());
  CHECK_FALSE(control.call.caller_gone());

  bh_control_record nameless = call();
  nameless.notes = 0;
  CHECK(std::get<ControlRecord>(*decode_raw(nameless)).domain_uuid.empty());
}

TEST_CASE("a verb without an end is cut at its field") {
  bh_control_record raw = call();
  std::memset(raw.verb, 'v', sizeof(raw.verb));
  CHECK(std::get<ControlRecord>(*decode_raw(raw)).call.verb() == std::string(BH_VERB_LENGTH, 'v'));
}

TEST_CASE("a call or an endpoint with a number that no enum has is refused") {
  bh_control_record raw = call();
  raw.result = 0;
  CHECK_FALSE(decode_raw(raw).ok());
  raw = call();
  raw.transport = 9;
  CHECK_FALSE(decode_raw(raw).ok());
  raw = call();
  raw.address_length = 5;
  CHECK_FALSE(decode_raw(raw).ok());

  bh_endpoint_record endpoint = {};
  endpoint.header.kind = BH_RECORD_ENDPOINT;
  endpoint.header.probe = BH_PROBE_CONTROL_ENDPOINT;
  endpoint.kind = BH_ENDPOINT_MONITOR;
  endpoint.method = BH_ENDPOINT_CONNECT;
  CHECK(decode_raw(endpoint).ok());
  endpoint.kind = 0;
  CHECK_FALSE(decode_raw(endpoint).ok());
  endpoint.kind = 77;
  CHECK_FALSE(decode_raw(endpoint).ok());
  endpoint.kind = BH_ENDPOINT_MONITOR;
  endpoint.method = 3;
  CHECK_FALSE(decode_raw(endpoint).ok());
}

TEST_CASE("what a procedure does can hang on its flags, and one that is not known has its number") {
  constexpr std::uint32_t kSnapshot = 185, kDefine = 350;
  CHECK(control_procedure(BH_LIBVIRT_PROGRAM, kSnapshot, 0).category == v1::CONTROL_CATEGORY_MEMORY_SAVE);
  CHECK(control_procedure(BH_LIBVIRT_PROGRAM, kSnapshot, BH_SNAPSHOT_DISK_ONLY).category ==
        v1::CONTROL_CATEGORY_SNAPSHOT);
  CHECK(control_procedure(BH_LIBVIRT_PROGRAM, kDefine, 0).makes_domain);
  CHECK(control_procedure(BH_LIBVIRT_QEMU_PROGRAM, 3, 0).name == "QEMU_DOMAIN_AGENT_COMMAND");
  CHECK(control_procedure(BH_LIBVIRT_PROGRAM, 9999, 0).name == "procedure 9999");
  CHECK(control_procedure(BH_LIBVIRT_PROGRAM, 9999, 0).category == v1::CONTROL_CATEGORY_OTHER);
}

TEST_CASE("docs/control-calls.md lists the procedures that the code has") {
  std::string table = "| procedure | number | category |\n|---|---|---|\n";
#define BH_LINE(name, number, category, place, layout, flags) add("", #name, number, #category);
#define BH_QEMU_LINE(name, number, category, place, layout, flags) add("QEMU_", #name, number, #category);
  const auto add = [&](const char* prefix, const char* name, unsigned number, const char* category) {
    const std::string word = absl::StrReplaceAll(absl::AsciiStrToLower(category), {{"_", "-"}});
    absl::StrAppend(&table, "| `", prefix, name, "` | ", number, " | `", word, "` |\n");
  };
  BH_LIBVIRT_PROCEDURES(BH_LINE)
  BH_LIBVIRT_QEMU_PROCEDURES(BH_QEMU_LINE)
  std::ifstream file(BULKHEAD_DOCS "/control-calls.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string document = text.str(), mark = "<!-- procedures -->\n";
  const std::size_t begin = document.find(mark);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = document.find("<!-- end -->", begin);
  CHECK(document.substr(begin + mark.size(), end - begin - mark.size()) == table);
}

}  // namespace
}  // namespace bulkhead::decode

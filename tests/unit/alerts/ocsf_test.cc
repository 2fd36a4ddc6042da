#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>

#include "collector/alerts/grouper.h"
#include "collector/alerts/life_cycle.h"
#include "collector/alerts/ocsf.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using Json = nlohmann::ordered_json;

v1::Alert alert_of(const v1::Event& event) {
  static const detect::Engine engine(*detect::compile_rules(test::shipped_rules()));
  Grouper grouper(
      {}, [](const std::string&) { return "hv1.example"; }, [](const std::string&) { return std::nullopt; });
  for (const auto& finding : engine.evaluate(event)) REQUIRE(grouper.add(finding, event).ok());
  const auto changes = grouper.take_changes();
  REQUIRE(changes.size() == 1);
  return changes[0].alert;
}

const v1::Event kRead = test::memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);

}  // namespace

TEST_CASE("an alert is an OCSF detection finding with every fact that its reader needs") {
  const Json json = Json::parse(to_ocsf(alert_of(kRead), Activity::kCreate));
  CHECK(json["class_uid"] == 2004);
  CHECK(json["category_uid"] == 2);
  CHECK(json["activity_id"] == 1);
  CHECK(json["type_uid"] == 200401);
  CHECK(json["time"] == 1767323045000);
  CHECK(json["severity_id"] == 5);
  CHECK(json["severity"] == "Critical");
  CHECK(json["status"] == "New");
  CHECK(json["is_alert"] == true);
  CHECK(json["metadata"]["product"]["name"] == "Bulkhead");
  CHECK(json["metadata"]["tenant_uid"] == "acme");
  CHECK(json["finding_info"]["analytic"]["uid"] == "MEM-01");
  CHECK(json["finding_info"]["analytic"]["type_id"] == 1);
  CHECK(json["finding_info"]["first_seen_time"] == 1767323045000);
  CHECK(json["finding_info"]["attacks"][0]["technique"]["uid"] == "T1005");
  CHECK(json["device"]["hostname"] == "hv1.example");
  CHECK(json["device"]["uid"] == "host-1");
  CHECK(json["resources"][0]["uid"] == "vmm:900:1000000000000");
  CHECK(json["resources"][0]["type"] == "guest_memory");
  CHECK(json["resources"][0]["owner"]["uid"] == "acme");
  CHECK(json["resources"][1]["name"] == "web");
  const Json& evidence = json["evidences"][0];
  CHECK(evidence["actor"]["process"]["pid"] == 4711);
  CHECK(evidence["actor"]["process"]["file"]["path"] == "/usr/bin/gdb");
  CHECK(evidence["actor"]["process"]["user"]["uid"] == "0");
  CHECK(evidence["actor"]["process"]["parent_process"]["file"]["name"] == "bash");
  // Started 1000 s before the event, by the boot clock.
  CHECK(evidence["actor"]["process"]["created_time"] == 1767323045000 - 1000000);
  CHECK(evidence["process"]["pid"] == 900);
  CHECK(evidence["data"]["actor_tenant"] == "host");
  CHECK(evidence["data"]["object_tenant"] == "acme");
  CHECK(evidence["data"]["operation"] == "process_vm_read");
  CHECK(evidence["data"]["result"] == 4096);
  CHECK(json["unmapped"]["actor_tenant"] == "host");
  CHECK(json["unmapped"]["controls"].size() > 0);
  CHECK(json["remediation"]["desc"].get<std::string>().size() > 40);
}

TEST_CASE("a technique with a part is told as both") {
  const Json json =
      Json::parse(to_ocsf(alert_of(test::memory_event(v1::MEMORY_OPERATION_PTRACE, 0)), Activity::kCreate));
  CHECK(json["finding_info"]["attacks"][0]["technique"]["uid"] == "T1055");
  CHECK(json["finding_info"]["attacks"][0]["sub_technique"]["uid"] == "T1055.008");
}

TEST_CASE("each kind of event brings its own evidence") {
  Json json = Json::parse(to_ocsf(alert_of(test::file_event()), Activity::kUpdate));
  CHECK(json["activity_id"] == 2);
  CHECK(json["type_uid"] == 200402);
  CHECK(json["evidences"][0]["file"]["path"] == "/srv/link-to-web");
  CHECK(json["evidences"][0]["data"]["method"] == "openat");
  CHECK(json["resources"][0]["uid"] == "/var/lib/libvirt/images/web.qcow2");
  CHECK(json["unmapped"]["actor_tenant"] == "initech");

  json = Json::parse(to_ocsf(alert_of(test::frame_event()), Activity::kCreate));
  CHECK(json["evidences"][0]["src_endpoint"]["interface_name"] == "vnet0");
  CHECK(json["evidences"][0]["src_endpoint"]["mac"] == "52:54:00:12:34:56");
  CHECK(json["evidences"][0]["dst_endpoint"]["ip"] == "10.0.0.2");
  CHECK_FALSE(json["evidences"][0].contains("actor"));

  json = Json::parse(to_ocsf(alert_of(test::loss_event(5)), Activity::kCreate));
  CHECK(json["evidences"][0]["data"]["lost_records"] == 5);
  CHECK_FALSE(json["metadata"].contains("tenant_uid"));

  v1::Alert closed = alert_of(test::tenant_change_event("acme", "initech"));
  REQUIRE(change_state(v1::ALERT_STATE_CLOSED, "kim", "a move", absl::FromUnixSeconds(5), closed).ok());
  json = Json::parse(to_ocsf(closed, Activity::kClose));
  CHECK(json["evidences"][0]["data"]["old_tenant"] == "acme");
  CHECK(json["status"] == "Resolved");
  CHECK(json["comment"] == "kim: a move");
}

TEST_CASE("an alert in JSON is one line of printable ASCII whatever guests are called") {
  v1::Event event = kRead;
  event.mutable_object()->set_domain_name("we\"b\n\x1b]0;x\x07\xff\xc2\x9b世\xe2\x80\xae");
  event.mutable_actor()->mutable_process()->set_executable("/tmp/\xf0\x28\x8c\x28 a\\b");
  const std::string line = to_ocsf(alert_of(event), Activity::kCreate);
  CHECK(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; }));
  const Json json = Json::parse(line);
  CHECK(json["resources"][1]["name"] == "we\"b\n\x1b]0;x\x07\uFFFD\xc2\x9b世\xe2\x80\xae");
}

TEST_CASE("the same alert gives the same bytes") {
  CHECK(to_ocsf(alert_of(kRead), Activity::kCreate) == to_ocsf(alert_of(kRead), Activity::kCreate));
}

TEST_CASE("an empty alert is still valid JSON") {
  CHECK(Json::parse(to_ocsf(v1::Alert(), Activity::kCreate))["severity"] == "Unknown");
}

TEST_CASE("docs/alerts.md shows a real alert") {
  const std::string text = test::read_file(test::source_dir() + "/docs/alerts.md");
  const std::size_t begin = text.find("```json\n");
  REQUIRE(begin != std::string::npos);
  const std::size_t end = text.find("```", begin + 8);
  REQUIRE(end != std::string::npos);
  const Json real = Json::parse(to_ocsf(alert_of(kRead), Activity::kCreate));
  CHECK(text.substr(begin + 8, end - begin - 8) == real.dump(2) + "\n");
}

}  // namespace bulkhead::alerts

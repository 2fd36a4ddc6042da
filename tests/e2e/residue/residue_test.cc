// DISK-07 with real domains: one tenant's block volume goes to another, wiped in this way or that, or not at all.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"
#include "tests/support/stage/loop_device.h"

namespace bulkhead::stage {
namespace {

using Json = nlohmann::json;

constexpr Milliseconds kAlertTimeout(30'000);
constexpr std::uint64_t kSize = 16u << 20;
constexpr char kMarker[] = "what acme left behind";
constexpr char kGuestDisk[] = "/dev/vda";

// A host with an agent, and a disk that domains of two tenants have after each other.
struct Residue {
  Residue() {
    host->start_agent("health_interval: 200ms\n");
    REQUIRE(host->agent->wait_until_watching(host->collector, 0, kPatience) == absl::OkStatus());
  }

  std::unique_ptr<Domain> define(const std::string& name, const std::string& tenant) {
    DomainPlan plan;
    plan.name = name;
    plan.tenant = tenant;
    plan.devices =
        absl::StrCat("<disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/><source dev='",
                     disk.path(), "'/><target dev='vda' bus='virtio'/></disk>");
    const int before = domains();
    auto domain = host->hypervisor->define(plan);
    REQUIRE(domain.status() == absl::OkStatus());
    wait_for_domains(before + 1);
    return std::make_unique<Domain>(*std::move(domain));
  }

  void undefine(std::unique_ptr<Domain>& domain) {
    const int before = domains();
    REQUIRE(domain->undefine() == absl::OkStatus());
    domain.reset();
    wait_for_domains(before - 1);
  }

  int domains() const { return Json::parse(host->host_json()).value("domains", 0); }

  // The agent has said so: it works by what it says.
  void wait_for_domains(int wanted) const {
    for (int i = 0; i < 300 && domains() != wanted; ++i) std::this_thread::sleep_for(Milliseconds(100));
    INFO(host->logs());
    REQUIRE(domains() == wanted);
  }

  void command(std::vector<std::string> words) {
    auto process = ChildProcess::start({.words = std::move(words), .stderr_file = "", .namespaces = {}});
    REQUIRE(process.status() == absl::OkStatus());
    const auto status = process->wait(kPatience);
    REQUIRE(status.status() == absl::OkStatus());
    REQUIRE(*status == 0);
  }

  // The wipe records, the newest last, once there are so many.
  std::vector<Json> records(std::size_t enough) {
    std::vector<Json> found;
    for (int i = 0; i < 300 && found.size() < enough; ++i) {
      if (i != 0) std::this_thread::sleep_for(Milliseconds(100));
      found.clear();
      const auto lines = host->collector.ask({"events", "--format", "json"});
      REQUIRE(lines.status() == absl::OkStatus());
      std::istringstream text(*lines);
      for (std::string line; std::getline(text, line);) {
        if (Json event = Json::parse(line); event.contains("wipeRecord")) found.push_back(event["wipeRecord"]);
      }
    }
    INFO(host->logs());
    REQUIRE(found.size() >= enough);
    return found;
  }

  std::unique_ptr<SmallHost> host = SmallHost::make("", "", false, false);
  LoopDevice disk{(host->libvirt.state_dir() / "disk.raw").string(), kSize};
};

std::string number_of(const Json& record, const char* field) {
  return record.contains(field) ? record[field].get<std::string>() : "0";
}

std::string run_in(Domain& domain, const std::string& line) {
  REQUIRE(domain.console().wait_ready(kPatience) == absl::OkStatus());
  const auto outcome = domain.console().run(line, kPatience);
  REQUIRE(outcome.status() == absl::OkStatus());
  return outcome->output;
}

TEST_CASE("a volume that another tenant gets unwiped is an alert at once, and its read tells the extent", "[DISK-07]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  Residue stage;
  AlertStream alerts(stage.host->collector.process());
  auto acme = stage.define("acme-db", "acme");
  REQUIRE(acme->start() == absl::OkStatus());
  run_in(*acme, absl::StrCat("echo '", kMarker, "' >/tmp/m && dd if=/tmp/m of=", kGuestDisk,
                             " bs=4096 seek=1024 conv=sync && sync"));
  REQUIRE(acme->destroy() == absl::OkStatus());
  stage.undefine(acme);

  auto globex = stage.define("globex-db", "globex");
  const auto assigned = alerts.wait_for([](const Alert& one) { return one.rule == "DISK-07"; }, kAlertTimeout);
  INFO(stage.host->logs());
  REQUIRE(assigned.status() == absl::OkStatus());
  CHECK(assigned->object_tenant == "acme");
  CHECK(assigned->actor_tenant == "globex");
  CHECK(assigned->object == stage.disk.path());
  CHECK(stage.records(1).back()["verdict"] == "WIPE_VERDICT_NONE");

  REQUIRE(globex->start() == absl::OkStatus());
  const std::string said =
      run_in(*globex, absl::StrCat("dd if=", kGuestDisk, " bs=4096 skip=1024 count=1 iflag=direct"));
  INFO(said);
  CHECK(absl::StrContains(said, kMarker));
  const auto vmm = globex->vmm_pid();
  REQUIRE(vmm.ok());
  const auto read = alerts.wait_for(
      [&](const Alert& one) {
        return one.rule == "DISK-07" && one.actor_pid == *vmm &&
               absl::StrContains(one.json, R"("extents":[{"offset":4194304,"length":4096}])");
      },
      kAlertTimeout);
  REQUIRE(read.status() == absl::OkStatus());
  CHECK(read->object_tenant == "acme");
  // What it writes is its own.
  run_in(*globex, absl::StrCat("dd if=/dev/zero of=", kGuestDisk, " bs=4096 seek=2048 count=1 oflag=direct; dd if=",
                               kGuestDisk, " of=/dev/null bs=4096 skip=2048 count=1 iflag=direct"));
  std::this_thread::sleep_for(Milliseconds(1500));
  for (const Alert& one : alerts.seen()) CHECK_FALSE(absl::StrContains(one.json, R"("offset":8388608)"));
}

TEST_CASE("each way to wipe a released volume has its verdict", "[DISK-07]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  Residue stage;
  AlertStream alerts(stage.host->collector.process());
  const std::string path = stage.disk.path();
  struct Way {
    std::vector<std::string> words;
    const char* field;  // of the proof; null for what is no wipe
  };
  const std::vector<Way> ways = {
      {{"blkdiscard", "-z", path}, "bytesZeroed"},
      {{"dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=16", "oflag=direct", "status=none"}, "bytesOverwritten"},
      {{"shred", "-n", "1", path}, "bytesOverwritten"},
      {{"blkdiscard", "-f", path}, "bytesDiscarded"},
  };
  std::string tenant = "acme", next_tenant = "globex";
  auto domain = stage.define("vm-acme", tenant);
  std::size_t told = 0;
  for (const Way& way : ways) {
    INFO(way.words.front());
    stage.undefine(domain);
    stage.command(way.words);
    const Json proof = stage.records(++told).back();
    CHECK(proof["verdict"] == "WIPE_VERDICT_PROVEN");
    CHECK(proof["previousTenant"] == tenant);
    CHECK(proof.value("nextTenant", "").empty());
    CHECK(number_of(proof, way.field) == std::to_string(kSize));
    domain = stage.define("vm-" + next_tenant, next_tenant);
    const Json handed = stage.records(++told).back();
    CHECK(handed["verdict"] == "WIPE_VERDICT_PROVEN");
    CHECK(handed["nextTenant"] == next_tenant);
    std::swap(tenant, next_tenant);
  }
  for (const Alert& one : alerts.seen()) CHECK(one.rule != "DISK-07");

  // A signature is not the data.
  REQUIRE(tenant == "acme");
  stage.command({"mkfs.ext4", "-q", "-F", path});
  stage.undefine(domain);
  stage.command({"wipefs", "-a", "-q", path});
  domain = stage.define("vm-globex", "globex");
  const Json handed = stage.records(++told).back();
  CHECK(handed["verdict"] == "WIPE_VERDICT_PARTIAL");
  CHECK(std::stoull(number_of(handed, "bytesRemaining")) > kSize - 65536);
  const auto alert = alerts.wait_for([](const Alert& one) { return one.rule == "DISK-07"; }, kAlertTimeout);
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK(alert->object_tenant == "acme");
}

}  // namespace
}  // namespace bulkhead::stage

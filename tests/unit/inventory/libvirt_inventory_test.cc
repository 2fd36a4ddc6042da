// Against libvirt's own test driver: a real driver with real events, in this process, that needs neither root nor QEMU.
#include "agent/inventory/libvirt_inventory.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/inventory/libvirt_stage.h"

using namespace bulkhead::inventory;
using namespace bulkhead::inventory::test;

TEST_CASE("the first scan finds the domain that runs already") {
  const Stage stage;
  const auto snapshot = stage.inventory->snapshot();
  REQUIRE(snapshot->domains.size() == 1);
  CHECK(snapshot->domains[0].name == "test");
  CHECK(snapshot->domains[0].state == DomainState::kRunning);
  CHECK(snapshot->domains[0].tenant == "unknown:" + snapshot->domains[0].uuid);
  CHECK(snapshot->error.empty());
}

TEST_CASE("define, start, suspend, resume, destroy and undefine show as they happen") {
  Stage stage;
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid, tenant_xml("acme")));
  REQUIRE(stage.watcher.wait_for(has(kUuid, [](const Domain& d) {
    return d.state == DomainState::kShutOff && d.tenant == "acme" && d.tenant_source == "bulkhead";
  })));
  REQUIRE(virDomainCreate(domain) == 0);
  CHECK(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  REQUIRE(virDomainSuspend(domain) == 0);
  CHECK(stage.watcher.wait_for(in_state(kUuid, DomainState::kPaused)));
  REQUIRE(virDomainResume(domain) == 0);
  CHECK(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  REQUIRE(virDomainDestroy(domain) == 0);
  CHECK(stage.watcher.wait_for(in_state(kUuid, DomainState::kShutOff)));
  REQUIRE(virDomainUndefine(domain) == 0);
  CHECK(stage.watcher.wait_for([](const Snapshot& s) { return find(s, kUuid) == nullptr; }));
  virDomainFree(domain);
}

TEST_CASE("a change reaches the callback within milliseconds of libvirt's event") {
  Stage stage;
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid));
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kShutOff)));
  // The best of several: this measures the path, not the load of the machine.
  auto best = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(virDomainCreate(domain) == 0);
    REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
    best = std::min(best, std::chrono::steady_clock::now() - begin);
    REQUIRE(virDomainDestroy(domain) == 0);
    REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kShutOff)));
  }
  WARN("start to callback: " << std::chrono::duration_cast<std::chrono::microseconds>(best).count() << " us");
  CHECK(best < 50ms);
  virDomainFree(domain);
}

TEST_CASE("a live domain whose tenant metadata changes gets its new tenant") {
  Stage stage;
  REQUIRE(std::filesystem::remove(stage.run.path() + "/qemu"));
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid, tenant_xml("acme")));
  REQUIRE(virDomainCreate(domain) == 0);
  REQUIRE(stage.watcher.wait_for(has(kUuid, [](const Domain& d) { return d.tenant == "acme"; })));
  // Several times: the first could still be seen by the update that the start event caused. Without pid files no search
  // for the VMM asks libvirt again.
  for (const std::string tenant : {"globex", "initech", "hooli"}) {
    const int set = virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, ("<tenant id='" + tenant + "'/>").c_str(),
                                         "bulkhead", "urn:bulkhead:tenant:1", VIR_DOMAIN_AFFECT_LIVE);
    INFO(virGetLastErrorMessage());
    REQUIRE(set == 0);
    REQUIRE(stage.watcher.wait_for(has(kUuid, [&](const Domain& d) { return d.tenant == tenant; })));
  }
  virDomainFree(domain);
}

TEST_CASE("what no event tells is found by the rescan") {
  LibvirtOptions options;
  options.rescan_interval = 20ms;
  Stage stage(std::move(options));
  // Without a folder of pid files nobody looks for the VMM again: only a scan finds it once it is there.
  REQUIRE(std::filesystem::remove(stage.run.path() + "/qemu"));
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid));
  REQUIRE(virDomainCreate(domain) == 0);
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  REQUIRE(std::filesystem::create_directory(stage.run.path() + "/qemu"));
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), stage.run.file("acme-1.pid"));
  CHECK(stage.watcher.wait_for(has(kUuid, [&](const Domain& d) { return d.vmm_pid == vmm.pid(); })));
  virDomainFree(domain);
}

TEST_CASE("a domain off has no device for its port") {
  Stage stage;
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid, "",
                                                      "<interface type='ethernet'><mac address='52:54:00:00:00:01'/>"
                                                      "<target dev='mytap0' managed='no'/></interface>"));
  REQUIRE(stage.watcher.wait_for(
      has(kUuid, [](const Domain& d) { return d.ports.size() == 1 && d.ports[0].device.empty(); })));
  REQUIRE(virDomainCreate(domain) == 0);
  CHECK(stage.watcher.wait_for(has(kUuid, [](const Domain& d) {
    return d.state == DomainState::kRunning && d.ports.size() == 1 && d.ports[0].device == "mytap0";
  })));
  virDomainFree(domain);
}

TEST_CASE("a volume of a storage pool is named by its path") {
  Stage stage;
  const virStoragePoolPtr pool = virStoragePoolLookupByName(stage.operator_connection, "default-pool");
  REQUIRE(pool != nullptr);
  const virStorageVolPtr volume =
      virStorageVolCreateXML(pool, "<volume><name>root.img</name><capacity>1024</capacity></volume>", 0);
  INFO(virGetLastErrorMessage());
  REQUIRE(volume != nullptr);
  char* path = virStorageVolGetPath(volume);
  const std::string expected = path;
  std::free(path);
  const virDomainPtr domain =
      stage.define(domain_xml("acme-1", kUuid, "",
                              "<disk type='volume' device='disk'><source pool='default-pool' volume='root.img'/>"
                              "<target dev='vda' bus='virtio'/></disk>"));
  CHECK(stage.watcher.wait_for(has(kUuid, [&](const Domain& d) {
    return d.volumes.size() == 1 && d.volumes[0].source == expected && d.volumes[0].type == "volume";
  })));
  virDomainFree(domain);
  virStorageVolFree(volume);
  virStoragePoolFree(pool);
}

TEST_CASE("a running domain's VMM is found by its pid file and lost when it is destroyed") {
  Stage stage;
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid, tenant_xml("acme")));
  REQUIRE(virDomainCreate(domain) == 0);
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  // Later than the start event: the inventory looks again by itself.
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), stage.run.file("acme-1.pid"));
  REQUIRE(stage.watcher.wait_for(has(kUuid, [&](const Domain& d) { return d.vmm_pid == vmm.pid(); })));

  const VmmIdentity identity = stage.inventory->identify_vmm(vmm.pid());
  CHECK(identity.verdict == VmmIdentity::Verdict::kDomain);
  CHECK(identity.domain_uuid == kUuid);
  CHECK(identity.domain_name == "acme-1");
  CHECK(identity.tenant == "acme");
  CHECK(identity.start_ticks > 0);

  REQUIRE(virDomainDestroy(domain) == 0);
  CHECK(stage.watcher.wait_for(has(kUuid, [](const Domain& d) { return d.vmm_pid == 0; })));
  virDomainFree(domain);
}

TEST_CASE("the VMM of another domain of the same name is not this domain's") {
  Stage stage;
  const FakeVmm vmm(vmm_arguments("acme-1", uuid_of(7)), stage.run.file("acme-1.pid"));
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid));
  REQUIRE(virDomainCreate(domain) == 0);
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  const int calls = stage.watcher.calls();
  stage.inventory->refresh(kUuid);
  REQUIRE(stage.watcher.wait_for_call_after(calls));
  CHECK(find(*stage.inventory->snapshot(), kUuid)->vmm_pid == 0);
  virDomainFree(domain);
}

TEST_CASE("a VMM that is identified before its domain is known makes the inventory ask") {
  LibvirtOptions options;
  Stage stage(std::move(options));
  const FakeVmm vmm(vmm_arguments("test", "6695eb01-f6a4-8304-79aa-97f2502e193f"), stage.run.file("test.pid"));
  const VmmIdentity identity = stage.inventory->identify_vmm(vmm.pid());
  CHECK(identity.verdict == VmmIdentity::Verdict::kDomain);
  CHECK(identity.domain_uuid == "6695eb01-f6a4-8304-79aa-97f2502e193f");
  CHECK(stage.watcher.wait_for([&](const Snapshot& s) { return s.domains[0].vmm_pid == vmm.pid(); }));
}

TEST_CASE("an emulator of no domain is told apart from one that may become one") {
  Stage stage;
  const FakeVmm probe({"-machine", "none"}, "");
  CHECK(stage.inventory->identify_vmm(probe.pid()).verdict == VmmIdentity::Verdict::kNotADomain);
  const FakeVmm forger(vmm_arguments("test", kUuid), "");
  CHECK(stage.inventory->identify_vmm(forger.pid()).verdict == VmmIdentity::Verdict::kNotYetKnown);
}

TEST_CASE("a refresh is answered by a callback, also when nothing changed or nothing is there") {
  Stage stage;
  for (const std::string& uuid : {stage.inventory->snapshot()->domains[0].uuid, kUuid, std::string("no uuid at all")}) {
    const int calls = stage.watcher.calls();
    stage.inventory->refresh(uuid);
    CHECK(stage.watcher.wait_for_call_after(calls));
  }
  CHECK(stage.inventory->snapshot()->domains.size() == 1);
}

TEST_CASE("a new mapping changes tenants at once") {
  Stage stage;
  const std::string uuid = stage.inventory->snapshot()->domains[0].uuid;
  stage.inventory->set_tenant_rules({{std::nullopt, "te*", std::nullopt, "acme"}});
  CHECK(stage.watcher.wait_for(
      has(uuid, [](const Domain& d) { return d.tenant == "acme" && d.tenant_source == "mapping"; })));
}

TEST_CASE("a definition that cannot be understood is reported and loses no other domain") {
  Stage stage;
  std::string devices;  // more than kMaxDevices, which libvirt itself does not mind
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      for (char c = 'a'; c <= 'g'; ++c) {
        devices +=
            "<disk type='file' device='disk'><source file='/d'/><target dev='vd" + std::string{a, b, c} + "'/></disk>";
      }
    }
  }
  const virDomainPtr bad = stage.define(domain_xml("huge", uuid_of(1), tenant_xml("acme"), devices));
  const virDomainPtr good = stage.define(domain_xml("good", uuid_of(2), tenant_xml("acme")));
  REQUIRE(stage.watcher.wait_for(has(uuid_of(2), [](const Domain& d) { return d.tenant == "acme"; })));
  const auto snapshot = stage.inventory->snapshot();
  REQUIRE(find(*snapshot, uuid_of(1)) != nullptr);
  CHECK(find(*snapshot, uuid_of(1))->tenant == "unknown:" + uuid_of(1));
  CHECK(find(*snapshot, uuid_of(1))->name == "huge");
  CHECK(snapshot->connected);
  CHECK(snapshot->error.find(uuid_of(1)) != std::string::npos);
  virDomainFree(bad);
  virDomainFree(good);
}

TEST_CASE("domains that come and go during scans neither stop nor confuse the inventory") {
  LibvirtOptions options;
  options.rescan_interval = 1ms;
  Stage stage(std::move(options));
  for (int round = 0; round < 60; ++round) {
    std::vector<virDomainPtr> domains;
    for (int i = 1; i <= 8; ++i) domains.push_back(stage.define(domain_xml("d" + std::to_string(i), uuid_of(i))));
    for (const virDomainPtr domain : domains) {
      REQUIRE(virDomainUndefine(domain) == 0);
      virDomainFree(domain);
    }
  }
  const virDomainPtr last = stage.define(domain_xml("last", kUuid));
  CHECK(stage.watcher.wait_for([](const Snapshot& s) { return s.domains.size() == 2 && find(s, kUuid) != nullptr; }));
  CHECK(stage.inventory->snapshot()->connected);
  virDomainFree(last);
}

TEST_CASE("a burst of changes makes few callbacks and the last one is right") {
  Stage stage;
  const virDomainPtr domain = stage.define(domain_xml("acme-1", kUuid));
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kShutOff)));
  const int before = stage.watcher.calls();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    REQUIRE(virDomainCreate(domain) == 0);
    REQUIRE(virDomainDestroy(domain) == 0);
  }
  REQUIRE(virDomainCreate(domain) == 0);
  REQUIRE(stage.watcher.wait_for(in_state(kUuid, DomainState::kRunning)));
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  CHECK(stage.watcher.calls() - before <= elapsed.count() / 5 + 2);
  virDomainFree(domain);
}

TEST_CASE("libvirt that is not there is waited for, and the state says so") {
  const RunDir run;
  const std::string host = run.path() + "/host.xml";
  LibvirtOptions options;
  options.uri = "test://" + host;
  options.run_dir = run.path();
  options.reconnect_first = 5ms;
  options.reconnect_last = 20ms;
  Watcher watcher;
  auto inventory = LibvirtInventory::start(std::move(options), watcher.callback());
  REQUIRE(inventory.ok());
  REQUIRE(watcher.wait_for([](const Snapshot& s) { return !s.connected && !s.error.empty(); }));
  CHECK(watcher.calls() == 1);

  std::ofstream(host + ".new") << "<node>" << domain_xml("acme-1", kUuid, tenant_xml("acme")) << "</node>";
  REQUIRE(std::rename((host + ".new").c_str(), host.c_str()) == 0);
  CHECK(watcher.wait_for([](const Snapshot& s) {
    return s.connected && s.error.empty() && find(s, kUuid) != nullptr && find(s, kUuid)->tenant == "acme";
  }));
}

TEST_CASE("an address that no driver serves keeps the inventory waiting and lets it be stopped") {
  Watcher watcher;
  LibvirtOptions options;
  options.uri = "nosuchdriver:///system";
  auto inventory = LibvirtInventory::start(std::move(options), watcher.callback());
  REQUIRE(inventory.ok());
  CHECK_FALSE((*inventory)->snapshot()->connected);
  REQUIRE(watcher.wait_for([](const Snapshot& s) { return !s.connected && !s.error.empty(); }));
  inventory->reset();
}

TEST_CASE("only one inventory runs at a time, and another may follow it") {
  LibvirtOptions options;
  options.uri = "test:///default";
  auto first = LibvirtInventory::start(options, [](const auto&) {});
  REQUIRE(first.ok());
  CHECK(absl::IsFailedPrecondition(LibvirtInventory::start(options, [](const auto&) {}).status()));
  first->reset();
  Watcher watcher;
  const auto second = LibvirtInventory::start(options, watcher.callback());
  REQUIRE(second.ok());
  CHECK(watcher.wait_for([](const Snapshot& s) { return s.connected; }));
}

// An inventory that watches libvirt's test driver, and an operator's connection that changes what it sees there.
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/inventory/libvirt_inventory.h"
#include "tests/unit/inventory/fake_vmm.h"

namespace bulkhead::inventory::test {

using namespace std::chrono_literals;

inline const std::string kUuid = "3e3fce45-4f53-4fa7-bb32-11f34168b82b";

inline std::string uuid_of(int number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012d", number);
  return text;
}

inline std::string domain_xml(const std::string& name, const std::string& uuid, const std::string& metadata = "",
                              const std::string& devices = "") {
  return "<domain type='test'><name>" + name + "</name><uuid>" + uuid + "</uuid><memory>8192</memory><metadata>" +
         metadata + "</metadata><os><type>hvm</type></os><devices>" + devices + "</devices></domain>";
}

inline std::string tenant_xml(const std::string& id) {
  return "<bulkhead:tenant xmlns:bulkhead='urn:bulkhead:tenant:1' id='" + id + "'/>";
}

// Collects what the inventory says.
class Watcher {
 public:
  LibvirtInventory::Callback callback() {
    return [this](std::shared_ptr<const Snapshot> snapshot) {
      const std::lock_guard lock(mutex_);
      newest_ = std::move(snapshot);
      ++calls_;
      changed_.notify_all();
    };
  }
  bool wait_for(const std::function<bool(const Snapshot&)>& holds, std::chrono::milliseconds limit = 10s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return newest_ != nullptr && holds(*newest_); });
  }
  bool wait_for_call_after(int calls) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return calls_ > calls; });
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Snapshot> newest_;
  int calls_ = 0;
};

inline const Domain* find(const Snapshot& snapshot, const std::string& uuid) {
  const auto found = std::find_if(snapshot.domains.begin(), snapshot.domains.end(),
                                  [&uuid](const Domain& domain) { return domain.uuid == uuid; });
  return found == snapshot.domains.end() ? nullptr : &*found;
}

inline std::function<bool(const Snapshot&)> has(const std::string& uuid, std::function<bool(const Domain&)> holds) {
  return [uuid, holds = std::move(holds)](const Snapshot& snapshot) {
    const Domain* domain = find(snapshot, uuid);
    return domain != nullptr && holds(*domain);
  };
}

inline std::function<bool(const Snapshot&)> in_state(const std::string& uuid, DomainState state) {
  return has(uuid, [state](const Domain& domain) { return domain.state == state; });
}

// The inventory under test and the operator's own connection to the same test host.
struct Stage {
  explicit Stage(LibvirtOptions options = {}) {
    options.uri = "test:///default";
    options.run_dir = run.path();
    auto started = LibvirtInventory::start(std::move(options), watcher.callback());
    REQUIRE(started.ok());
    inventory = *std::move(started);
    operator_connection = virConnectOpen("test:///default");
    REQUIRE(operator_connection != nullptr);
    REQUIRE(watcher.wait_for([](const Snapshot& snapshot) { return snapshot.connected; }));
  }
  ~Stage() {
    inventory.reset();
    virConnectClose(operator_connection);
  }

  virDomainPtr define(const std::string& xml) const {
    const virDomainPtr domain = virDomainDefineXML(operator_connection, xml.c_str());
    INFO(virGetLastErrorMessage());
    REQUIRE(domain != nullptr);
    return domain;
  }

  RunDir run;
  Watcher watcher;
  std::unique_ptr<LibvirtInventory> inventory;
  virConnectPtr operator_connection = nullptr;
};

}  // namespace bulkhead::inventory::test

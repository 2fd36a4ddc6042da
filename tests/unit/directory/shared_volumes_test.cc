#include "collector/directory/shared_volumes.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "collector/directory/directory.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {
namespace {

struct Use {
  std::string tenant;
  std::string domain;
  std::string identity;
  v1::DomainState state = v1::DOMAIN_STATE_SHUT_OFF;
  bool read_only = false;
  bool base = false;
};

v1::Inventory inventory_of(const std::vector<Use>& uses) {
  v1::Inventory inventory;
  for (const Use& use : uses) {
    v1::Domain& domain = *inventory.add_domains();
    domain.set_uuid(use.domain);
    domain.set_name("name-of-" + use.domain);
    domain.set_tenant(use.tenant);
    domain.set_state(use.state);
    v1::Volume& volume = *domain.add_volumes();
    volume.set_source("/dev/vg/" + use.domain);
    volume.set_identity(use.identity);
    volume.set_read_only(use.read_only);
    volume.set_base_image(use.base);
    volume.set_shareable(true);
  }
  return inventory;
}

// A collector's directory with agents that send inventories, and a clock.
class Site {
 public:
  Site() { start(); }

  void start() {
    directory_.reset();
    store_.reset();
    store_ = open_store(dir_.path());
    directory_ = *directory::Directory::open(store_->table(), [this] { return now_; });
    connected_.clear();
  }

  void send(const std::string& host, const std::vector<Use>& uses) {
    if (!connected_.contains(host)) {
      v1::Hello hello;
      hello.set_host_id(host);
      hello.set_boot_id(kBoot);
      REQUIRE(directory_->connect(hello, 1).ok());
      connected_.insert(host);
    }
    REQUIRE(directory_->set_inventory(host, 1, inventory_of(uses)).ok());
  }

  // What was told until so much later, looked at each second as the collector does.
  std::vector<v1::Event> after(absl::Duration time) {
    std::vector<v1::Event> events;
    for (const absl::Time end = now_ + time; now_ <= end; now_ += absl::Seconds(1)) {
      REQUIRE(directory_
                  ->tell_shared_volumes([&](v1::Event event) {
                    events.push_back(std::move(event));
                    return absl::OkStatus();
                  })
                  .ok());
    }
    return events;
  }

  directory::Directory& directory() { return *directory_; }

 private:
  const TempDir dir_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<directory::Directory> directory_;
  std::set<std::string> connected_;
};

const Use kAcme = {.tenant = "acme", .domain = "web", .identity = "wwid:naa.1"};
const Use kGlobex = {.tenant = "globex", .domain = "db", .identity = "wwid:naa.1"};

TEST_CASE("a volume in two tenants' domains on two hosts is told once, with both", "[DISK-02]") {
  Site site;
  site.send("h1", {kAcme});
  CHECK(site.after(absl::Minutes(1)).empty());
  site.send("h2", {kGlobex});
  CHECK(site.after(absl::Seconds(10)).empty());
  const auto events = site.after(absl::Minutes(1));
  REQUIRE(events.size() == 1);
  CHECK(events[0].shared_volume().identity() == "wwid:naa.1");
  CHECK(events[0].object().kind() == v1::OBJECT_KIND_VOLUME);
  CHECK(events[0].object().tenant() == "acme");
  CHECK(events[0].object().id() == "/dev/vg/web");
  REQUIRE(events[0].shared_volume().holders_size() == 2);
  CHECK(events[0].shared_volume().holders(0).host_id() == "h1");
  CHECK(events[0].shared_volume().holders(1).host_id() == "h2");
  CHECK(events[0].shared_volume().holders(1).tenant() == "globex");
  CHECK(events[0].shared_volume().holders(1).domain_name() == "name-of-db");
  site.send("h2", {kGlobex});
  CHECK(site.after(absl::Hours(1)).empty());
}

TEST_CASE("a volume in two tenants' domains on one host is told, and so is one that the second only reads",
          "[DISK-02]") {
  Site site;
  Use reader = kGlobex;
  reader.read_only = true;
  site.send("h1", {kAcme, reader});
  const auto events = site.after(absl::Minutes(1));
  REQUIRE(events.size() == 1);
  // Who can write it is named as its owner.
  CHECK(events[0].object().tenant() == "acme");
}

TEST_CASE("a third tenant is told anew", "[DISK-02]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  REQUIRE(site.after(absl::Minutes(1)).size() == 1);
  site.send("h3", {{.tenant = "initech", .domain = "x", .identity = "wwid:naa.1"}});
  const auto events = site.after(absl::Minutes(1));
  REQUIRE(events.size() == 1);
  CHECK(events[0].shared_volume().holders_size() == 3);
}

TEST_CASE("what was told is not told again after a restart or by an agent that comes and goes", "[DISK-02][twin]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  REQUIRE(site.after(absl::Minutes(1)).size() == 1);
  site.start();
  CHECK(site.after(absl::Minutes(1)).empty());
  for (int i = 0; i < 5; ++i) {
    site.send("h2", {});
    CHECK(site.after(absl::Minutes(1)).empty());
    site.send("h2", {kGlobex});
    CHECK(site.after(absl::Minutes(1)).empty());
  }
}

TEST_CASE("what ended and begins again much later is told again, also across a restart", "[DISK-02]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  REQUIRE(site.after(absl::Minutes(1)).size() == 1);
  site.send("h2", {});
  CHECK(site.after(absl::Minutes(11)).empty());
  site.start();
  site.send("h2", {kGlobex});
  CHECK(site.after(absl::Minutes(1)).size() == 1);
}

TEST_CASE("a conflict that began while the collector was down is told when it is back", "[DISK-02]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  site.start();
  CHECK(site.after(absl::Minutes(1)).size() == 1);
}

TEST_CASE("a volume that is handed over is silent although the hosts' words cross", "[DISK-02][twin]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  CHECK(site.after(absl::Seconds(5)).empty());
  site.send("h1", {});
  CHECK(site.after(absl::Hours(1)).empty());
}

TEST_CASE("a domain that migrates is silent, and one that runs on two hosts is told", "[DISK-02]") {
  Site site;
  Use source = kAcme, target = kAcme;
  source.state = v1::DOMAIN_STATE_RUNNING;
  target.state = v1::DOMAIN_STATE_PAUSED;
  site.send("h1", {source});
  site.send("h2", {target});
  CHECK(site.after(absl::Hours(1)).empty());
  // The target's word comes first, and the source's definition stays.
  target.state = v1::DOMAIN_STATE_RUNNING;
  site.send("h2", {target});
  CHECK(site.after(absl::Minutes(1)).empty());
  source.state = v1::DOMAIN_STATE_SHUT_OFF;
  site.send("h1", {source});
  CHECK(site.after(absl::Hours(1)).empty());

  source.state = v1::DOMAIN_STATE_RUNNING;
  site.send("h1", {source});
  CHECK(site.after(absl::Minutes(1)).empty());
  const auto events = site.after(absl::Minutes(5));
  REQUIRE(events.size() == 1);
  CHECK(events[0].shared_volume().holders(0).domain_uuid() == "web");
  CHECK(events[0].shared_volume().holders(1).host_id() == "h2");
}

TEST_CASE("shareable disks of one tenant, images that all only read, base images and nameless storage are silent",
          "[DISK-02][twin]") {
  Site site;
  Use second = kAcme;
  second.domain = "web-2";
  site.send("h1", {kAcme});
  site.send("h2", {second});
  Use iso = {.tenant = "acme", .domain = "a", .identity = "file:nfs:1:2", .read_only = true};
  Use other_iso = {.tenant = "globex", .domain = "b", .identity = "file:nfs:1:2", .read_only = true};
  Use base = {.tenant = "acme", .domain = "c", .identity = "file:nfs:3:4", .base = true};
  Use other_base = {.tenant = "globex", .domain = "d", .identity = "file:nfs:3:4", .base = true};
  Use nameless = {.tenant = "acme", .domain = "e", .identity = ""};
  Use other_nameless = {.tenant = "globex", .domain = "f", .identity = ""};
  site.send("h3", {iso, other_base, nameless});
  site.send("h4", {other_iso, base, other_nameless});
  CHECK(site.after(absl::Hours(1)).empty());
}

TEST_CASE("what cannot be written is told with the next look", "[DISK-02]") {
  Site site;
  site.send("h1", {kAcme});
  site.send("h2", {kGlobex});
  CHECK(site.after(absl::Seconds(14)).empty());
  const auto refuse = [](const v1::Event&) { return absl::UnavailableError("full"); };
  for (int i = 0; i < 3; ++i) site.directory().tell_shared_volumes(refuse).IgnoreError();
  CHECK(site.after(absl::Minutes(1)).size() == 1);
}

}  // namespace
}  // namespace bulkhead::test

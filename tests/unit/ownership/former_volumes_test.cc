#include "agent/ownership/former_volumes.h"

#include <catch2/catch.hpp>

#include "agent/ownership/volumes.h"

namespace bulkhead::ownership {
namespace {

constexpr probes::Owner kAcme = {.tenant = 1, .domain = 11};
constexpr probes::Owner kGlobex = {.tenant = 2, .domain = 21};
const std::map<std::string, probes::Owner> kDomains = {{"acme-1", kAcme}, {"globex-1", kGlobex}};

probes::FileKey key(std::uint64_t inode) {
  probes::FileKey made;
  made.inode = inode;
  return made;
}

inventory::Snapshot snapshot_with(const std::string& acme_source) {
  inventory::Snapshot snapshot;
  for (const auto& [uuid, owner] : kDomains) {
    inventory::Domain domain;
    domain.uuid = uuid;
    domain.tenant = owner == kAcme ? "acme" : "globex";
    inventory::Volume volume;
    volume.source = owner == kAcme ? acme_source : "/images/globex.raw";
    domain.volumes = {volume};
    snapshot.domains.push_back(domain);
  }
  return snapshot;
}

Claim claim(std::uint64_t inode, probes::Owner owner) {
  return {.key = key(inode), .source = "/images/a.raw", .tenant = "any", .owner = owner};
}

const std::map<probes::FileKey, VolumeFacts> kBefore = {{key(1), {.source = "/images/a.raw", .owner = kAcme}}};

TEST_CASE("a file that its name no longer leads to is claimed for its owner", "[DISK-08]") {
  const auto former = former_claims(kBefore, snapshot_with("/images/a.raw"), kDomains, {claim(2, kAcme)});
  REQUIRE(former.size() == 1);
  CHECK(former.front().key == key(1));
  CHECK(former.front().source == "/images/a.raw");
  CHECK(former.front().tenant == "acme");
  CHECK(former.front().owner == kAcme);
}

TEST_CASE("another tenant's claim on the file does not take the place of its owner's", "[DISK-08]") {
  CHECK(former_claims(kBefore, snapshot_with("/images/a.raw"), kDomains, {claim(1, kGlobex)}).size() == 1);
}

TEST_CASE("a file that its owner claims by a name, or whose name no definition has, is not claimed again",
          "[DISK-08][twin]") {
  CHECK(former_claims(kBefore, snapshot_with("/images/a.raw"), kDomains, {claim(1, kAcme)}).empty());
  CHECK(former_claims(kBefore, snapshot_with("/images/b.raw"), kDomains, {}).empty());
}

TEST_CASE("a block device is claimed by its node alone, for its number is used again", "[DISK-08][twin]") {
  probes::FileKey device;
  device.device = 7 << 20;
  device.block_device = true;
  CHECK(former_claims({{device, {.source = "/images/a.raw", .owner = kAcme}}}, snapshot_with("/images/a.raw"), kDomains,
                      {})
            .empty());
}

TEST_CASE("of one name no more former files are claimed than the limit", "[DISK-08]") {
  std::map<probes::FileKey, VolumeFacts> before;
  for (std::uint64_t inode = 1; inode <= kFormerFilesLimit + 5; ++inode) before[key(inode)] = kBefore.at(key(1));
  CHECK(former_claims(before, snapshot_with("/images/a.raw"), kDomains, {}).size() == kFormerFilesLimit);
}

}  // namespace
}  // namespace bulkhead::ownership

#include "tests/kernel/owned_victim.h"

#include <catch2/catch.hpp>

namespace bulkhead::test {

OwnedVictim own_victim(KernelHost& host, probes::Owner owner, std::vector<std::string> arguments) {
  OwnedVictim owned{start_victim(std::move(arguments)), {}};
  const auto key = host.maps().process(static_cast<std::uint32_t>(owned.victim.process.pid()));
  REQUIRE(key.ok());
  owned.key = *key;
  REQUIRE(host.maps().set_vmm(owned.key, owner, false).ok());
  return owned;
}

void check_target(const decode::MemoryRecord& record, const OwnedVictim& owned) {
  CHECK(record.target_tgid == owned.key.tgid);
  CHECK(record.target_start_ns == owned.key.start_ns);
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.object.domain == kAcme.domain);
}

}  // namespace bulkhead::test

// A process that the kernel side holds to be somebody's VMM.
#pragma once

#include <string>
#include <vector>

#include "tests/kernel/kernel_host.h"

namespace bulkhead::test {

struct OwnedVictim {
  Victim victim;
  probes::ProcessKey key;

  std::string pid() const { return std::to_string(victim.process.pid()); }
};

OwnedVictim own_victim(KernelHost& host, probes::Owner owner, std::vector<std::string> arguments = {});

// That the record is about this victim, of kAcme.
void check_target(const decode::MemoryRecord& record, const OwnedVictim& owned);

}  // namespace bulkhead::test

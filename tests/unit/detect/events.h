// Events as agents would send them, for the tests of detection and alerts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::test {

// 2026-01-02T03:04:05Z plus so many seconds.
void set_time(v1::Event& event, double seconds);

// gdb of the host reads memory of tenant "acme"'s domain "web".
v1::Event memory_event(v1::MemoryOperation operation, std::int64_t result = 4096);
// tenant "initech"'s VMM opens the volume of tenant "acme".
v1::Event file_event(std::uint32_t flags = 0);
v1::Event frame_event();
v1::Event loss_event(std::uint64_t count);
v1::Event tenant_change_event(const std::string& old_tenant, const std::string& new_tenant);

// The rules of this source tree.
std::vector<detect::RuleFile> shipped_rules();

std::string read_file(const std::string& path);
// The root of this source tree.
std::string source_dir();

}  // namespace bulkhead::test

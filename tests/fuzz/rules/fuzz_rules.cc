// Rule files are compiled, what compiles judges events and is correlated, and its own tests are run: nothing crashes,
// messages keep what they promise, and no event is told twice by one correlation.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/detect/detector.h"
#include "collector/detect/rule_tests.h"

namespace {

// One event of each kind, with text that tests can meet.
std::span<const bulkhead::v1::Event> events() {
  static const auto& events = *[] {
    auto* made = new std::vector<bulkhead::v1::Event>(8);
    for (auto& event : *made) {
      event.set_sequence(static_cast<std::uint64_t>(&event - made->data()) + 1);
      event.mutable_actor()->add_lineage()->set_executable("/usr/bin/bash");
      event.mutable_actor()->set_tenant("host");
      event.mutable_actor()->mutable_process()->set_pid(1);
      event.mutable_actor()->mutable_process()->set_executable("/usr/bin/gdb\n\x1b\u009b");
      event.mutable_object()->set_tenant("acme");
      event.set_path("/proc/1/mem");
    }
    (*made)[1].mutable_memory_access()->set_result(-1);
    (*made)[2].mutable_file_open()->set_flags(2);
    (*made)[3].mutable_frame_delivery()->set_source_mac("123456");
    (*made)[4].mutable_loss()->set_count(1);
    (*made)[5].mutable_tenant_change()->set_old_tenant("acme");
    (*made)[6].mutable_grant_change()->set_kind(bulkhead::v1::GRANT_CHANGE_KIND_EXPIRED);
    (*made)[7].mutable_policy_change()->set_new_version("2");
    return made;
  }();
  return events;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bulkhead::detect::RuleFile file{"fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size)};
  const auto rules = bulkhead::detect::compile_rules(std::span(&file, 1));
  if (!rules.ok()) {
    require(rules.status().message().size() <= 32768);
    return 0;
  }
  bulkhead::detect::Detector detector(*rules, {.groups = 2, .entries = 8, .entries_per_group = 4});
  std::set<std::pair<std::string, std::uint64_t>> told;
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (auto event : events()) {
      event.set_sequence(event.sequence() + round * events().size());
      event.mutable_time()->set_seconds(static_cast<std::int64_t>(event.sequence() * 7 % 11));
      for (const auto& found : detector.judge(event)) {
        require(found.finding.message.size() <= 2048);
        require(found.finding.message.find_first_of("\n\x1b\xff") == std::string::npos);
        const auto& about = found.event ? *found.event : event;
        require(told.emplace(found.finding.rule->reference.id(), about.sequence()).second);
      }
    }
  }
  for (const auto& result : bulkhead::detect::run_rule_tests(*rules)) {
    require(result.failure.find('\n') == std::string::npos);
  }
  return 0;
}

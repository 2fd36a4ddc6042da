// Rule files are compiled, and what compiles judges events: nothing crashes, and messages keep what they promise.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "collector/detect/engine.h"

namespace {

// One event of each kind, with text that tests can meet.
std::span<const bulkhead::v1::Event> events() {
  static const auto& events = *[] {
    auto* made = new std::vector<bulkhead::v1::Event>(6);
    for (auto& event : *made) {
      event.mutable_actor()->set_tenant("host");
      event.mutable_actor()->mutable_process()->set_pid(1);
      event.mutable_actor()->mutable_process()->set_executable("/usr/bin/gdb\n\xff");
      event.mutable_object()->set_tenant("acme");
      event.set_path("/proc/1/mem");
    }
    (*made)[1].mutable_memory_access()->set_result(-1);
    (*made)[2].mutable_file_open()->set_flags(2);
    (*made)[3].mutable_frame_delivery()->set_source_mac("123456");
    (*made)[4].mutable_loss()->set_count(1);
    (*made)[5].mutable_tenant_change()->set_old_tenant("acme");
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
  const bulkhead::detect::Engine engine(*rules);
  for (const auto& event : events()) {
    for (const auto& finding : engine.evaluate(event)) {
      require(finding.message.size() <= 2048);
      require(finding.message.find_first_of("\n\x1b\xff") == std::string::npos);
    }
  }
  return 0;
}

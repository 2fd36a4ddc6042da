#include "tests/bench/empty_probes.h"

#include <cerrno>
#include <vector>

#include "agent/probes/bpf_handles.h"
#include "agent/probes/hook_attacher.h"
#include "agent/probes/probe_table.h"
#include "ebpf/skeletons/empty.skel.h"

namespace bulkhead::bench {

class EmptyProbes::Impl {
 public:
  absl::Status attach() {
    std::size_t size = 0;
    const void* bytes = bh_empty::elf_bytes(&size);
    object_.reset(bpf_object__open_mem(bytes, size, nullptr));
    if (object_ == nullptr || bpf_object__load(object_.get()) != 0) {
      return absl::ErrnoToStatus(errno, "cannot load the empty programs");
    }
    auto attacher = probes::HookAttacher::create();
    if (!attacher.ok()) return attacher.status();
    for (const probes::Probe& probe : probes::probe_table()) {
      for (const probes::Hook& hook : probe.hooks) {
        if (hook.kind == probes::HookKind::kUsdt) continue;  // in libvirt's daemons, which no benchmark asks
        if (!attacher->missing(hook).empty() || probe.tier == 1) continue;  // as the probe itself is without it
        bpf_program* program = bpf_object__find_program_by_name(object_.get(), hook.program);
        if (program == nullptr) return absl::InternalError(std::string("no empty program ") + hook.program);
        auto link = attacher->attach(hook, program);
        if (!link.ok()) return link.status();
        links_.push_back(*std::move(link));
      }
    }
    return absl::OkStatus();
  }

 private:
  probes::ObjectPtr object_;
  std::vector<probes::LinkPtr> links_;
};

EmptyProbes::EmptyProbes(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmptyProbes::~EmptyProbes() = default;

absl::StatusOr<std::unique_ptr<EmptyProbes>> EmptyProbes::attach() {
  auto impl = std::make_unique<Impl>();
  if (absl::Status status = impl->attach(); !status.ok()) return status;
  return std::unique_ptr<EmptyProbes>(new EmptyProbes(std::move(impl)));
}

}  // namespace bulkhead::bench

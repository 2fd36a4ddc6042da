#include "tests/bench/empty_probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <span>

#include "absl/strings/str_cat.h"
#include "agent/probes/cpu_siblings.h"
#include "agent/probes/hook_attacher.h"
#include "agent/probes/probe_table.h"
#include "agent/probes/tracefs.h"

namespace bulkhead::bench {

namespace {

using probes::FileDescriptor;
using probes::Hook;
using probes::HookKind;

// r0 = 0; exit
constexpr std::array<bpf_insn, 2> kEmpty = {
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};

class Attacher {
 public:
  // The files that hold the program at its hook.
  absl::StatusOr<std::vector<FileDescriptor>> attach(const Hook& hook) {
    std::vector<FileDescriptor> files;
    FileDescriptor program = load(hook);
    if (!program) return absl::ErrnoToStatus(errno, absl::StrCat("an empty program for ", describe(hook)));
    if (hook.kind == HookKind::kTracepoint) {
      if (!tracefs_.ok()) return tracefs_.status();
      absl::StatusOr<FileDescriptor> event = tracefs_->open_event(hook.name);
      if (!event.ok()) return event.status();
      files.emplace_back(bpf_link_create(program.get(), event->get(), BPF_PERF_EVENT, nullptr));
      if (files.back()) files.push_back(*std::move(event));
    } else {
      files.emplace_back(
          bpf_raw_tracepoint_open(hook.kind == HookKind::kRawTracepoint ? hook.name : nullptr, program.get()));
    }
    if (!files.front()) return absl::ErrnoToStatus(errno, absl::StrCat("an empty program at ", describe(hook)));
    return files;
  }

 private:
  struct BtfCloser {
    void operator()(btf* types) const { btf__free(types); }
  };

  FileDescriptor load(const Hook& hook) {
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    bpf_prog_type type = BPF_PROG_TYPE_TRACING;
    switch (hook.kind) {
      case HookKind::kTracepoint:
        type = BPF_PROG_TYPE_TRACEPOINT;
        break;
      case HookKind::kRawTracepoint:
        type = BPF_PROG_TYPE_RAW_TRACEPOINT;
        break;
      case HookKind::kBtfTracepoint:
        options.expected_attach_type = BPF_TRACE_RAW_TP;
        options.attach_btf_id = type_of(absl::StrCat("btf_trace_", hook.name), BTF_KIND_TYPEDEF);
        break;
      case HookKind::kFentry:
      case HookKind::kFexit:
        options.expected_attach_type = hook.kind == HookKind::kFentry ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
        options.attach_btf_id = type_of(hook.name, BTF_KIND_FUNC);
        break;
      case HookKind::kUevent:
      case HookKind::kIterator:
      case HookKind::kUsdt:
        return {};
    }
    return FileDescriptor(bpf_prog_load(type, "bh_empty", "GPL", kEmpty.data(), kEmpty.size(), &options));
  }

  std::uint32_t type_of(const std::string& name, std::uint32_t kind) const {
    return static_cast<std::uint32_t>(btf__find_by_name_kind(kernel_types_.get(), name.c_str(), kind));
  }

  const std::unique_ptr<btf, BtfCloser> kernel_types_{btf__load_vmlinux_btf()};
  const absl::StatusOr<probes::TraceFs> tracefs_ = probes::TraceFs::open();
};

// All of them, or none.
absl::StatusOr<std::vector<FileDescriptor>> attach_all(Attacher& attacher, const probes::HookAttacher& kernel,
                                                       std::span<const Hook> hooks, bool all_needed) {
  std::vector<FileDescriptor> files;
  for (const Hook& hook : hooks) {
    if (hook.kind == HookKind::kUsdt || hook.kind == HookKind::kIterator) continue;
    if (!kernel.missing(hook).empty()) {
      if (all_needed && !hook.optional) return absl::NotFoundError(kernel.missing(hook));
      continue;
    }
    auto attached = attacher.attach(hook);
    if (!attached.ok()) return attached.status();
    for (FileDescriptor& file : *attached) files.push_back(std::move(file));
  }
  return files;
}

absl::StatusOr<std::vector<FileDescriptor>> attach_best(Attacher& attacher, const probes::HookAttacher& kernel,
                                                        const probes::Probe& probe) {
  for (const probes::Mechanism& mechanism : probe.better) {
    auto attached = attach_all(attacher, kernel, mechanism.hooks, true);
    if (attached.ok()) return attached;
  }
  auto attached = attach_all(attacher, kernel, probe.hooks, false);
  // As the probe itself, that has no other way.
  if (!attached.ok() && probe.tier == 1) return std::vector<FileDescriptor>();
  return attached;
}

}  // namespace

absl::StatusOr<EmptyProbes> EmptyProbes::attach() {
  const auto kernel = probes::HookAttacher::create();
  if (!kernel.ok()) return kernel.status();
  Attacher attacher;
  probes::CpuSiblings siblings;
  siblings.refresh();
  EmptyProbes all;
  for (const probes::Probe& probe : probes::probe_table()) {
    if (probe.about_siblings && siblings.cores().empty()) continue;
    auto attached = attach_best(attacher, *kernel, probe);
    if (!attached.ok()) return attached.status();
    for (FileDescriptor& file : *attached) all.links_.push_back(std::move(file));
  }
  return all;
}

}  // namespace bulkhead::bench

#include "agent/probes/hook_attacher.h"

#include <bpf/btf.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace bulkhead::probes {

namespace {

absl::StatusOr<LinkPtr> own(bpf_link* link, const Hook& hook) {
  if (link == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot attach to ", describe(hook)));
  return LinkPtr(link);
}

absl::StatusOr<LinkPtr> attach_tracepoint(const Hook& hook, const TraceFs& tracefs, bpf_program* program) {
  absl::StatusOr<FileDescriptor> event = tracefs.open_event(hook.name);
  if (!event.ok()) return event.status();
  absl::StatusOr<LinkPtr> link = own(bpf_program__attach_perf_event(program, event->get()), hook);
  if (link.ok()) event->release();  // the link closes it
  return link;
}

}  // namespace

std::string describe(const Hook& hook) {
  switch (hook.kind) {
    case HookKind::kTracepoint:
      return absl::StrCat("tracepoint ", hook.name);
    case HookKind::kBtfTracepoint:
      return absl::StrCat("tp_btf ", hook.name);
    case HookKind::kRawTracepoint:
      return absl::StrCat("raw_tp ", hook.name);
    case HookKind::kFentry:
      return absl::StrCat("fentry ", hook.name);
    case HookKind::kFexit:
      return absl::StrCat("fexit ", hook.name);
    case HookKind::kIterator:
      return absl::StrCat("iter ", hook.name);
    case HookKind::kUsdt:
      return absl::StrCat("usdt ", hook.name);
    case HookKind::kUevent:
      return absl::StrCat("socket filter ", hook.name);
  }
  return hook.name;
}

void HookAttacher::BtfCloser::operator()(btf* types) const {
  btf__free(types);
}

absl::StatusOr<HookAttacher> HookAttacher::create() {
  HookAttacher attacher;
  attacher.kernel_types_.reset(btf__load_vmlinux_btf());
  if (attacher.kernel_types_ == nullptr) {
    return absl::FailedPreconditionError(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux); Bulkhead needs one built with CONFIG_DEBUG_INFO_BTF");
  }
  attacher.tracefs_ = TraceFs::open();
  return attacher;
}

std::string HookAttacher::missing(const Hook& hook) const {
  switch (hook.kind) {
    case HookKind::kTracepoint: {
      const absl::Status found = tracefs_.ok() ? tracefs_->id(hook.name).status() : tracefs_.status();
      return std::string(found.message());
    }
    case HookKind::kBtfTracepoint:
    case HookKind::kRawTracepoint: {
      const std::string type = absl::StrCat("btf_trace_", hook.name);
      if (btf__find_by_name_kind(kernel_types_.get(), type.c_str(), BTF_KIND_TYPEDEF) > 0) return "";
      return absl::StrCat("this kernel has no tracepoint ", hook.name);
    }
    case HookKind::kFentry:
    case HookKind::kFexit:
      if (btf__find_by_name_kind(kernel_types_.get(), hook.name, BTF_KIND_FUNC) > 0) return "";
      return absl::StrCat("this kernel has no function ", hook.name);
    case HookKind::kIterator: {
      const std::string type = absl::StrCat("bpf_iter__", hook.name);
      if (btf__find_by_name_kind(kernel_types_.get(), type.c_str(), BTF_KIND_STRUCT) > 0) return "";
      return absl::StrCat("this kernel has no iterator ", hook.name);
    }
    case HookKind::kUsdt:
    case HookKind::kUevent:
      return "";  // a matter of the library; every kernel tells of its devices
  }
  return "";
}

bool HookAttacher::has_member(const char* type, std::string_view member) const {
  const int id = btf__find_by_name_kind(kernel_types_.get(), type, BTF_KIND_STRUCT);
  if (id < 0) return false;
  const btf_type* found = btf__type_by_id(kernel_types_.get(), static_cast<std::uint32_t>(id));
  const btf_member* members = btf_members(found);
  for (std::uint16_t i = 0; i < btf_vlen(found); ++i) {
    if (btf__name_by_offset(kernel_types_.get(), members[i].name_off) == member) return true;
  }
  return false;
}

absl::StatusOr<LinkPtr> HookAttacher::attach(const Hook& hook, bpf_program* program) const {
  switch (hook.kind) {
    case HookKind::kTracepoint: {
      if (!tracefs_.ok()) return tracefs_.status();
      return attach_tracepoint(hook, *tracefs_, program);
    }
    case HookKind::kBtfTracepoint:
    case HookKind::kFentry:
    case HookKind::kFexit:
      return own(bpf_program__attach_trace(program), hook);
    case HookKind::kIterator:
      return own(bpf_program__attach_iter(program, nullptr), hook);
    case HookKind::kRawTracepoint:
      return own(bpf_program__attach_raw_tracepoint(program, hook.name), hook);
    case HookKind::kUsdt:
    case HookKind::kUevent:
      break;  // UsdtHooks, UeventSockets
  }
  return absl::InternalError("unknown kind of hook");
}

}  // namespace bulkhead::probes

#include "agent/probes/probe_set.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/probes/bpf_handles.h"
#include "agent/probes/counters.h"
#include "agent/probes/hook_attacher.h"
#include "agent/probes/shared_maps.h"
#include "agent/probes/sibling_hooks.h"
#include "agent/probes/uevent_sockets.h"
#include "agent/probes/usdt_hooks.h"

namespace bulkhead::probes {

namespace {

struct AttachedHook {
  LinkPtr link;
  std::size_t row = 0;  // of the coverage
  bool told_detached = false;
};

}  // namespace

class ProbeSet::Impl {
 public:
  ~Impl() {
    std::vector<LinkPtr> links;
    for (AttachedHook& hook : attached_) links.push_back(std::move(hook.link));
    release_together(std::move(links));
  }

  absl::Status load(const Options& options, std::span<const Probe> table) {
    table_ = table;
    sweeps_ = options.sweeps;
    if (absl::Status status = shared_.load(options.ring_kib_per_cpu); !status.ok()) return status;
    attacher_ = HookAttacher::create();
    if (!attacher_.ok()) return attacher_.status();
    for (const Probe& probe : table_) load_best(probe, *attacher_);
    follow_siblings();
    return absl::OkStatus();
  }

  const std::vector<v1::ProbeCoverage>& coverage() const { return coverage_; }
  OwnershipMaps& ownership() { return shared_.ownership(); }
  LedgerMaps& ledgers() { return shared_.ledgers(); }
  bool follow_libvirt(std::span<const std::string> libraries);
  std::vector<v1::ProbeCoverage> find_detached();
  bool tend();
  std::unique_ptr<HostSweep> host_sweep() const;
  int poll_descriptor() const { return shared_.poll_descriptor(); }

  void drain(const std::function<void(std::span<const std::byte>)>& on_record) { shared_.drain(on_record); }

  std::vector<v1::ProbeCounters> counters() const { return counters_.read(table_, shared_.counters_map()); }

 private:
  void load_best(const Probe& probe, const HookAttacher& attacher);
  // Whole, or nothing stays of it and the error says why.
  absl::Status load_better(const Probe& probe, const Mechanism& mechanism, const HookAttacher& attacher);
  // What of it works on this kernel.
  void load_probe(const Probe& probe, const HookAttacher& attacher, const std::string& why_not_better);
  void add_periodic(const Probe& probe, bpf_object* object);
  // Why the hook's program is not attached; empty when it is.
  std::string attach(const Probe& probe, const Hook& hook, bpf_object* object, bpf_program* program,
                     const HookAttacher& attacher);
  v1::ProbeCoverage& add_coverage(const Probe& probe, const Hook& hook, const std::string& missing_reason);
  bool follow_siblings();
  v1::ProbeCoverage& set_missing(std::size_t row, const std::string& reason);

  std::span<const Probe> table_;  // static
  absl::StatusOr<HookAttacher> attacher_ = absl::UnknownError("not created");
  SharedMaps shared_;
  std::vector<ObjectPtr> objects_;
  std::vector<AttachedHook> attached_;
  UsdtHooks usdt_hooks_;
  UeventSockets uevent_sockets_;
  SiblingHooks sibling_hooks_;
  std::map<std::string, int> iterators_;  // by program, of links_
  std::vector<int> periodic_;             // program descriptors, of objects_
  Counters counters_;
  std::vector<v1::ProbeCoverage> coverage_;
  std::map<v1::Probe, const Mechanism*> better_;  // those in use
  bool sweeps_ = true;
};

void ProbeSet::Impl::load_best(const Probe& probe, const HookAttacher& attacher) {
  if (const auto other = better_.find(probe.within); other != better_.end()) {
    v1::ProbeCoverage& row = add_coverage(probe, other->second->hooks.front(), "");
    row.set_tier(other->second->tier);
    row.set_limits("");
    return;
  }
  if (!sweeps_ && probe.hooks.front().kind == HookKind::kIterator) {
    for (const Hook& hook : probe.hooks) add_coverage(probe, hook, "turned off by the configuration (sweep.interval)");
    return;
  }
  std::vector<std::string> reasons;
  for (const Mechanism& mechanism : probe.better) {
    const absl::Status loaded = load_better(probe, mechanism, attacher);
    if (loaded.ok()) {
      better_[probe.id] = &mechanism;
      return;
    }
    reasons.push_back(
        absl::StrCat("tier ", mechanism.tier, ", ", describe(mechanism.hooks.front()), ": ", loaded.message()));
  }
  load_probe(probe, attacher, absl::StrJoin(reasons, "; "));
}

absl::Status ProbeSet::Impl::load_better(const Probe& probe, const Mechanism& mechanism, const HookAttacher& attacher) {
  LibbpfMessages messages;
  absl::StatusOr<ObjectPtr> object = shared_.open(probe.name, mechanism.elf);
  if (!object.ok()) return object.status();
  std::vector<const Hook*> present;
  for (const Hook& hook : mechanism.hooks) {
    const std::string missing = attacher.missing(hook);
    if (missing.empty()) {
      present.push_back(&hook);
    } else if (hook.optional) {
      bpf_program__set_autoload(bpf_object__find_program_by_name(object->get(), hook.program), false);
    } else {
      return absl::FailedPreconditionError(missing);
    }
  }
  if (bpf_object__load(object->get()) != 0) return absl::FailedPreconditionError(refusal(errno, messages.reason()));
  std::vector<LinkPtr> links;
  UeventSockets sockets;
  for (const Hook* hook : present) {
    bpf_program* program = bpf_object__find_program_by_name(object->get(), hook->program);
    if (hook->kind == HookKind::kUevent) {
      if (absl::Status status = sockets.add(program); !status.ok()) return status;
      links.emplace_back();  // the socket has it
      continue;
    }
    absl::StatusOr<LinkPtr> link = attacher.attach(*hook, program);
    if (!link.ok()) return link.status();
    links.push_back(*std::move(link));
  }
  for (std::size_t i = 0; i < present.size(); ++i) {
    bpf_program* program = bpf_object__find_program_by_name(object->get(), present[i]->program);
    if (links[i] != nullptr) attached_.push_back({.link = std::move(links[i]), .row = coverage_.size()});
    counters_.add(probe.id, program);
    v1::ProbeCoverage& row = add_coverage(probe, *present[i], "");
    row.set_tier(mechanism.tier);
    row.set_limits(mechanism.limits);
  }
  add_periodic(probe, object->get());
  uevent_sockets_.take(std::move(sockets));
  objects_.push_back(*std::move(object));
  return absl::OkStatus();
}

void ProbeSet::Impl::load_probe(const Probe& probe, const HookAttacher& attacher, const std::string& why_not_better) {
  LibbpfMessages messages;
  const std::size_t first_row = coverage_.size();
  const absl::Cleanup explain = [&] {
    for (std::size_t i = first_row; i < coverage_.size(); ++i) coverage_[i].set_why_not_better(why_not_better);
  };
  absl::StatusOr<ObjectPtr> object = shared_.open(probe.name, probe.elf);
  if (!object.ok()) {
    for (const Hook& hook : probe.hooks) add_coverage(probe, hook, std::string(object.status().message()));
    return;
  }
  // A hook that this kernel does not have must not take the object's other programs with it.
  std::vector<std::string> missing(probe.hooks.size());
  std::set<std::string_view> needed;
  for (std::size_t i = 0; i < probe.hooks.size(); ++i) {
    missing[i] = attacher.missing(probe.hooks[i]);
    if (missing[i].empty()) needed.insert(probe.hooks[i].program);
  }
  for (const Hook& hook : probe.hooks) {
    if (needed.contains(hook.program)) continue;
    bpf_program__set_autoload(bpf_object__find_program_by_name(object->get(), hook.program), false);
  }
  if (probe.about_siblings) SiblingHooks::size_maps(object->get(), libbpf_num_possible_cpus()).IgnoreError();
  if (bpf_object__load(object->get()) != 0) {
    const std::string reason = refusal(errno, messages.reason());
    for (std::size_t i = 0; i < missing.size(); ++i) {
      add_coverage(probe, probe.hooks[i], missing[i].empty() ? reason : missing[i]);
    }
    return;
  }
  for (std::size_t i = 0; i < probe.hooks.size(); ++i) {
    if (!missing[i].empty() && probe.hooks[i].optional) continue;
    bpf_program* program = bpf_object__find_program_by_name(object->get(), probe.hooks[i].program);
    if (missing[i].empty()) missing[i] = attach(probe, probe.hooks[i], object->get(), program, attacher);
    add_coverage(probe, probe.hooks[i], missing[i]);
  }
  add_periodic(probe, object->get());
  objects_.push_back(*std::move(object));
}

void ProbeSet::Impl::add_periodic(const Probe& probe, bpf_object* object) {
  if (probe.periodic == nullptr) return;
  periodic_.push_back(bpf_program__fd(bpf_object__find_program_by_name(object, probe.periodic)));
}

std::string ProbeSet::Impl::attach(const Probe& probe, const Hook& hook, bpf_object* object, bpf_program* program,
                                   const HookAttacher& attacher) {
  if (hook.kind == HookKind::kUsdt) {
    usdt_hooks_.add(hook, program, coverage_.size());
  } else if (hook.kind == HookKind::kUevent) {
    if (absl::Status status = uevent_sockets_.add(program); !status.ok()) return std::string(status.message());
  } else if (probe.about_siblings) {
    sibling_hooks_.add(hook, object, program, coverage_.size());
  } else {
    absl::StatusOr<LinkPtr> link = attacher.attach(hook, program);
    if (!link.ok()) return std::string(link.status().message());
    if (hook.kind == HookKind::kIterator) iterators_[hook.program] = bpf_link__fd(link->get());
    attached_.push_back({.link = *std::move(link), .row = coverage_.size()});
  }
  counters_.add(probe.id, program);
  return hook.kind == HookKind::kUsdt ? kNotLookedForLibvirt : "";
}

v1::ProbeCoverage& ProbeSet::Impl::set_missing(std::size_t row, const std::string& reason) {
  coverage_[row].set_state(reason.empty() ? v1::PROBE_STATE_ATTACHED : v1::PROBE_STATE_MISSING);
  coverage_[row].set_reason(reason);
  return coverage_[row];
}

bool ProbeSet::Impl::follow_libvirt(std::span<const std::string> libraries) {
  bool changed = false;
  for (const UsdtHooks::State& state : usdt_hooks_.follow(libraries, shared_.ownership())) {
    changed = changed || coverage_[state.row].reason() != state.missing;
    set_missing(state.row, state.missing);
  }
  return changed;
}

bool ProbeSet::Impl::follow_siblings() {
  bool changed = false;
  for (const SiblingHooks::State& state : sibling_hooks_.follow(*attacher_)) {
    changed = changed || coverage_[state.row].reason() != state.missing;
    set_missing(state.row, state.missing);
  }
  return changed;
}

std::vector<v1::ProbeCoverage> ProbeSet::Impl::find_detached() {
  constexpr char kDetached[] = "somebody detached it while the agent ran";
  std::vector<v1::ProbeCoverage> detached;
  for (AttachedHook& hook : attached_) {
    if (hook.told_detached || is_attached(hook.link.get())) continue;
    hook.told_detached = true;
    detached.push_back(set_missing(hook.row, kDetached));
  }
  for (const std::size_t row : sibling_hooks_.find_detached()) detached.push_back(set_missing(row, kDetached));
  return detached;
}

bool ProbeSet::Impl::tend() {
  for (const int program : periodic_) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    bpf_prog_test_run_opts(program, &options);
  }
  return follow_siblings();
}

std::unique_ptr<HostSweep> ProbeSet::Impl::host_sweep() const {
  SweepDescriptors links;
  const auto link = [this](const char* program, int& descriptor) {
    const auto found = iterators_.find(program);
    if (found != iterators_.end()) descriptor = dup(found->second);
    return descriptor >= 0;
  };
  // All are asked for, so that what was duplicated is closed with the sweep.
  const bool whole = link("guest_memory", links.guest_memory) & link("descriptors", links.descriptors) &
                     link("mappings", links.mappings) & link("machines", links.machines);
  auto sweep = std::make_unique<HostSweep>(links);
  return whole ? std::move(sweep) : nullptr;
}

v1::ProbeCoverage& ProbeSet::Impl::add_coverage(const Probe& probe, const Hook& hook,
                                                const std::string& missing_reason) {
  v1::ProbeCoverage row;
  row.set_probe(probe.id);
  row.set_name(probe.name);
  for (const absl::string_view rule : absl::StrSplit(probe.covers, ' ', absl::SkipEmpty())) {
    row.add_covers(std::string(rule));
  }
  row.set_mechanism(describe(hook));
  row.set_tier(probe.tier);
  row.set_state(missing_reason.empty() ? v1::PROBE_STATE_ATTACHED : v1::PROBE_STATE_MISSING);
  row.set_reason(missing_reason);
  row.set_limits(probe.limits);
  return coverage_.emplace_back(std::move(row));
}

bool has_nothing_to_watch(const v1::ProbeCoverage& row) {
  constexpr std::array<std::string_view, 4> kReasons = {kNotLookedForLibvirt, kNoLibvirt, kNoSiblings, kNoKvm};
  return row.state() == v1::PROBE_STATE_MISSING && std::ranges::find(kReasons, row.reason()) != kReasons.end();
}

ProbeSet::ProbeSet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProbeSet::~ProbeSet() = default;

absl::StatusOr<std::unique_ptr<ProbeSet>> ProbeSet::load(const Options& options, std::span<const Probe> table) {
  auto impl = std::make_unique<Impl>();
  if (absl::Status status = impl->load(options, table); !status.ok()) return status;
  return std::unique_ptr<ProbeSet>(new ProbeSet(std::move(impl)));
}

const std::vector<v1::ProbeCoverage>& ProbeSet::coverage() const {
  return impl_->coverage();
}
OwnershipMaps& ProbeSet::ownership() {
  return impl_->ownership();
}
LedgerMaps& ProbeSet::ledgers() {
  return impl_->ledgers();
}
bool ProbeSet::follow_libvirt(std::span<const std::string> libraries) {
  return impl_->follow_libvirt(libraries);
}
std::vector<v1::ProbeCoverage> ProbeSet::find_detached() {
  return impl_->find_detached();
}
bool ProbeSet::tend() {
  return impl_->tend();
}
std::unique_ptr<HostSweep> ProbeSet::host_sweep() const {
  return impl_->host_sweep();
}
int ProbeSet::poll_descriptor() const {
  return impl_->poll_descriptor();
}
void ProbeSet::drain(const std::function<void(std::span<const std::byte>)>& on_record) {
  impl_->drain(on_record);
}
std::vector<v1::ProbeCounters> ProbeSet::counters() const {
  return impl_->counters();
}

}  // namespace bulkhead::probes

#include "agent/guard/coverage_change.h"

#include <algorithm>
#include <map>
#include <string>

#include "agent/probes/probe_set.h"

namespace bulkhead::guard {

namespace {

struct ProbeRows {
  std::uint32_t tier = 0;                                // the best of those attached; 0: none is
  std::map<std::string, const v1::ProbeCoverage*> rows;  // by mechanism
};

std::map<v1::Probe, ProbeRows> by_probe(const v1::Coverage& coverage) {
  std::map<v1::Probe, ProbeRows> probes;
  for (const v1::ProbeCoverage& row : coverage.probes()) {
    ProbeRows& probe = probes[row.probe()];
    probe.rows.emplace(row.mechanism(), &row);
    if (row.state() != v1::PROBE_STATE_ATTACHED) continue;
    probe.tier = probe.tier == 0 ? row.tier() : std::min(probe.tier, row.tier());
  }
  return probes;
}

// Its absence means that something is not seen, and not only that there is nothing to see.
bool is_missing(const v1::ProbeCoverage& row) {
  return row.state() == v1::PROBE_STATE_MISSING && !probes::has_nothing_to_watch(row);
}

bool is_attached(const ProbeRows& probe, const std::string& mechanism) {
  const auto found = probe.rows.find(mechanism);
  return found != probe.rows.end() && found->second->state() == v1::PROBE_STATE_ATTACHED;
}

class Comparison {
 public:
  Comparison(const v1::LastRun& before, const v1::LastRun& now) : before_(before), now_(now) {}

  std::vector<v1::CoverageChange> run() {
    const std::map<v1::Probe, ProbeRows> before = by_probe(before_.coverage());
    const std::map<v1::Probe, ProbeRows> now = by_probe(now_.coverage());
    for (const auto& [id, old_rows] : before) {
      const auto found = now.find(id);
      compare(id, old_rows, found == now.end() ? ProbeRows{} : found->second);
    }
    for (const auto& [id, rows] : now) {
      if (!before.contains(id)) compare(id, {}, rows);
    }
    return std::move(changes_);
  }

 private:
  void compare(v1::Probe id, const ProbeRows& before, const ProbeRows& now) {
    if (before.tier != 0 && now.tier != 0 && before.tier != now.tier) {
      const bool lowered = now.tier > before.tier;  // tier 1 is the best
      const v1::ProbeCoverage* row = nullptr;
      for (const auto& [mechanism, one] : now.rows) {
        if (row == nullptr && one->state() == v1::PROBE_STATE_ATTACHED) row = one;
      }
      add(lowered ? v1::COVERAGE_CHANGE_KIND_TIER_LOWERED : v1::COVERAGE_CHANGE_KIND_TIER_RAISED, id, row->mechanism(),
          row->why_not_better());
      return;
    }
    for (const auto& [mechanism, row] : before.rows) {
      if (row->state() != v1::PROBE_STATE_ATTACHED || is_attached(now, mechanism)) continue;
      const auto found = now.rows.find(mechanism);
      if (found == now.rows.end()) {
        add(v1::COVERAGE_CHANGE_KIND_HOOK_LOST, id, mechanism, "this version of the agent does not have it");
      } else if (is_missing(*found->second)) {
        add(v1::COVERAGE_CHANGE_KIND_HOOK_LOST, id, mechanism, found->second->reason());
      }
    }
    for (const auto& [mechanism, row] : now.rows) {
      const auto found = before.rows.find(mechanism);
      const bool was_missing = found == before.rows.end() || is_missing(*found->second);
      if (row->state() == v1::PROBE_STATE_ATTACHED && was_missing && !is_attached(before, mechanism)) {
        add(v1::COVERAGE_CHANGE_KIND_HOOK_GAINED, id, mechanism, "");
      }
    }
  }

  void add(v1::CoverageChangeKind kind, v1::Probe probe, const std::string& mechanism, const std::string& reason) {
    v1::CoverageChange& change = changes_.emplace_back();
    change.set_kind(kind);
    change.set_probe(probe);
    change.set_mechanism(mechanism);
    change.set_reason(reason);
    change.set_old_agent_version(before_.agent_version());
    change.set_new_agent_version(now_.agent_version());
    change.set_old_kernel_release(before_.kernel_release());
    change.set_new_kernel_release(now_.kernel_release());
  }

  const v1::LastRun& before_;
  const v1::LastRun& now_;
  std::vector<v1::CoverageChange> changes_;
};

}  // namespace

std::vector<v1::CoverageChange> compare(const v1::LastRun& before, const v1::LastRun& now) {
  return Comparison(before, now).run();
}

}  // namespace bulkhead::guard

#include "collector/detect/correlation_groups.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace bulkhead::detect {
namespace {

constexpr std::int64_t kIndexStep = 1'000'000'000;
constexpr std::size_t kHosts = 100000;

}  // namespace

CorrelationGroup* CorrelationGroups::find(const std::string& key) {
  const auto found = groups_.find(key);
  return found == groups_.end() ? nullptr : found->second.get();
}

bool CorrelationGroups::may_have_gone(const std::string& host_id, std::int64_t time_ns,
                                      std::int64_t timespan_ns) const {
  const auto gone = gone_.find(by_host_ ? host_id : "");
  return gone != gone_.end() && time_ns - gone->second <= timespan_ns;
}

CorrelationGroup& CorrelationGroups::open(const std::string& key, const std::string& tenant) {
  auto& group = groups_[key];
  group = std::make_unique<CorrelationGroup>();
  group->key = key;
  group->tenant = tenant;
  ++shares_[tenant].groups;
  ++statistics_.groups;
  return *group;
}

CorrelationGroups::Added CorrelationGroups::add(CorrelationGroup& group, CorrelationEntry entry) {
  const auto after = std::ranges::lower_bound(group.entries, entry.order, {}, &CorrelationEntry::order);
  const auto position = static_cast<std::size_t>(after - group.entries.begin());
  if (after != group.entries.end() && after->order == entry.order) {
    after->rules |= entry.rules;
    return {position, true};
  }
  if (group.entries.empty() || entry.order.time_ns > group.newest_ns) renew(group, entry.order);
  group.entries.insert(after, std::move(entry));
  ++group.untold;
  ++shares_[group.tenant].entries;
  ++statistics_.entries;
  return {position, false};
}

void CorrelationGroups::renew(CorrelationGroup& group, const EventOrder& order) {
  group.newest_ns = order.time_ns;
  const bool moved = group.entries.empty() || order.host_id != group.host_id;
  if (!moved && order.time_ns - group.indexed_ns < kIndexStep) return;
  unlink(group);
  group.indexed_ns = order.time_ns;
  group.host_id = order.host_id;
  link(group);
}

std::shared_ptr<const std::string> CorrelationGroups::tell(CorrelationGroup& group, std::size_t position) {
  CorrelationEntry& entry = group.entries[position];
  if (!entry.told) --group.untold;
  entry.told = true;
  return std::exchange(entry.event, nullptr);
}

std::vector<std::string> CorrelationGroups::index_names(const CorrelationGroup& group) const {
  return {"", "t" + group.tenant, "h" + group.host_id};
}

void CorrelationGroups::link(CorrelationGroup& group) {
  for (std::string& name : index_names(group)) index_.emplace(std::move(name), group.indexed_ns, group.key);
}

void CorrelationGroups::unlink(CorrelationGroup& group) {
  for (std::string& name : index_names(group)) index_.erase({std::move(name), group.indexed_ns, group.key});
}

void CorrelationGroups::erase(CorrelationGroup& group) {
  unlink(group);
  // Hosts are few; a stream of made-up ones must not fill the memory.
  if (gone_.size() > kHosts) gone_.clear();
  std::int64_t& gone = gone_.try_emplace(by_host_ ? group.host_id : "", group.newest_ns).first->second;
  gone = std::max(gone, group.newest_ns);
  const auto share = shares_.find(group.tenant);
  share->second.entries -= group.entries.size();
  if (--share->second.groups == 0) shares_.erase(share);
  statistics_.entries -= group.entries.size();
  --statistics_.groups;
  // The key's own text goes with the group.
  const std::string key = group.key;
  groups_.erase(key);
}

void CorrelationGroups::drop_first(CorrelationGroup& group) {
  if (!group.entries.front().told) --group.untold;
  group.entries.pop_front();
  --shares_[group.tenant].entries;
  --statistics_.entries;
}

// Measured from this event and not from the newest: one event of a clock that is wrong does not empty the group again
// and again.
void CorrelationGroups::forget_old(CorrelationGroup& group, std::int64_t time_ns) {
  while (group.entries.size() > 1 && time_ns - group.entries.front().order.time_ns > horizon_ns_) drop_first(group);
}

CorrelationGroup* CorrelationGroups::oldest(const std::string& name, const CorrelationGroup& kept) {
  for (auto at = index_.lower_bound({name, 0, {}}); at != index_.end() && std::get<0>(*at) == name; ++at) {
    CorrelationGroup* group = find(std::string(std::get<2>(*at)));
    if (group != &kept) return group;
  }
  return nullptr;
}

// What no event that is not late can need is no loss.
void CorrelationGroups::make_room(const std::string& name, CorrelationGroup& kept, std::int64_t time_ns) {
  CorrelationGroup* group = oldest(name, kept);
  if (group == nullptr) {
    ++statistics_.dropped_entries;
    return drop_first(kept);
  }
  if (time_ns - group->newest_ns <= horizon_ns_) {
    ++statistics_.dropped_groups;
    statistics_.dropped_entries += group->entries.size();
  }
  erase(*group);
}

void CorrelationGroups::trim(CorrelationGroup& group, const std::string& host_id, std::int64_t time_ns) {
  forget_old(group, time_ns);
  // Only groups that this host was the last to add to: another host's clock or backlog is its own affair.
  for (CorrelationGroup* old = oldest("h" + host_id, group); old != nullptr && time_ns - old->newest_ns > horizon_ns_;
       old = oldest("h" + host_id, group)) {
    erase(*old);
  }
  while (group.entries.size() > options_.entries_per_group) {
    ++statistics_.dropped_entries;
    drop_first(group);
  }
  const std::string tenant = "t" + group.tenant;
  const Share& share = shares_[group.tenant];
  while (share.groups > options_.groups_per_tenant || share.entries > options_.entries_per_tenant) {
    make_room(tenant, group, time_ns);
  }
  while (statistics_.groups > options_.groups || statistics_.entries > options_.entries) make_room("", group, time_ns);
}

}  // namespace bulkhead::detect

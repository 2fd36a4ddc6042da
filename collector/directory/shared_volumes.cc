#include "collector/directory/shared_volumes.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bulkhead::directory {

namespace {

constexpr char kPrefix[] = "shared-volume/";
constexpr std::uint32_t kWrites = 1, kRuns = 2;
constexpr std::size_t kHolders = 16;

// Of this run alone.
std::uint64_t fingerprint(const std::string& text) {
  return std::hash<std::string>{}(text);
}

std::string subject_of_domain(const std::string& uuid) {
  return absl::StrCat("domain/", uuid);
}

bool writes(const v1::Volume& volume) {
  return !volume.read_only();
}

bool is_compared(const v1::Volume& volume) {
  return !volume.identity().empty() && !volume.base_image();
}

// One volume of one host's domain, with names.
struct Holder {
  v1::VolumeHolder holder;
  bool writes = false;
  bool runs = false;
};

void set_time(absl::Time time, google::protobuf::Timestamp* to) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  to->set_seconds(seconds);
  to->set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace

struct SharedVolumes::Conflict {
  std::string identity;
  std::set<std::string> by_tenants;  // tenants whose domains have it
  std::set<std::string> twice;       // subjects of domains that run with it on several hosts
  std::vector<Holder> holders;
};

std::vector<SharedVolumes::Use> SharedVolumes::uses_of(const v1::Inventory& inventory) {
  std::vector<Use> uses;
  for (const v1::Domain& domain : inventory.domains()) {
    const std::uint32_t runs = domain.state() == v1::DOMAIN_STATE_RUNNING ? kRuns : 0;
    for (const v1::Volume& volume : domain.volumes()) {
      if (!is_compared(volume)) continue;
      uses.push_back({.volume = fingerprint(volume.identity()),
                      .domain = fingerprint(domain.uuid()),
                      .tenant = static_cast<std::uint32_t>(fingerprint(domain.tenant())),
                      .flags = (writes(volume) ? kWrites : 0) | runs});
    }
  }
  std::ranges::sort(uses);
  uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
  uses.shrink_to_fit();
  return uses;
}

absl::Status SharedVolumes::open() {
  return table_.for_each(kPrefix, [&](std::string_view key, std::string_view value) {
    v1::SharedVolume told;
    if (!told.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    Watch& watch = watches_[fingerprint(told.identity())];
    watch.identity = std::string(key.substr(sizeof kPrefix - 1));
    for (const v1::VolumeHolder& holder : told.holders()) {
      watch.told.insert(holder.tenant().empty() ? subject_of_domain(holder.domain_uuid()) : holder.tenant());
    }
    return true;
  });
}

void SharedVolumes::load(const std::string& host_id, const v1::Inventory& inventory) {
  const std::lock_guard lock(mutex_);
  hosts_[host_id] = uses_of(inventory);
}

// All at once: one look-up in every host for each volume of every host would take minutes.
void SharedVolumes::loaded() {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> volumes;
  for (const auto& [host, uses] : hosts_) {
    for (const Use& use : uses) volumes.push_back(use.volume);
  }
  std::ranges::sort(volumes);
  for (std::size_t i = 1; i < volumes.size(); ++i) {
    if (volumes[i] == volumes[i - 1]) changed_.insert(volumes[i]);
  }
  for (const auto& [volume, watch] : watches_) changed_.insert(volume);
}

void SharedVolumes::update(const std::string& host_id, const v1::Inventory& inventory) {
  std::vector<Use> now = uses_of(inventory);
  const std::lock_guard lock(mutex_);
  std::vector<Use>& before = hosts_[host_id];
  std::vector<Use> difference;
  std::ranges::set_symmetric_difference(before, now, std::back_inserter(difference));
  for (const Use& use : difference) changed_.insert(use.volume);
  before = std::move(now);
}

std::vector<SharedVolumes::Use> SharedVolumes::all_of(std::uint64_t volume) const {
  std::vector<Use> found;
  for (const auto& [host, uses] : hosts_) {
    const auto [begin, end] = std::ranges::equal_range(uses, volume, {}, &Use::volume);
    found.insert(found.end(), begin, end);
  }
  return found;
}

// Before it is told; infinite for what needs not be.
absl::Duration SharedVolumes::patience_for(const std::vector<Use>& uses) {
  absl::Duration patience = absl::InfiniteDuration();
  for (auto one = uses.begin(); one != uses.end(); ++one) {
    if ((one->flags & kWrites) == 0) continue;
    for (auto other = uses.begin(); other != uses.end(); ++other) {
      if (one == other) continue;
      if (one->domain != other->domain && one->tenant != other->tenant) return kSharedByTenants;
      if (one->domain == other->domain && (one->flags & other->flags) == (kWrites | kRuns)) patience = kRunningTwice;
    }
  }
  return patience;
}

SharedVolumes::Conflict SharedVolumes::examine(std::uint64_t volume) const {
  Conflict conflict;
  for (const auto& [host, uses] : hosts_) {
    if (!std::ranges::binary_search(uses, volume, {}, &Use::volume)) continue;
    const auto value = table_.get(key_(host));
    v1::Inventory inventory;
    if (!value.ok() || !value->has_value() || !inventory.ParseFromString(**value)) continue;
    for (const v1::Domain& domain : inventory.domains()) {
      for (const v1::Volume& one : domain.volumes()) {
        if (!is_compared(one) || fingerprint(one.identity()) != volume) continue;
        if (conflict.identity.empty()) conflict.identity = one.identity();
        if (one.identity() != conflict.identity) continue;
        Holder holder{.holder = {}, .writes = writes(one), .runs = domain.state() == v1::DOMAIN_STATE_RUNNING};
        holder.holder.set_host_id(host);
        holder.holder.set_tenant(domain.tenant());
        holder.holder.set_domain_uuid(domain.uuid());
        holder.holder.set_domain_name(domain.name());
        holder.holder.set_source(one.source());
        holder.holder.set_read_only(one.read_only());
        conflict.holders.push_back(std::move(holder));
      }
    }
  }
  for (const Holder& one : conflict.holders) {
    if (!one.writes) continue;
    for (const Holder& other : conflict.holders) {
      const bool same_domain = one.holder.domain_uuid() == other.holder.domain_uuid();
      if (!same_domain && one.holder.tenant() != other.holder.tenant()) {
        conflict.by_tenants.insert({one.holder.tenant(), other.holder.tenant()});
      }
      if (same_domain && one.holder.host_id() != other.holder.host_id() && other.writes && one.runs && other.runs) {
        conflict.twice.insert(subject_of_domain(one.holder.domain_uuid()));
      }
    }
  }
  // Who can write comes first, and names the event's object.
  std::ranges::stable_sort(conflict.holders, {}, [](const Holder& one) {
    return std::tuple(!one.writes, one.holder.tenant(), one.holder.domain_uuid(), one.holder.host_id());
  });
  return conflict;
}

absl::Status SharedVolumes::remember(const Watch& watch) {
  v1::SharedVolume told;
  told.set_identity(watch.identity);
  const std::string domain_prefix = subject_of_domain("");
  for (const std::string& subject : watch.told) {
    v1::VolumeHolder& holder = *told.add_holders();
    if (subject.starts_with(domain_prefix)) {
      holder.set_domain_uuid(subject.substr(domain_prefix.size()));
    } else {
      holder.set_tenant(subject);
    }
  }
  return table_.put(kPrefix + watch.identity, told.SerializeAsString());
}

absl::Status SharedVolumes::forget(const Watch& watch) {
  return watch.identity.empty() ? absl::OkStatus() : table_.erase(kPrefix + watch.identity);
}

absl::Status SharedVolumes::settle(std::uint64_t volume, Watch& watch, absl::Time now,
                                   const std::function<absl::Status(v1::Event)>& tell) {
  const Conflict conflict = examine(volume);
  std::set<std::string> subjects = conflict.by_tenants;
  subjects.insert(conflict.twice.begin(), conflict.twice.end());
  if (subjects.empty() || std::ranges::includes(watch.told, subjects)) return absl::OkStatus();
  v1::Event event;
  set_time(now, event.mutable_time());
  event.mutable_shared_volume()->set_identity(conflict.identity);
  const v1::VolumeHolder& first = conflict.holders.front().holder;
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  object.set_tenant(first.tenant());
  object.set_domain_uuid(first.domain_uuid());
  object.set_domain_name(first.domain_name());
  object.set_id(first.source());
  event.set_path(first.source());
  for (const Holder& one : conflict.holders) {
    if (static_cast<std::size_t>(event.shared_volume().holders_size()) >= kHolders) break;
    *event.mutable_shared_volume()->add_holders() = one.holder;
  }
  if (auto status = tell(std::move(event)); !status.ok()) return status;
  watch.identity = conflict.identity;
  watch.told.insert(subjects.begin(), subjects.end());
  return remember(watch);
}

absl::Status SharedVolumes::look(absl::Time now, const std::function<absl::Status(v1::Event)>& tell) {
  const std::lock_guard lock(mutex_);
  for (const std::uint64_t volume : std::exchange(changed_, {})) watches_[volume].due = true;
  for (auto at = watches_.begin(); at != watches_.end();) {
    auto& [volume, watch] = *at;
    const absl::Duration patience = patience_for(all_of(volume));
    if (patience != absl::InfiniteDuration()) {
      watch.since = std::min(watch.since, now);
      watch.last_held = now;
      if (watch.due && now - watch.since >= patience) {
        if (auto status = settle(volume, watch, now, tell); !status.ok()) return status;
        watch.due = false;
      }
    } else {
      watch.since = absl::InfiniteFuture();
      // Told by the run before.
      if (watch.last_held == absl::InfinitePast() && !watch.told.empty()) watch.last_held = now;
      if (now - watch.last_held >= kOverAfter) {
        if (auto status = forget(watch); !status.ok()) return status;
        at = watches_.erase(at);
        continue;
      }
    }
    ++at;
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::directory

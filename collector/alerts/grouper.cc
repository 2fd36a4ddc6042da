#include "collector/alerts/grouper.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "collector/alerts/sha256.h"

namespace bulkhead::alerts {
namespace {

constexpr std::size_t kKeptPerHost = 32;
constexpr int kEvidenceEvents = 8;
// Beyond the first event, which is always kept.
constexpr std::size_t kEvidenceBytes = 32u << 10;

absl::Time time_of(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

absl::Time time_of(const v1::Event& event) {
  return time_of(event.time());
}

std::string hexadecimal(const Sha256& digest, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace

Grouper::Grouper(GroupingOptions options, HostnameResolver hostname)
    : options_(options), hostname_(std::move(hostname)) {}

std::string Grouper::identity_text(const std::string& rule, const v1::Event& event) {
  std::string text;
  append_field(text, rule);
  append_field(text, event.host_id());
  append_field(text, event.actor().tenant());
  append_field(text, event.object().tenant());
  append_field(text, event.object().id());
  if (event.has_frame_delivery()) {
    const v1::FrameDelivery& frame = event.frame_delivery();
    append_field(text, "ports");
    append_field(text, fmt::format("{}", frame.network_namespace()));
    append_field(text, frame.source_port());
    append_field(text, frame.destination_port());
    return text;
  }
  const v1::Process& process = event.actor().process();
  append_field(text, "process");
  append_field(text, fmt::format("{}", process.pid()));
  append_field(text, fmt::format("{}", process.start_time_ns()));
  append_field(text, process.executable());
  return text;
}

Grouper::Identity Grouper::identity(const std::string& text) {
  const Sha256 digest = sha256(text);
  Identity identity;
  std::copy_n(digest.begin(), identity.size(), identity.begin());
  return identity;
}

void Grouper::add(const detect::Finding& finding, const v1::Event& event) {
  const std::string text = identity_text(finding.rule->reference.id(), event);
  const Key key{identity(text), time_of(event)};
  const auto host = hosts_.find(event.host_id());
  if (host != hosts_.end()) {
    auto& groups = host->second.groups;
    const auto group = groups.upper_bound({key.first, key.second - options_.window});
    if (group != groups.end() && group->first.first == key.first &&
        group->first.second < key.second + options_.window) {
      return grow(group->second, finding, event);
    }
  }
  open_group(finding, event, text, key);
}

void Grouper::open_group(const detect::Finding& finding, const v1::Event& event, const std::string& text,
                         const Key& key) {
  std::string opening = text;
  append_field(opening, event.boot_id());
  append_field(opening, fmt::format("{}", event.sequence()));

  v1::Alert alert;
  alert.set_uid(hexadecimal(sha256(opening), 16));
  *alert.mutable_rule() = finding.rule->reference;
  alert.mutable_rule()->set_severity(finding.severity);
  alert.set_host_id(event.host_id());
  alert.set_hostname(hostname_(event.host_id()));
  alert.set_actor_tenant(event.actor().tenant());
  alert.set_object_tenant(event.object().tenant());
  *alert.mutable_actor() = event.actor();
  *alert.mutable_object() = event.object();
  *alert.mutable_first_time() = event.time();
  *alert.mutable_last_time() = event.time();
  alert.set_event_count(1);
  alert.set_message(finding.message);
  *alert.add_evidence() = event;

  make_room();
  Group& group = insert(event.host_id(), key, std::move(alert));
  group.opened = true;
  mark(group, true);
  forget_old(hosts_[event.host_id()]);
}

void Grouper::grow(Group& group, const detect::Finding& finding, const v1::Event& event) {
  v1::Alert& alert = group.alert;
  const absl::Time time = time_of(event);
  if (time < time_of(alert.first_time())) *alert.mutable_first_time() = event.time();
  if (time > time_of(alert.last_time())) *alert.mutable_last_time() = event.time();
  alert.set_event_count(alert.event_count() + 1);

  const bool rose = finding.severity > alert.rule().severity();
  if (rose) {
    alert.mutable_rule()->set_severity(finding.severity);
    alert.set_message(finding.message);
  }
  const std::size_t bytes = event.ByteSizeLong();
  if (alert.evidence_size() < kEvidenceEvents && group.evidence_bytes + bytes <= kEvidenceBytes) {
    *alert.add_evidence() = event;
    group.evidence_bytes += bytes;
  } else if (rose && alert.evidence_size() > 1) {
    // What the message tells of must be among the evidence.
    group.evidence_bytes -= alert.evidence(alert.evidence_size() - 1).ByteSizeLong();
    *alert.mutable_evidence(alert.evidence_size() - 1) = event;
    group.evidence_bytes += bytes;
  }
  mark(group, rose || std::has_single_bit(alert.event_count()));
}

void Grouper::mark(Group& group, bool notable) {
  group.notable = group.notable || notable;
  if (group.changed) return;
  group.changed = true;
  changed_.push_back(&group);
}

std::vector<Change> Grouper::take_changes() {
  std::vector<Change> changes = std::exchange(departed_, {});
  for (Group* group : changed_) {
    changes.push_back({group->alert, group->opened, group->notable});
    group->changed = group->opened = group->notable = false;
  }
  changed_.clear();
  std::ranges::sort(changes, {}, [](const Change& change) -> const std::string& { return change.alert.uid(); });
  return changes;
}

void Grouper::restore(v1::Alert alert) {
  if (alert.evidence().empty()) return;
  const v1::Event& opening = alert.evidence(0);
  const Key key{identity(identity_text(alert.rule().id(), opening)), time_of(opening)};
  const std::string host_id = opening.host_id();
  make_room();
  insert(host_id, key, std::move(alert));
  forget_old(hosts_[host_id]);
}

Grouper::Group& Grouper::insert(const std::string& host_id, const Key& key, v1::Alert alert) {
  Host& host = hosts_[host_id];
  const auto [position, added] = host.groups.try_emplace(key);
  if (added) ++open_;
  host.by_time.emplace(key.second, key.first);
  Group& group = position->second;
  group.evidence_bytes = 0;
  for (int i = 1; i < alert.evidence_size(); ++i) group.evidence_bytes += alert.evidence(i).ByteSizeLong();
  group.alert = std::move(alert);
  return group;
}

void Grouper::forget_old(Host& host) {
  auto& by_time = host.by_time;
  while (by_time.size() > kKeptPerHost && by_time.begin()->first < by_time.rbegin()->first - 2 * options_.window) {
    erase(host, by_time.begin());
  }
}

void Grouper::make_room() {
  while (open_ >= std::max<std::size_t>(options_.max_open, 1)) {
    const auto fullest =
        std::ranges::max_element(hosts_, {}, [](const auto& entry) { return entry.second.groups.size(); });
    erase(fullest->second, fullest->second.by_time.begin());
    if (fullest->second.groups.empty()) hosts_.erase(fullest);
  }
}

void Grouper::erase(Host& host, std::set<std::pair<absl::Time, Identity>>::const_iterator position) {
  const auto group = host.groups.find({position->second, position->first});
  if (group->second.changed) {
    std::erase(changed_, &group->second);
    departed_.push_back({std::move(group->second.alert), group->second.opened, group->second.notable});
  }
  host.groups.erase(group);
  host.by_time.erase(position);
  --open_;
}

}  // namespace bulkhead::alerts

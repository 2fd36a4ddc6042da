#include "collector/detect/correlator.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "collector/detect/compiled_rules.h"
#include "collector/detect/correlation_groups.h"
#include "collector/detect/one_line.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kHosts = 100000;
constexpr std::size_t kGroupValueBytes = 512;

// Events have times from 1970 to 2262; what is not in there, or so near to the end that no timespan fits after it,
// stands at the edge.
std::int64_t time_of(const v1::Event& event) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / kSecond - 100'000;
  return std::clamp<std::int64_t>(event.time().seconds(), 0, kLast) * kSecond +
         std::clamp<std::int64_t>(event.time().nanos(), 0, kSecond - 1);
}

// The whole value, so that no two are taken for one. Unknown tenants are not equal, so they are no group.
std::optional<std::string> value_of(const Field& field, const v1::Event& event) {
  std::string scratch;
  const Value value = field.get(event, scratch);
  if (!value.present) return std::nullopt;
  if (field.type == Type::kTenant && !same_tenant(value.text, value.text)) return std::nullopt;
  return is_text(field.type) ? std::string(value.text) : value_text(field, event);
}

std::string key_of(const std::vector<std::string>& values) {
  std::string key;
  for (const std::string& value : values) {
    key += std::to_string(value.size());
    key += ':';
    key += value;
  }
  return key;
}

// The event under way, serialized when the first one needs it.
class SharedEvent {
 public:
  explicit SharedEvent(const v1::Event& event) : event_(event) {}
  std::shared_ptr<const std::string> share() {
    if (!bytes_) bytes_ = std::make_shared<const std::string>(event_.SerializeAsString());
    return bytes_;
  }

 private:
  const v1::Event& event_;
  std::shared_ptr<const std::string> bytes_;
};

std::shared_ptr<const v1::Event> event_of(const std::string& bytes) {
  auto event = std::make_shared<v1::Event>();
  event->ParseFromString(bytes);
  return event;
}

std::int64_t horizon_of(const CompiledCorrelation& correlation, const CorrelatorOptions& options) {
  return correlation.shape.timespan_ns + absl::ToInt64Nanoseconds(options.lateness);
}

bool groups_by_host(const CompiledCorrelation& correlation) {
  return std::ranges::any_of(correlation.group_by, [](const Field* field) { return field->name == "event.host"; });
}

}  // namespace

class Correlator::Rule {
 public:
  Rule(const RuleInfo& info, const CompiledCorrelation& correlation, const CorrelatorOptions& options)
      : info_(info),
        correlation_(correlation),
        lateness_ns_(absl::ToInt64Nanoseconds(options.lateness)),
        groups_(options, horizon_of(correlation, options), groups_by_host(correlation), statistics_) {
    statistics_.rule = &info_;
  }
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  const CorrelationStatistics& statistics() const { return statistics_; }
  const CompiledCorrelation& compiled() const { return correlation_; }

  void add(const v1::Event& event, std::uint64_t rules, SharedEvent& shared, std::vector<CorrelatedFinding>& findings);

 private:
  bool read_values(const v1::Event& event, std::vector<std::string>& values, std::string& counted) const;
  bool is_late(const std::string& host_id, std::int64_t time_ns, const CorrelationGroup* group);
  Finding finding(const v1::Event& event) const;

  const RuleInfo& info_;
  const CompiledCorrelation& correlation_;
  const std::int64_t lateness_ns_;
  CorrelationStatistics statistics_;
  CorrelationGroups groups_;
  std::unordered_map<std::string, std::int64_t> newest_of_host_;
};

bool Correlator::Rule::read_values(const v1::Event& event, std::vector<std::string>& values,
                                   std::string& counted) const {
  for (const Field* field : correlation_.group_by) {
    auto value = value_of(*field, event);
    if (!value) return false;
    values.push_back(*std::move(value));
  }
  if (correlation_.field == nullptr) return true;
  auto value = value_of(*correlation_.field, event);
  if (value) counted = *std::move(value);
  return value.has_value();
}

bool Correlator::Rule::is_late(const std::string& host_id, std::int64_t time_ns, const CorrelationGroup* group) {
  // Hosts are few; a stream of made-up ones must not fill the memory.
  if (newest_of_host_.size() > kHosts) newest_of_host_.clear();
  std::int64_t& newest = newest_of_host_.try_emplace(host_id, time_ns).first->second;
  newest = std::max(newest, time_ns);
  if (newest - time_ns > lateness_ns_) return true;
  if (group != nullptr) return group->newest_ns - time_ns > lateness_ns_;
  return groups_.may_have_gone(host_id, time_ns, correlation_.shape.timespan_ns);
}

Finding Correlator::Rule::finding(const v1::Event& event) const {
  Finding finding{&info_, info_.reference.severity(), render(correlation_.output, event, correlation_.shape.count), {}};
  for (const Field* field : correlation_.group_by) {
    std::string value = value_text(*field, event);
    cut_text(value, kGroupValueBytes);
    finding.group.emplace_back(field->name, std::move(value));
  }
  return finding;
}

void Correlator::Rule::add(const v1::Event& event, std::uint64_t rules, SharedEvent& shared,
                           std::vector<CorrelatedFinding>& findings) {
  std::vector<std::string> values;
  CorrelationEntry entry;
  if (!read_values(event, values, entry.value)) {
    ++statistics_.events_without_group;
    return;
  }
  entry.order = {time_of(event), event.host_id(), event.boot_id(), event.sequence()};
  entry.rules = rules;
  const std::int64_t time_ns = entry.order.time_ns;
  const std::string key = key_of(values);
  CorrelationGroup* group = groups_.find(key);
  if (is_late(event.host_id(), time_ns, group)) ++statistics_.late_events;
  if (group == nullptr) {
    group = &groups_.open(key, event.object().tenant().empty() ? event.actor().tenant() : event.object().tenant());
  }
  const auto [position, known] = groups_.add(*group, std::move(entry));
  if (!known) ++statistics_.events;
  for (const std::size_t i : newly_contributing(correlation_.shape, group->entries, position, group->untold)) {
    // The event under way is the caller's own, and not kept.
    const auto bytes = groups_.tell(*group, i);
    auto earlier = bytes ? event_of(*bytes) : nullptr;
    findings.push_back({finding(earlier ? *earlier : event), std::move(earlier)});
    ++statistics_.findings;
  }
  CorrelationEntry& added = group->entries[position];
  if (!added.told && !added.event) added.event = shared.share();
  groups_.trim(*group, event.host_id(), time_ns);
}

Correlator::Correlator(std::shared_ptr<const RuleSet> rules, CorrelatorOptions options)
    : rules_(std::move(rules)), options_(options) {
  for (const CompiledCorrelation& correlation : rules_->compiled().correlations) {
    const RuleInfo& info = rules_->rules()[correlation.index];
    if (options_.only == nullptr ? !info.enabled : options_.only != &info) continue;
    correlations_.push_back(std::make_unique<Rule>(info, correlation, options_));
  }
}

Correlator::~Correlator() = default;
Correlator::Correlator(Correlator&&) noexcept = default;

std::vector<CorrelatedFinding> Correlator::add(const v1::Event& event, std::span<const Finding> base,
                                               RuleObserver* observer) {
  std::vector<CorrelatedFinding> findings;
  SharedEvent shared(event);
  if (observer != nullptr) observer->begin();
  for (const auto& correlation : correlations_) {
    std::uint64_t rules = 0;
    for (const Finding& finding : base) {
      const auto index = static_cast<std::size_t>(finding.rule - rules_->rules().data());
      const auto& bases = correlation->compiled().rules;
      for (std::size_t i = 0; i < bases.size(); ++i) rules |= bases[i] == index ? std::uint64_t{1} << i : 0;
    }
    if (rules != 0) correlation->add(event, rules, shared, findings);
    if (observer != nullptr) observer->judged(*correlation->statistics().rule);
  }
  return findings;
}

absl::Duration Correlator::horizon() const {
  std::int64_t longest = 0;
  for (const auto& correlation : correlations_) {
    longest = std::max(longest, horizon_of(correlation->compiled(), options_));
  }
  return absl::Nanoseconds(longest);
}

std::vector<CorrelationStatistics> Correlator::statistics() const {
  std::vector<CorrelationStatistics> all;
  for (const auto& correlation : correlations_) all.push_back(correlation->statistics());
  return all;
}

}  // namespace bulkhead::detect

#include "collector/alerts/silences.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/alerts/life_cycle.h"
#include "proto/batch/event_time.h"
#include "proto/batch/limits.h"
#include "text/random_id.h"

namespace bulkhead::alerts {
namespace {

constexpr char kPrefix[] = "silence/";
constexpr absl::Duration kLongest = absl::Hours(24 * 366);
constexpr std::size_t kMost = 10'000;

using batch::time_of;

bool holds(const v1::Silence& silence, absl::Time now) {
  return now < time_of(silence.until());
}

bool matches(const v1::Silence& silence, const v1::Alert& alert) {
  if (!silence.alert_uid().empty() && silence.alert_uid() != alert.uid()) return false;
  if (!silence.rule().empty() && silence.rule() != alert.rule().id()) return false;
  if (!silence.host().empty() && silence.host() != alert.host_id() && silence.host() != alert.hostname()) return false;
  return silence.tenant().empty() || silence.tenant() == alert.actor_tenant() ||
         silence.tenant() == alert.object_tenant();
}

absl::Status check(const v1::Silence& silence, absl::Time now) {
  if (auto status = check_by(silence.by()); !status.ok()) return status;
  if (auto status = check_why(silence.why()); !status.ok()) return status;
  const auto& fields = {silence.rule(), silence.host(), silence.tenant(), silence.alert_uid()};
  if (std::ranges::all_of(fields, &std::string::empty)) {
    return absl::InvalidArgumentError("a silence names a rule, a host, a tenant or an alert; this one would hide all");
  }
  if (std::ranges::any_of(fields, [](const std::string& text) { return text.size() > limits::kStringBytes; })) {
    return absl::InvalidArgumentError("a silence has a name that is too long");
  }
  if (!silence.has_until() || !batch::nanoseconds_of(silence.until()) || time_of(silence.until()) <= now) {
    return absl::InvalidArgumentError("'until' is missing or over already");
  }
  if (time_of(silence.until()) > now + kLongest) return absl::InvalidArgumentError("'until' is more than a year away");
  return absl::OkStatus();
}

std::pair<absl::Time, std::string> key_of(const v1::Silence& silence) {
  return {time_of(silence.created()), silence.id()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Silences>> Silences::open(store::Table& table) {
  std::unique_ptr<Silences> silences(new Silences(table));
  bool readable = true;
  const auto status = table.for_each(kPrefix, [&](std::string_view, std::string_view value) {
    v1::Silence silence;
    readable = silence.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (readable) silences->silences_[key_of(silence)] = silence;
    return readable;
  });
  if (!status.ok()) return status;
  if (!readable) return absl::DataLossError("a silence in the store cannot be read");
  return silences;
}

absl::StatusOr<v1::Silence> Silences::create(v1::Silence silence, absl::Time now) {
  if (auto status = check(silence, now); !status.ok()) return status;
  silence.set_id(text::random_id("S-"));
  batch::set_nanoseconds(absl::ToUnixNanos(now), silence.mutable_created());
  const std::lock_guard lock(mutex_);
  if (silences_.size() >= kMost) return absl::ResourceExhaustedError(absl::StrCat("there are ", kMost, " silences"));
  if (auto status = table_.put(kPrefix + silence.id(), silence.SerializeAsString()); !status.ok()) return status;
  silences_[key_of(silence)] = silence;
  return silence;
}

absl::StatusOr<v1::Silence> Silences::end(const std::string& id, const std::string& by, const std::string& why,
                                          absl::Time now) {
  if (auto status = check_by(by); !status.ok()) return status;
  if (auto status = check_why(why); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(silences_, [&](const auto& entry) { return entry.second.id() == id; });
  if (found == silences_.end()) return absl::NotFoundError(absl::StrCat("there is no silence ", id));
  if (!holds(found->second, now)) return absl::FailedPreconditionError(absl::StrCat("silence ", id, " is over"));
  v1::Silence ended = found->second;
  batch::set_nanoseconds(absl::ToUnixNanos(now), ended.mutable_until());
  ended.set_ended_by(by);
  ended.set_ended_why(why);
  if (auto status = table_.put(kPrefix + id, ended.SerializeAsString()); !status.ok()) return status;
  found->second = ended;
  return ended;
}

std::vector<v1::Silence> Silences::list(bool all, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::Silence> list;
  for (const auto& [key, silence] : silences_) {
    if (all || holds(silence, now)) list.push_back(silence);
  }
  return list;
}

std::string Silences::match(const v1::Alert& alert, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, silence] : silences_) {
    if (holds(silence, now) && matches(silence, alert)) return silence.id();
  }
  return {};
}

bool Silences::take_ended(absl::Time now) {
  const std::lock_guard lock(mutex_);
  const absl::Time since = std::exchange(ends_seen_through_, now);
  return std::ranges::any_of(silences_, [&](const auto& entry) {
    const absl::Time until = time_of(entry.second.until());
    return until > since && until <= now;
  });
}

void Silences::put_back_ended() {
  const std::lock_guard lock(mutex_);
  ends_seen_through_ = absl::InfinitePast();
}

bool Silences::in_force(const std::string& id, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(silences_,
                             [&](const auto& entry) { return entry.second.id() == id && holds(entry.second, now); });
}

}  // namespace bulkhead::alerts

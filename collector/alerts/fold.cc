#include "collector/alerts/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>

#include "collector/alerts/event_order.h"
#include "collector/alerts/sha256.h"
#include "proto/batch/event_time.h"

namespace bulkhead::alerts {
namespace {

constexpr int kEvidenceEvents = 8;
// Beyond the first event, which is always kept.
constexpr std::size_t kEvidenceBytes = 32u << 10;

std::string hexadecimal(const Sha256& digest, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

// Who acted, as a person would say: the same program run again by the same user is the same actor.
void append_actor(const v1::Event& event, std::string& text) {
  if (event.has_frame_delivery()) {
    const v1::FrameDelivery& frame = event.frame_delivery();
    append_field(text, "ports");
    append_field(text, fmt::format("{}", frame.network_namespace()));
    append_field(text, frame.source_port());
    append_field(text, frame.destination_port());
    return;
  }
  const v1::Actor& actor = event.actor();
  append_field(text, "program");
  append_field(text, actor.process().executable());
  append_field(text, fmt::format("{}", actor.uid()));
  append_field(text, fmt::format("{}", actor.login_uid()));
  append_field(text, actor.domain_uuid());
  if (!event.has_control_call()) return;
  // What was asked for is what the alert says; over the network the address is all that is known of who asked.
  append_field(text, event.control_call().procedure());
  append_field(text, event.control_call().peer_address());
}

bool same_process(const v1::Event& left, const v1::Event& right) {
  const v1::Process& a = left.actor().process();
  const v1::Process& b = right.actor().process();
  return left.host_id() == right.host_id() && a.pid() == b.pid() && a.start_time_ns() == b.start_time_ns();
}

bool same_event(const v1::Event& event, const v1::EventIdentity& identity) {
  return compare(identity_of(event), identity) == 0;
}

// The message's event apart, the evidence is the longest beginning of all events in their order that the limits allow.
class Evidence {
 public:
  explicit Evidence(v1::Alert& alert) : alert_(alert) {}

  void add(const v1::Event& event, const v1::Event* message_event) {
    std::vector<v1::Event> kept;
    for (const v1::Event& one : alert_.evidence()) {
      if (!is_left_out(identity_of(one))) kept.push_back(one);
    }
    if (!is_left_out(identity_of(event))) {
      const auto place = std::ranges::find_if(
          kept, [&](const v1::Event& one) { return compare(identity_of(event), identity_of(one)) < 0; });
      kept.insert(place, event);
    }
    cut(kept);
    const bool told_of = message_event == nullptr || std::ranges::any_of(kept, [&](const v1::Event& one) {
                           return same_event(one, alert_.message_event());
                         });
    if (!told_of) kept.push_back(*message_event);
    alert_.clear_evidence();
    for (v1::Event& one : kept) *alert_.add_evidence() = std::move(one);
  }

 private:
  bool is_left_out(const v1::EventIdentity& identity) const {
    return alert_.has_first_left_out() && compare(identity, alert_.first_left_out()) >= 0;
  }

  void cut(std::vector<v1::Event>& kept) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (i > 0) bytes += kept[i].ByteSizeLong();
      if (i < static_cast<std::size_t>(kEvidenceEvents) && bytes <= kEvidenceBytes) continue;
      *alert_.mutable_first_left_out() = identity_of(kept[i]);
      kept.resize(i);
      return;
    }
  }

  v1::Alert& alert_;
};

// The event that the message is of: the first of those with the highest severity.
bool becomes_message(const detect::Finding& finding, const v1::Event& event, const v1::Alert& alert) {
  if (!alert.has_message_event()) return true;
  const v1::Severity highest = alert.rule().severity();
  if (finding.severity != highest) return finding.severity > highest;
  return compare(identity_of(event), alert.message_event()) < 0;
}

void set_first(const v1::Event& event, v1::Alert& alert) {
  *alert.mutable_first_time() = event.time();
  alert.set_host_id(event.host_id());
  alert.set_actor_tenant(event.actor().tenant());
  alert.set_object_tenant(event.object().tenant());
  *alert.mutable_actor() = event.actor();
  *alert.mutable_object() = event.object();
}

}  // namespace

std::string alert_uid(const detect::Finding& finding, const v1::Event& event, const Authorisation& authorisation,
                      absl::Duration period) {
  const absl::Time time = batch::time_of(event.time());
  absl::Duration rest;
  const std::int64_t number = absl::IDivDuration(time - absl::UnixEpoch(), period, &rest);
  std::string text;
  append_field(text, finding.rule->reference.id());
  append_field(text, fmt::format("{}", absl::ToInt64Seconds(number * period)));
  append_field(text, authorisation.grant_id);
  append_field(text, authorisation.deviation);
  append_field(text, authorisation.allowed_by);
  if (!finding.group.empty()) {
    append_field(text, "group");
    for (const auto& [field, value] : finding.group) {
      append_field(text, field);
      append_field(text, value);
    }
    return hexadecimal(sha256(text), 16);
  }
  append_field(text, event.host_id());
  append_field(text, event.actor().tenant());
  append_field(text, event.object().tenant());
  append_field(text, event.object().id());
  append_actor(event, text);
  return hexadecimal(sha256(text), 16);
}

v1::Alert empty_alert(std::string uid, const detect::Finding& finding, const Authorisation& authorisation) {
  v1::Alert alert;
  alert.set_uid(std::move(uid));
  *alert.mutable_rule() = finding.rule->reference;
  alert.mutable_rule()->set_severity(v1::SEVERITY_UNKNOWN);
  alert.set_state(authorisation.allowed() ? v1::ALERT_STATE_AUTHORISED : v1::ALERT_STATE_OPEN);
  alert.set_grant_id(authorisation.grant_id);
  alert.set_grant_deviation(authorisation.deviation);
  alert.set_allowed_by(authorisation.allowed_by);
  for (const auto& [field, value] : finding.group) {
    v1::GroupValue& group = *alert.add_group();
    group.set_field(field);
    group.set_value(value);
  }
  return alert;
}

Folded fold(const detect::Finding& finding, const v1::Event& event, v1::Alert& alert) {
  const v1::EventIdentity identity = identity_of(event);
  const bool first = alert.event_count() == 0;
  // The evidence begins with the first event of all.
  if (first || compare(identity, identity_of(alert.evidence(0))) < 0) set_first(event, alert);
  const auto later = [](const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
    return std::make_pair(a.seconds(), a.nanos()) > std::make_pair(b.seconds(), b.nanos());
  };
  if (first || later(event.time(), alert.last_time())) *alert.mutable_last_time() = event.time();
  alert.set_event_count(alert.event_count() + 1);

  Folded folded{.notable = finding.severity > alert.rule().severity() || std::has_single_bit(alert.event_count())};
  const bool other_process =
      std::ranges::none_of(alert.evidence(), [&](const v1::Event& one) { return same_process(one, event); });
  if (becomes_message(finding, event, alert)) {
    alert.mutable_rule()->set_severity(finding.severity);
    std::string message = finding.message;
    if (!alert.grant_deviation().empty()) {
      message += fmt::format("; grant {} does not cover it: {}", alert.grant_id(), alert.grant_deviation());
    }
    alert.set_message(std::move(message));
    *alert.mutable_message_event() = identity;
    Evidence(alert).add(event, &event);
  } else {
    v1::Event message_event;
    for (const v1::Event& one : alert.evidence()) {
      if (same_event(one, alert.message_event())) message_event = one;
    }
    Evidence(alert).add(event, &message_event);
  }
  // Only of those that are shown, so that a flood of processes is not a flood of news.
  const bool shown = !alert.has_first_left_out() || compare(identity, alert.first_left_out()) < 0;
  folded.notable = folded.notable || (other_process && shown);
  return folded;
}

}  // namespace bulkhead::alerts

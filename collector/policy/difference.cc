#include "collector/policy/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/time/time.h"
#include "collector/policy/operations.h"

namespace bulkhead::policy {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kNotCompared[] = {"version", "sha256", "valid_from"};

std::string show(const Message& message);

// One value of a field, as a person would write it in the file.
std::string show(const Message& message, const FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection.GetRepeatedString(message, &field, index) : reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return show(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                           : reflection.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return std::string(
          name_of(static_cast<v1::Operation>(repeated ? reflection.GetRepeatedEnumValue(message, &field, index)
                                                      : reflection.GetEnumValue(message, &field))));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::format("{}", reflection.GetUInt32(message, &field));
    default:
      return "?";  // no policy has one: a test goes through all fields
  }
}

std::string show(const Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  if (type.full_name() == "google.protobuf.Timestamp" || type.full_name() == "google.protobuf.Duration") {
    const std::int64_t seconds = reflection.GetInt64(message, type.FindFieldByNumber(1));
    const std::int32_t nanos = reflection.GetInt32(message, type.FindFieldByNumber(2));
    const absl::Duration duration = absl::Seconds(seconds) + absl::Nanoseconds(nanos);
    if (type.name() == "Duration") return absl::FormatDuration(duration);
    return absl::FormatTime(absl::RFC3339_full, absl::UnixEpoch() + duration, absl::UTCTimeZone());
  }
  std::string text;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string value = field.is_repeated() ? "" : show(message, field, 0);
    if (!value.empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name(), value);
  }
  return fmt::format("{{{}}}", text);
}

std::set<std::string> all_of(const Message& message, const FieldDescriptor& field) {
  std::set<std::string> values;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) values.insert(show(message, field, i));
  return values;
}

// "not set" stands for what means something of its own, such as any user.
std::string one_of(const Message& message, const FieldDescriptor& field) {
  if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) return "not set";
  const std::string value = show(message, field, 0);
  return value.empty() ? "not set" : value;
}

void compare_field(const Message& before, const Message& after, const FieldDescriptor& field,
                   std::vector<std::string>& changes) {
  if (!field.is_repeated()) {
    const std::string old_value = one_of(before, field);
    const std::string new_value = one_of(after, field);
    if (old_value != new_value) changes.push_back(fmt::format("{}: {} → {}", field.name(), old_value, new_value));
    return;
  }
  const auto old_values = all_of(before, field);
  const auto new_values = all_of(after, field);
  std::vector<std::string> moved;
  for (const auto& value : old_values) {
    if (!new_values.contains(value)) moved.push_back("-" + value);
  }
  for (const auto& value : new_values) {
    if (!old_values.contains(value)) moved.push_back("+" + value);
  }
  if (!moved.empty()) changes.push_back(fmt::format("{}: {}", field.name(), fmt::join(moved, " ")));
}

std::vector<std::string> compare(const Message& before, const Message& after) {
  std::vector<std::string> changes;
  for (int i = 0; i < before.GetDescriptor()->field_count(); ++i) {
    compare_field(before, after, *before.GetDescriptor()->field(i), changes);
  }
  return changes;
}

// Entries by their first field (id, name, host), or by themselves where they are texts.
std::map<std::string, const Message*> entries_of(const v1::Policy& policy, const FieldDescriptor& field) {
  std::map<std::string, const Message*> entries;
  const auto& reflection = *policy.GetReflection();
  for (int i = 0; i < reflection.FieldSize(policy, &field); ++i) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      entries.emplace(show(policy, field, i), nullptr);
      continue;
    }
    const Message& entry = reflection.GetRepeatedMessage(policy, &field, i);
    entries.emplace(show(entry, *entry.GetDescriptor()->field(0), 0), &entry);
  }
  return entries;
}

void compare_section(const v1::Policy& before, const v1::Policy& after, const FieldDescriptor& field,
                     std::vector<Difference>& found) {
  using Kind = Difference::Kind;
  const auto old_entries = entries_of(before, field);
  const auto new_entries = entries_of(after, field);
  for (const auto& [name, entry] : old_entries) {
    const auto now = new_entries.find(name);
    if (now == new_entries.end()) {
      found.push_back({Kind::kRemoved, field.name(), name, {}});
    } else if (entry != nullptr) {
      auto changes = compare(*entry, *now->second);
      if (!changes.empty()) found.push_back({Kind::kChanged, field.name(), name, std::move(changes)});
    }
  }
  for (const auto& [name, entry] : new_entries) {
    if (!old_entries.contains(name)) found.push_back({Kind::kAdded, field.name(), name, {}});
  }
}

std::vector<std::string> matched_tenants(const v1::Policy& policy, const v1::Policy& other) {
  std::set<std::string> common;
  for (const auto& tenant : other.tenants()) {
    if (!tenant.domains().empty()) common.insert(tenant.id());
  }
  std::vector<std::string> order;
  for (const auto& tenant : policy.tenants()) {
    if (!tenant.domains().empty() && common.contains(tenant.id())) order.push_back(tenant.id());
  }
  return order;
}

}  // namespace

std::vector<Difference> differences(const v1::Policy& before, const v1::Policy& after) {
  std::vector<Difference> found;
  const auto& type = *v1::Policy::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (std::ranges::find(kNotCompared, field.name()) != std::end(kNotCompared)) continue;
    if (field.is_repeated()) {
      compare_section(before, after, field, found);
    } else {
      auto changes =
          compare(before.GetReflection()->GetMessage(before, &field), after.GetReflection()->GetMessage(after, &field));
      if (!changes.empty()) found.push_back({Difference::Kind::kChanged, field.name(), "", std::move(changes)});
    }
    if (field.number() == v1::Policy::kTenantsFieldNumber &&
        matched_tenants(before, after) != matched_tenants(after, before)) {
      found.push_back({Difference::Kind::kChanged, field.name(), "", {"the order, in which the first match decides"}});
    }
  }
  return found;
}

}  // namespace bulkhead::policy

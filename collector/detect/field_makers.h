// What the rows of fields() are made with. Private to this folder.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "collector/detect/fields.h"

namespace bulkhead::detect {

using Choices = std::vector<std::pair<std::string, int>>;

constexpr KindMask mask(v1::Event::PayloadCase kind) {
  return KindMask{1} << (kind - v1::Event::kMemoryAccess + 1);
}
inline constexpr KindMask kMemory = mask(v1::Event::kMemoryAccess);
inline constexpr KindMask kFile = mask(v1::Event::kFileOpen);
inline constexpr KindMask kFrame = mask(v1::Event::kFrameDelivery);
inline constexpr KindMask kLoss = mask(v1::Event::kLoss);
inline constexpr KindMask kTenantChange = mask(v1::Event::kTenantChange);
inline constexpr KindMask kGrantChange = mask(v1::Event::kGrantChange);
inline constexpr KindMask kPolicyChange = mask(v1::Event::kPolicyChange);
inline constexpr KindMask kControl = mask(v1::Event::kControlCall);
inline constexpr KindMask kEndpoint = mask(v1::Event::kEndpointAccess);
inline constexpr KindMask kVmmAct = mask(v1::Event::kVmmAct);
inline constexpr KindMask kHolding = mask(v1::Event::kHolding);
inline constexpr KindMask kPageMerge = mask(v1::Event::kPageMerge);
inline constexpr KindMask kSensorFault = mask(v1::Event::kSensorFault);
inline constexpr KindMask kCoverageChange = mask(v1::Event::kCoverageChange);
inline constexpr KindMask kAgentStop = mask(v1::Event::kAgentStop);
inline constexpr KindMask kCoreDump = mask(v1::Event::kCoreDump);
inline constexpr KindMask kClaim = mask(v1::Event::kClaim);
inline constexpr KindMask kSiblingTime = mask(v1::Event::kSiblingTime);
inline constexpr KindMask kVolumeIo = mask(v1::Event::kVolumeIo);
inline constexpr KindMask kVolumeChange = mask(v1::Event::kVolumeChange);
inline constexpr KindMask kVolumeMapping = mask(v1::Event::kVolumeMapping);
inline constexpr KindMask kResidueRead = mask(v1::Event::kResidueRead);
inline constexpr KindMask kWipeRecord = mask(v1::Event::kWipeRecord);
inline constexpr KindMask kSharedVolume = mask(v1::Event::kSharedVolume);
inline constexpr KindMask kAccesses = kMemory | kFile | kFrame | kControl | kEndpoint | kVmmAct | kHolding |
                                      kPageMerge | kClaim | kSiblingTime | kVolumeIo | kVolumeChange | kVolumeMapping |
                                      kResidueRead;

// A getter is a lambda without captures, so each of these makes a plain function of it.
template <typename T>
concept Stateless = std::is_empty_v<T>;

template <Stateless Getter>
Field text(std::string_view name, KindMask kinds, Getter, std::string_view description, Type type = Type::kText) {
  return {name, type, description, kinds,
          [](const v1::Event& event, std::string&) { return Value::of_text(Getter{}(event)); }};
}

template <Stateless Getter>
Field tenant(std::string_view name, KindMask kinds, Getter getter, std::string_view description) {
  return text(name, kinds, getter, description, Type::kTenant);
}

// For text that has to be made first.
template <Stateless Getter>
Field made_text(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kText, description, kinds, [](const v1::Event& event, std::string& scratch) {
            scratch = Getter{}(event);
            return Value::of_text(scratch);
          }};
}

template <Stateless Getter>
Field number(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kNumber, description, kinds,
          [](const v1::Event& event, std::string&) { return Getter{}(event); }};
}

template <Stateless Getter>
Field flag(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kFlag, description, kinds,
          [](const v1::Event& event, std::string&) { return Value::of_flag(Getter{}(event)); }};
}

template <Stateless Getter>
Field choice(std::string_view name, KindMask kinds, Choices choices, Getter, std::string_view description) {
  return {name,
          Type::kChoice,
          description,
          kinds,
          [](const v1::Event& event, std::string&) {
            const int value = Getter{}(event);
            return Value::of_number(value, value != 0);
          },
          std::move(choices)};
}

// A list of texts. As one text, for messages, its items have commas between them.
template <Stateless Getter>
Field list(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  Field field{name, Type::kList, description, kinds, [](const v1::Event& event, std::string& scratch) {
                std::vector<std::string_view> items;
                Getter{}(event, items);
                scratch.clear();
                for (const std::string_view item : items) {
                  if (!scratch.empty()) scratch += ", ";
                  scratch += item;
                }
                return Value::of_text(scratch);
              }};
  field.items = [](const v1::Event& event, std::vector<std::string_view>& items) { Getter{}(event, items); };
  return field;
}

// PROBE_MEMORY_PTRACE is written memory_ptrace. The number 0 (unspecified) is an absent value and has no name.
Choices names_of(const google::protobuf::EnumDescriptor& descriptor, std::string_view prefix);

// Of what the payloads of the kinds hold; field_table.cc has those that all events have.
void add_payload_fields(std::vector<Field>& table);
// The control plane's: control_call and endpoint_access.
void add_control_fields(std::vector<Field>& table);
// Of the VMM's own acts, of what a sweep found, of KSM and siblings, and of the agent itself.
void add_host_fields(std::vector<Field>& table);
void add_disk_fields(std::vector<Field>& table);

}  // namespace bulkhead::detect

// The fields of an event that conditions and outputs can name: one table, from which docs/rules.md is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/value.h"

namespace bulkhead::detect {

// A set of event kinds (cases of Event's payload); bit 0 is an event without payload.
using KindMask = std::uint32_t;
inline constexpr KindMask kAllKinds = ~KindMask{0};
KindMask kind_bit(v1::Event::PayloadCase kind);
// Below the number of kinds that kind_bit() tells apart.
std::size_t kind_index(v1::Event::PayloadCase kind);
inline constexpr std::size_t kKindLimit = 32;

struct Field {
  std::string_view name;
  Type type = Type::kText;
  std::string_view description;
  // Kinds of events that can have it; for all others it is absent.
  KindMask kinds = kAllKinds;
  // `scratch` may hold the text of the value that is returned.
  Value (*get)(const v1::Event& event, std::string& scratch) = nullptr;
  // kChoice: names and numbers, in the order of the numbers.
  std::vector<std::pair<std::string, int>> choices = {};
  // kList: adds the items, which live as long as the event.
  void (*items)(const v1::Event& event, std::vector<std::string_view>& items) = nullptr;
};

// In the order of the documentation. The table lives as long as the process.
std::span<const Field> fields();

// Null if there is none of that name.
const Field* find_field(std::string_view name);

// Of all fields, for suggestions.
std::vector<std::string_view> field_names();

// "actor", "event", …: what stands before the first dot of some field.
bool is_field_family(std::string_view word);

// "text", "tenant", "number", "flag", "choice" or "list".
std::string_view type_name(Type type);

// Unknown is not equal: the empty tenant and "unknown" equal nothing, not even themselves.
bool same_tenant(std::string_view a, std::string_view b);

}  // namespace bulkhead::detect

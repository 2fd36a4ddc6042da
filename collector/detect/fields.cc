#include "collector/detect/fields.h"

#include <unordered_map>

#include "collector/detect/field_table.h"

namespace bulkhead::detect {

std::size_t kind_index(v1::Event::PayloadCase kind) {
  if (kind == v1::Event::PAYLOAD_NOT_SET) return 0;
  return static_cast<std::size_t>(kind - v1::Event::kMemoryAccess + 1);
}

KindMask kind_bit(v1::Event::PayloadCase kind) {
  return KindMask{1} << kind_index(kind);
}

std::span<const Field> fields() {
  // Never destroyed: rule sets point into it.
  static const auto& table = *new std::vector<Field>(make_field_table());
  return table;
}

const Field* find_field(std::string_view name) {
  static const auto& by_name = *[] {
    auto* index = new std::unordered_map<std::string_view, const Field*>;
    for (const Field& field : fields()) index->emplace(field.name, &field);
    return index;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

std::vector<std::string_view> field_names() {
  std::vector<std::string_view> names;
  for (const Field& field : fields()) names.push_back(field.name);
  return names;
}

bool is_field_family(std::string_view word) {
  for (const Field& field : fields()) {
    if (field.name.substr(0, field.name.find('.')) == word) return true;
  }
  return false;
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kText:
      return "text";
    case Type::kTenant:
      return "tenant";
    case Type::kNumber:
      return "number";
    case Type::kFlag:
      return "flag";
    case Type::kChoice:
      return "choice";
    case Type::kList:
      return "list";
  }
  return "";
}

bool same_tenant(std::string_view a, std::string_view b) {
  return !a.empty() && a != "unknown" && a == b;
}

}  // namespace bulkhead::detect

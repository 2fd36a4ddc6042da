#include "collector/detect/list_table.h"

#include <fmt/format.h>

namespace bulkhead::detect {
namespace {

constexpr int kNesting = 32;
constexpr std::size_t kListItems = 20000;
// Of all lists together, so that lists of lists cannot multiply.
constexpr std::size_t kTotalItems = 200000;

}  // namespace

ListTable::ListTable(std::span<const ListDefinition> definitions, Problems& problems) : problems_(problems) {
  for (const ListDefinition& definition : definitions) {
    const auto [entry, added] = entries_.try_emplace(definition.list.text);
    if (added) {
      entry->second.definition = &definition;
    } else {
      problems_.add(definition.list.place, fmt::format("the list '{}' is defined already at {}", definition.list.text,
                                                       to_string(entry->second.definition->list.place)));
    }
  }
  for (auto& [name, entry] : entries_) expand(entry, 0);
}

bool ListTable::append(Entry& entry, const SourceText& item) {
  if (entry.items.size() >= kListItems || total_ >= kTotalItems) {
    problems_.add(entry.definition->list.place,
                  fmt::format("with the lists in it, the list '{}' makes more than {} items, or all lists more than {}",
                              entry.definition->list.text, kListItems, kTotalItems));
    return false;
  }
  entry.items.push_back(item);
  ++total_;
  return true;
}

void ListTable::expand(Entry& entry, int depth) {
  if (entry.state == Entry::kDone) return;
  entry.state = Entry::kUnderWay;
  for (const SourceText& item : entry.definition->items) {
    const auto inner = item.quoted ? entries_.end() : entries_.find(item.text);
    if (inner == entries_.end()) {
      if (!append(entry, item)) break;
      continue;
    }
    if (inner->second.state == Entry::kUnderWay || depth >= kNesting) {
      problems_.add(item.place, inner->second.state == Entry::kUnderWay
                                    ? fmt::format("the list '{}' contains itself", item.text)
                                    : fmt::format("lists are nested more than {} deep", kNesting));
      break;
    }
    expand(inner->second, depth + 1);
    bool room = true;
    for (const SourceText& inherited : inner->second.items) room = room && append(entry, inherited);
    if (!room) break;
  }
  entry.state = Entry::kDone;
}

const std::vector<SourceText>* ListTable::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.items;
}

std::vector<std::string_view> ListTable::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

}  // namespace bulkhead::detect

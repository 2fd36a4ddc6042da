// Lists by name, with the lists that they name in turn written out.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/detect/rule_reader.h"

namespace bulkhead::detect {

class ListTable {
 public:
  // The definitions and problems must outlive the table.
  ListTable(std::span<const ListDefinition> definitions, Problems& problems);

  // Null if there is no such list.
  const std::vector<SourceText>* find(std::string_view name) const;
  std::vector<std::string_view> names() const;

 private:
  struct Entry {
    const ListDefinition* definition = nullptr;
    enum { kUntouched, kUnderWay, kDone } state = kUntouched;
    std::vector<SourceText> items;
  };

  void expand(Entry& entry, int depth);
  bool append(Entry& entry, const SourceText& item);

  std::map<std::string, Entry, std::less<>> entries_;
  std::size_t total_ = 0;
  Problems& problems_;
};

}  // namespace bulkhead::detect

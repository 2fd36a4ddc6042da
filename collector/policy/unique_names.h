// What may stand once in a file, and where it stood first. Internal to collector/policy.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/policy/draft.h"
#include "collector/policy/faults.h"

namespace bulkhead::policy {

class UniqueNames {
 public:
  // `what` names the kind in messages, such as "tenant".
  UniqueNames(std::string what, Faults& faults) : what_(std::move(what)), faults_(faults) {}

  // False, and a fault, when it was there before.
  bool add(const Text& name) {
    if (name.value.empty()) return false;
    const auto [known, added] = places_.try_emplace(name.value, name.place);
    if (!added) {
      faults_.add(name.place,
                  fmt::format("{} {} is there twice, first at {}", what_, shown(name.value), to_string(known->second)));
    }
    return added;
  }

  void add_all(const std::vector<Text>& names) {
    for (const Text& name : names) add(name);
  }

 private:
  const std::string what_;
  Faults& faults_;
  std::map<std::string, Place> places_;
};

}  // namespace bulkhead::policy

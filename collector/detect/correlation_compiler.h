// Correlation definitions, checked. Private to this folder.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "collector/detect/compiled_rules.h"
#include "collector/detect/rule_reader.h"

namespace bulkhead::detect {

// `rules` are the ids and indices of the rules that judge single events, in RuleSet::rules(). Nothing when there were
// errors; they are in the problems. `index` is the caller's.
std::optional<CompiledCorrelation> compile_correlation(const CorrelationDefinition& definition,
                                                       const std::map<std::string, std::size_t>& rules,
                                                       const std::map<std::string, Place>& all_ids, Problems& problems);

}  // namespace bulkhead::detect

#include "collector/detect/correlation_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kRules = 64;
constexpr std::size_t kGroupFields = 16;
// Half of what a group keeps, so that a full one can still tell.
constexpr std::uint64_t kCount = 500;
constexpr absl::Duration kShortest = absl::Seconds(1);
constexpr absl::Duration kLongest = absl::Hours(24);

constexpr std::pair<std::string_view, CorrelationType> kTypes[] = {
    {"event_count", CorrelationType::kEventCount},
    {"value_count", CorrelationType::kValueCount},
    {"temporal", CorrelationType::kTemporal},
    {"temporal_ordered", CorrelationType::kTemporalOrdered},
};

class CorrelationCompiler {
 public:
  CorrelationCompiler(const CorrelationDefinition& definition, const std::map<std::string, std::size_t>& rules,
                      const std::map<std::string, Place>& all_ids, Problems& problems)
      : definition_(definition), rules_(rules), all_ids_(all_ids), problems_(problems) {}

  std::optional<CompiledCorrelation> compile() {
    read_type();
    read_rules();
    read_group();
    read_timespan();
    read_condition();
    auto output = parse_output(definition_.output, problems_, true);
    if (!good_ || !output) return std::nullopt;
    compiled_.output = *std::move(output);
    return std::move(compiled_);
  }

 private:
  void fail(const SourceText& at, std::string_view message) {
    problems_.add(at.place, message);
    good_ = false;
  }

  bool temporal() const {
    return compiled_.shape.type == CorrelationType::kTemporal ||
           compiled_.shape.type == CorrelationType::kTemporalOrdered;
  }

  void read_type() {
    std::vector<std::string_view> names;
    for (const auto& [name, type] : kTypes) {
      names.push_back(name);
      if (name != definition_.type.text) continue;
      compiled_.shape.type = type;
      return;
    }
    fail(definition_.type, fmt::format("'{}' is no type of correlation{}; expected one of {}", definition_.type.text,
                                       text::did_you_mean(definition_.type.text, names), fmt::join(names, ", ")));
  }

  void read_rules() {
    if (definition_.rules.empty()) fail(definition_.id, "a correlation has at least one rule");
    if (definition_.rules.size() > kRules) fail(definition_.id, fmt::format("more than {} rules", kRules));
    for (const SourceText& id : definition_.rules) read_rule(id);
    if (temporal() && definition_.rules.size() == 1) {
      fail(definition_.rules.front(), fmt::format("'{}' relates two rules at least", definition_.type.text));
    }
  }

  void read_rule(const SourceText& id) {
    const auto found = rules_.find(id.text);
    if (found == rules_.end() && all_ids_.contains(id.text)) {
      return fail(
          id, fmt::format("'{}' is a correlation; a correlation is made of rules that judge single events", id.text));
    }
    if (found == rules_.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, index] : rules_) known.push_back(name);
      return fail(id, fmt::format("there is no rule '{}'{}", id.text, text::did_you_mean(id.text, known)));
    }
    if (std::ranges::find(compiled_.rules, found->second) != compiled_.rules.end()) {
      return fail(id, fmt::format("the rule '{}' is there twice", id.text));
    }
    compiled_.rules.push_back(found->second);
  }

  const Field* field_of(const SourceText& name) {
    const Field* field = find_field(name.text);
    if (field == nullptr) {
      fail(name, fmt::format("unknown field '{}'{}", name.text, text::did_you_mean(name.text, field_names())));
    } else if (field->type == Type::kList) {
      fail(name, fmt::format("the field '{}' is a list, and no single value", name.text));
    } else {
      return field;
    }
    return nullptr;
  }

  void read_group() {
    if (definition_.group_by.empty()) fail(definition_.id, "'group-by' names one field at least");
    if (definition_.group_by.size() > kGroupFields)
      fail(definition_.id, fmt::format("more than {} fields", kGroupFields));
    for (const SourceText& name : definition_.group_by) {
      const Field* field = field_of(name);
      if (std::ranges::find(compiled_.group_by, field) != compiled_.group_by.end()) {
        fail(name, fmt::format("the field '{}' is there twice", name.text));
      }
      compiled_.group_by.push_back(field);
    }
  }

  void read_timespan() {
    const std::string& text = definition_.timespan.text;
    std::int64_t number = 0;
    const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    absl::Duration span = absl::ZeroDuration();
    const bool in_range = error == std::errc() && number > 0 && number <= 1'000'000;
    if (in_range && unit + 1 == text.data() + text.size()) {
      if (*unit == 's') span = absl::Seconds(number);
      if (*unit == 'm') span = absl::Minutes(number);
      if (*unit == 'h') span = absl::Hours(number);
      if (*unit == 'd') span = absl::Hours(24 * number);
    }
    if (span < kShortest || span > kLongest) {
      return fail(definition_.timespan,
                  fmt::format("'{}' is no timespan; expected one from 1s to 24h, such as 30s, 10m or 1h", text));
    }
    compiled_.shape.timespan_ns = absl::ToInt64Nanoseconds(span);
  }

  void read_condition() {
    const SourceText& comparison = definition_.comparison;
    if (temporal()) {
      compiled_.shape.count = definition_.rules.size();
      if (!comparison.text.empty()) {
        fail(comparison, fmt::format("'{}' wants all of its rules and has no condition", definition_.type.text));
      }
      return;
    }
    const bool counts_values = compiled_.shape.type == CorrelationType::kValueCount;
    if (counts_values && definition_.field.text.empty()) {
      fail(definition_.id, "'value_count' lacks the key 'field' in its condition");
    } else if (!counts_values && !definition_.field.text.empty()) {
      fail(definition_.field, fmt::format("'{}' counts no field", definition_.type.text));
    } else if (counts_values) {
      compiled_.field = field_of(definition_.field);
    }
    if (comparison.text.empty()) {
      return fail(definition_.id, fmt::format("'{}' lacks the key 'condition'", definition_.type.text));
    }
    if (comparison.text != "gte" && comparison.text != "gt") {
      return fail(comparison, fmt::format("'{}' would judge that no more came, which only a clock can tell, and "
                                          "detection has none; use gte or gt",
                                          comparison.text));
    }
    read_count();
  }

  void read_count() {
    const std::string& text = definition_.count.text;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && count <= kCount && definition_.comparison.text == "gt") ++count;
    if (!whole || count < 1 || count > kCount) {
      return fail(definition_.count, fmt::format("'{}' is no number from 1 to {}", text, kCount));
    }
    compiled_.shape.count = count;
  }

  const CorrelationDefinition& definition_;
  const std::map<std::string, std::size_t>& rules_;
  const std::map<std::string, Place>& all_ids_;
  Problems& problems_;
  CompiledCorrelation compiled_;
  bool good_ = true;
};

}  // namespace

std::optional<CompiledCorrelation> compile_correlation(const CorrelationDefinition& definition,
                                                       const std::map<std::string, std::size_t>& rules,
                                                       const std::map<std::string, Place>& all_ids,
                                                       Problems& problems) {
  return CorrelationCompiler(definition, rules, all_ids, problems).compile();
}

}  // namespace bulkhead::detect

// Words of a condition as values of a field's type.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "collector/detect/fields.h"

namespace bulkhead::detect {

// The value's text is `word` itself. Nothing when it does not fit; `error` then says what was expected.
std::optional<Value> literal_value(const Field& field, std::string_view word, std::string& error);

// The same; the value's text is kept in `texts`.
std::optional<Value> literal_value(const Field& field, std::string_view word, std::deque<std::string>& texts,
                                   std::string& error);

}  // namespace bulkhead::detect

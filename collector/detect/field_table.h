// The rows of fields(). Private to this folder.
#pragma once

#include <vector>

#include "collector/detect/fields.h"

namespace bulkhead::detect {

std::vector<Field> make_field_table();

}  // namespace bulkhead::detect

// Alerts in ArcSight's Common Event Format, version 0.
#pragma once

#include <string>

#include "collector/sinks/delivery.h"

namespace bulkhead::sinks {

// One line, without the newline. In the header '|' and '\' are escaped, in the extension '=' and '\'; line breaks there
// are written \n and \r, other control characters become blanks.
std::string to_cef(const Delivery& delivery);

}  // namespace bulkhead::sinks

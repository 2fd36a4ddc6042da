// Addresses as people write them.
#pragma once

#include <string>

namespace bulkhead::detect {

// "52:54:00:00:00:01", of however many bytes there are.
std::string mac_text(const std::string& bytes);
// Of 4 or 16 bytes in network order; empty for any other number.
std::string address_text(const std::string& bytes);

}  // namespace bulkhead::detect

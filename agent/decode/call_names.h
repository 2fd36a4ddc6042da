// Names of the system calls that the kernel side tells of.
#pragma once

#include <cstdint>
#include <string>

namespace bulkhead::decode {

// Of this machine's number of a call; "call 17" for one that no probe looks at.
std::string call_name(std::uint32_t number);

}  // namespace bulkhead::decode

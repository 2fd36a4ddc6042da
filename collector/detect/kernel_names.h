// The kernel's numbers by the names that people know them by.
#pragma once

#include <cstdint>
#include <string>

namespace bulkhead::detect {

// "EPERM" for -1 (a system call's result); empty for a result that is no error.
std::string errno_name(std::int64_t result);

// "PTRACE_SEIZE" for 0x4206; the number in decimal for one without a name here.
std::string ptrace_request_name(std::uint32_t request);

}  // namespace bulkhead::detect

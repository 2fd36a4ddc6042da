// The end of a log, for the message that says why its writer ended.
#pragma once

#include <filesystem>
#include <string>

namespace bulkhead::stage {

// The last lines, 2,000 bytes at most; empty when there is no such file.
std::string tail_of(const std::filesystem::path& log);

}  // namespace bulkhead::stage

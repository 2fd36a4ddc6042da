#include "agent/inventory/saved_memory.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace bulkhead::inventory {
namespace {

TEST_CASE("the saved memory of a domain is a volume of its, while it is there", "[DISK-01]") {
  std::string directory = std::filesystem::temp_directory_path() / "bulkhead-save-XXXXXX";
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  CHECK_FALSE(saved_memory_of("web", directory));
  std::ofstream(directory + "/web.save") << "memory";
  const auto saved = saved_memory_of("web", directory);
  REQUIRE(saved);
  CHECK(saved->source == directory + "/web.save");
  CHECK(saved->type == "saved");
  CHECK_FALSE(saved_memory_of("../" + std::filesystem::path(directory).filename().string() + "/web", directory));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace bulkhead::inventory

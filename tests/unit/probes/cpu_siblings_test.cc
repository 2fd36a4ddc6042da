#include "agent/probes/cpu_siblings.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace bulkhead::probes {
namespace {

namespace fs = std::filesystem;
using List = std::vector<std::uint32_t>;

// A tree like /sys/devices/system/cpu.
class CpuTree {
 public:
  CpuTree() {
    std::string pattern = fs::temp_directory_path() / "bulkhead-cpus-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~CpuTree() { fs::remove_all(path_); }
  CpuTree(const CpuTree&) = delete;
  CpuTree& operator=(const CpuTree&) = delete;

  const std::string& path() const { return path_; }
  void online(const std::string& list) const { std::ofstream(path_ + "/online") << list << '\n'; }
  void siblings(int cpu, const std::string& list) const {
    const std::string directory = path_ + "/cpu" + std::to_string(cpu) + "/topology";
    fs::create_directories(directory);
    std::ofstream(directory + "/thread_siblings_list") << list << '\n';
  }

 private:
  std::string path_;
};

TEST_CASE("lists of CPUs are read as the kernel writes them, and nothing else is") {
  CHECK(parse_cpu_list("0") == List{0});
  CHECK(parse_cpu_list("0-3") == List{0, 1, 2, 3});
  CHECK(parse_cpu_list("8,0-1") == List{0, 1, 8});
  for (const char* wrong : {"", "a", "1-", "-1", "3-1", "1,,2", "0-65536", "0-60000,0-60000", "4294967296"}) {
    INFO(wrong);
    CHECK_FALSE(parse_cpu_list(wrong));
  }
}

TEST_CASE("CPUs that share a core are siblings, those that have one for themselves are not") {
  const CpuTree tree;
  tree.online("0-4");
  tree.siblings(0, "0,2");
  tree.siblings(2, "0,2");
  tree.siblings(1, "1,3");
  tree.siblings(3, "1,3");
  tree.siblings(4, "4");
  CpuSiblings siblings(tree.path());
  CHECK(siblings.cores().empty());
  CHECK(siblings.refresh());
  CHECK(siblings.known());
  CHECK(siblings.cores() == CpuSiblings::Cores{{0, {0, 2}}, {1, {1, 3}}, {2, {0, 2}}, {3, {1, 3}}});
  CHECK_FALSE(siblings.refresh());
}

TEST_CASE("SMT that is turned off leaves no siblings, and turned on again makes them") {
  const CpuTree tree;
  tree.online("0-1");
  tree.siblings(0, "0-1");
  tree.siblings(1, "0-1");
  CpuSiblings siblings(tree.path());
  CHECK(siblings.refresh());
  CHECK(siblings.cores().size() == 2);
  tree.online("0");
  tree.siblings(0, "0");
  CHECK(siblings.refresh());
  CHECK(siblings.cores().empty());
  tree.online("0-1");
  tree.siblings(0, "0-1");
  CHECK(siblings.refresh());
  CHECK(siblings.cores().size() == 2);
}

TEST_CASE("a host whose CPUs cannot be read, or whose lists make no sense, has no siblings") {
  CpuSiblings nowhere("/nonexistent");
  CHECK(nowhere.refresh());
  CHECK(nowhere.cores().empty());
  CHECK_FALSE(nowhere.known());
  const CpuTree tree;
  tree.online("0-2");
  tree.siblings(0, "1-2");  // without itself
  tree.siblings(1, "what");
  CpuSiblings siblings(tree.path());
  CHECK(siblings.refresh());
  CHECK(siblings.cores().empty());
}

}  // namespace
}  // namespace bulkhead::probes

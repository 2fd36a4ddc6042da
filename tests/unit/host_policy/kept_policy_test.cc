#include "agent/policy/kept_policy.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

namespace bulkhead::policy {
namespace {

struct StateDir {
  StateDir() {
    std::string name = (std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~StateDir() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

v1::AgentPolicy policy_of(const std::string& version) {
  v1::AgentPolicy policy;
  policy.set_version(version);
  return policy;
}

TEST_CASE("the policy that was saved last is loaded again, and nothing before the first") {
  const StateDir dir;
  const KeptPolicy kept(dir.path);
  REQUIRE(kept.load().ok());
  CHECK_FALSE(kept.load()->has_value());
  REQUIRE(kept.save(policy_of("one")).ok());
  REQUIRE(kept.save(policy_of("two")).ok());
  const auto loaded = KeptPolicy(dir.path).load();
  REQUIRE(loaded.ok());
  REQUIRE(loaded->has_value());
  CHECK((*loaded)->version() == "two");
  // Nothing half-written stays beside it.
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path), {}) == 1);
}

TEST_CASE("a kept file that is no policy is told, not taken for none") {
  const StateDir dir;
  std::ofstream(dir.path / "policy") << "\xff\xff\xff";
  CHECK(absl::IsDataLoss(KeptPolicy(dir.path).load().status()));
}

TEST_CASE("a policy that cannot be written leaves the one before") {
  const StateDir dir;
  const KeptPolicy kept(dir.path);
  REQUIRE(kept.save(policy_of("one")).ok());
  std::filesystem::create_directory(dir.path / "policy.new");
  CHECK_FALSE(kept.save(policy_of("two")).ok());
  CHECK((*kept.load())->version() == "one");
}

}  // namespace
}  // namespace bulkhead::policy

#include "agent/ownership/volume_claims.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace bulkhead::ownership {
namespace {

constexpr probes::FileKey kDisk = {.inode = 7, .device = 8, .generation = 9, .block_device = false};

Claim claim(const std::string& tenant, bool read_only = false, const std::string& source = "/images/disk") {
  return {.key = kDisk, .source = source, .tenant = tenant, .owner = {}, .read_only = read_only};
}

struct StateFile {
  StateFile() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-claims-XXXXXX";
    directory = mkdtemp(pattern.data());
  }
  ~StateFile() { std::filesystem::remove_all(directory); }
  std::string path() const { return directory / "volume-holdings"; }
  std::filesystem::path directory;
};

Verdict only_verdict(VolumeClaims& claims, const std::vector<Claim>& all) {
  const auto verdicts = claims.judge(all, {});
  REQUIRE(verdicts.size() == 1);
  return verdicts.begin()->second;
}

TEST_CASE("a volume that one tenant's domains name is that tenant's") {
  auto claims = VolumeClaims::open("");
  REQUIRE(claims.ok());
  const Verdict verdict = only_verdict(*claims, {claim("acme"), claim("acme", true)});
  CHECK(verdict.kind == Verdict::Kind::kOwned);
  CHECK(verdict.claim.tenant == "acme");
}

TEST_CASE("a volume stays with who had it when another tenant's domain names it too") {
  auto claims = VolumeClaims::open("");
  only_verdict(*claims, {claim("globex")});
  const Verdict verdict = only_verdict(*claims, {claim("acme"), claim("globex")});
  CHECK(verdict.kind == Verdict::Kind::kOwned);
  CHECK(verdict.claim.tenant == "globex");
}

TEST_CASE("a volume goes to the other tenant once its owner let it go") {
  auto claims = VolumeClaims::open("");
  only_verdict(*claims, {claim("acme")});
  only_verdict(*claims, {claim("acme"), claim("globex")});
  CHECK(only_verdict(*claims, {claim("globex")}).claim.tenant == "globex");
}

TEST_CASE("two tenants at first sight leave a volume contested") {
  auto claims = VolumeClaims::open("");
  CHECK(only_verdict(*claims, {claim("acme"), claim("globex")}).kind == Verdict::Kind::kContested);
}

TEST_CASE("an image that several tenants only read is nobody's") {
  auto claims = VolumeClaims::open("");
  CHECK(only_verdict(*claims, {claim("acme", true), claim("globex", true)}).kind == Verdict::Kind::kSharedReadOnly);
  CHECK(only_verdict(*claims, {claim("acme", true), claim("globex")}).kind == Verdict::Kind::kContested);
}

TEST_CASE("who had a volume is remembered across a restart") {
  const StateFile file;
  {
    auto claims = VolumeClaims::open(file.path());
    only_verdict(*claims, {claim("globex")});
    REQUIRE(claims->save().ok());
  }
  auto claims = VolumeClaims::open(file.path());
  REQUIRE(claims.ok());
  const Verdict verdict = only_verdict(*claims, {claim("acme"), claim("globex")});
  CHECK(verdict.kind == Verdict::Kind::kOwned);
  CHECK(verdict.claim.tenant == "globex");
}

TEST_CASE("a volume whose file is away for a moment keeps its owner") {
  const StateFile file;
  auto claims = VolumeClaims::open(file.path());
  only_verdict(*claims, {claim("globex")});
  CHECK(claims->judge({}, {{"/images/disk", "globex"}}).empty());
  CHECK(only_verdict(*claims, {claim("acme"), claim("globex")}).claim.tenant == "globex");
}

TEST_CASE("a record of owners that cannot be read is refused with its path") {
  const StateFile file;
  std::ofstream(file.path()) << "\xff\xff\xff not a record";
  const auto claims = VolumeClaims::open(file.path());
  CHECK(absl::IsDataLoss(claims.status()));
  CHECK_THAT(std::string(claims.status().message()), Catch::Contains(file.path()));
}

}  // namespace
}  // namespace bulkhead::ownership

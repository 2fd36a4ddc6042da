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
  const auto verdicts = claims.judge({.definitions = all});
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

TEST_CASE("claims by others than the owner are foreign, whether they only read or not", "[CTRL-05]") {
  auto claims = VolumeClaims::open("");
  only_verdict(*claims, {claim("globex")});
  const std::vector<Claim> all = {claim("acme", true), claim("globex"), claim("initech")};
  const auto foreign = foreign_claims(all, claims->judge({.definitions = all}));
  REQUIRE(foreign.size() == 2);
  CHECK(foreign[0].tenant == "acme");
  CHECK(foreign[1].tenant == "initech");
}

TEST_CASE("every claim to what is contested is foreign", "[CTRL-05]") {
  auto claims = VolumeClaims::open("");
  const std::vector<Claim> all = {claim("acme"), claim("globex")};
  CHECK(foreign_claims(all, claims->judge({.definitions = all})).size() == 2);
}

TEST_CASE("one tenant's own claims, and an image that all only read, are not foreign", "[CTRL-05][twin]") {
  auto claims = VolumeClaims::open("");
  const std::vector<Claim> own = {claim("acme"), claim("acme", true)};
  CHECK(foreign_claims(own, claims->judge({.definitions = own})).empty());
  auto others = VolumeClaims::open("");
  const std::vector<Claim> reading = {claim("acme", true), claim("globex", true)};
  CHECK(foreign_claims(reading, others->judge({.definitions = reading})).empty());
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
  CHECK(claims->judge({.definitions = {}, .absent = {{"/images/disk", "globex"}}}).empty());
  CHECK(only_verdict(*claims, {claim("acme"), claim("globex")}).claim.tenant == "globex");
}

TEST_CASE("a record of owners that cannot be read is refused with its path") {
  const StateFile file;
  std::ofstream(file.path()) << "\xff\xff\xff not a record";
  const auto claims = VolumeClaims::open(file.path());
  CHECK(absl::IsDataLoss(claims.status()));
  CHECK_THAT(std::string(claims.status().message()), Catch::Contains(file.path()));
}

TEST_CASE("what only headers name is its tenant's, or a base image when several read it", "[DISK-05]") {
  auto claims = VolumeClaims::open("");
  const auto judge = [&](const std::vector<Claim>& headers) {
    return claims->judge({.definitions = {}, .headers = headers}).at(kDisk);
  };
  CHECK(judge({claim("acme", true)}).claim.tenant == "acme");
  CHECK(judge({claim("acme", true), claim("globex", true)}).kind == Verdict::Kind::kSharedReadOnly);
  CHECK(judge({claim("acme"), claim("globex", true)}).kind == Verdict::Kind::kContested);
}

TEST_CASE("a header takes nothing that a definition names", "[DISK-06]") {
  auto claims = VolumeClaims::open("");
  const std::vector<Claim> headers = {claim("globex")};
  const auto verdicts = claims->judge({.definitions = {claim("acme")}, .headers = headers});
  CHECK(verdicts.at(kDisk).kind == Verdict::Kind::kOwned);
  CHECK(verdicts.at(kDisk).claim.tenant == "acme");
  CHECK(foreign_claims(headers, verdicts).size() == 1);
}

TEST_CASE("what a tenant had by a definition stays the tenant's below a snapshot, whoever names it then", "[DISK-06]") {
  const StateFile state;
  const bool restarts = GENERATE(false, true);
  const bool by_definition = GENERATE(false, true);
  INFO("restarts: " << restarts << ", named by a definition: " << by_definition);
  auto claims = VolumeClaims::open(state.path());
  claims->judge({.definitions = {claim("acme")}});
  // The definition names the overlay by now.
  claims->judge({.definitions = {}, .headers = {claim("acme", true)}});
  if (restarts) {
    REQUIRE(claims->save().ok());
    claims = VolumeClaims::open(state.path());
    // Before acme's chain is read, globex's definition is all that there is.
    if (by_definition) claims->judge({.definitions = {claim("globex", true)}, .unread = {"acme"}});
  }
  VolumeClaims::Claims now{.definitions = {}, .headers = {claim("acme", true)}};
  (by_definition ? now.definitions : now.headers).push_back(claim("globex", true));
  const auto verdicts = claims->judge(now);
  CHECK(verdicts.at(kDisk).kind == Verdict::Kind::kOwned);
  CHECK(verdicts.at(kDisk).claim.tenant == "acme");
}

TEST_CASE("a tenant whose chains are not read yet keeps what it held, and no other does", "[DISK-06]") {
  auto claims = VolumeClaims::open("");
  claims->judge({.definitions = {claim("acme")}});
  claims->judge({.definitions = {}, .unread = {"acme"}});
  CHECK(claims->held({"/images/disk", "acme"}));
  claims->judge({.definitions = {}, .unread = {"globex"}});
  CHECK_FALSE(claims->held({"/images/disk", "acme"}));
}

}  // namespace
}  // namespace bulkhead::ownership

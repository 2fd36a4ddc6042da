#include "agent/ownership/volume_claims.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "bulkhead/v1/agent_state.pb.h"

namespace bulkhead::ownership {

namespace {

absl::Status write_synced(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  const bool written =
      ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  return written ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

Verdict judge_one(const std::vector<const Claim*>& claims, const std::string* owner_before,
                  const std::set<std::pair<std::string, std::string>>& held) {
  const Claim& first = *claims.front();
  const auto by_tenant = [&](const std::string& tenant) {
    return std::find_if(claims.begin(), claims.end(), [&](const Claim* claim) { return claim->tenant == tenant; });
  };
  if (std::all_of(claims.begin(), claims.end(), [&](const Claim* claim) { return claim->tenant == first.tenant; })) {
    return {Verdict::Kind::kOwned, first};
  }
  if (std::all_of(claims.begin(), claims.end(), [](const Claim* claim) { return claim->read_only; })) {
    return {Verdict::Kind::kSharedReadOnly, first};
  }
  if (owner_before != nullptr) {
    const auto owner = by_tenant(*owner_before);
    if (owner != claims.end()) return {Verdict::Kind::kOwned, **owner};
  }
  const Claim* holder = nullptr;
  for (const Claim* claim : claims) {
    if (!held.contains({claim->source, claim->tenant})) continue;
    if (holder != nullptr && holder->tenant != claim->tenant) return {Verdict::Kind::kContested, first};
    holder = claim;
  }
  if (holder != nullptr) return {Verdict::Kind::kOwned, *holder};
  return {Verdict::Kind::kContested, first};
}

}  // namespace

std::vector<Claim> foreign_claims(const std::vector<Claim>& claims,
                                  const std::map<probes::FileKey, Verdict>& verdicts) {
  std::vector<Claim> foreign;
  for (const Claim& claim : claims) {
    const auto verdict = verdicts.find(claim.key);
    if (verdict == verdicts.end() || verdict->second.kind == Verdict::Kind::kSharedReadOnly) continue;
    const bool owns = verdict->second.kind == Verdict::Kind::kOwned && verdict->second.claim.tenant == claim.tenant;
    if (!owns) foreign.push_back(claim);
  }
  return foreign;
}

absl::StatusOr<VolumeClaims> VolumeClaims::open(std::string file) {
  VolumeClaims claims(std::move(file));
  if (claims.file_.empty() || !std::filesystem::exists(claims.file_)) return claims;
  std::ifstream stream(claims.file_, std::ios::binary);
  v1::VolumeHoldings holdings;
  if (!stream || !holdings.ParseFromIstream(&stream)) {
    return absl::DataLossError(absl::StrCat(
        claims.file_,
        ": cannot be read as the record of who owns which volume; restore it, or remove it to start anew"));
  }
  for (const auto& holding : holdings.holdings()) claims.held_.emplace(holding.source(), holding.tenant());
  return claims;
}

// A header of who had the volume by a definition counts as one still: below a snapshot, it is no less theirs.
std::vector<Claim> VolumeClaims::by_holders(const std::vector<Claim>& headers) const {
  std::vector<Claim> found;
  for (const Claim& claim : headers) {
    const auto before = owner_now_.find(claim.key);
    const bool owned = before != owner_now_.end() && before->second == claim.tenant;
    if (!owned && !held_.contains({claim.source, claim.tenant})) continue;
    found.push_back(claim);
    // Nobody else may take it for a base image.
    found.back().read_only = false;
  }
  return found;
}

bool VolumeClaims::is_held_by_unread(const std::vector<const Claim*>& claims,
                                     const std::set<std::string>& unread) const {
  for (const Claim* claim : claims) {
    for (auto held = held_.lower_bound({claim->source, ""}); held != held_.end() && held->first == claim->source;
         ++held) {
      if (held->second != claim->tenant && unread.contains(held->second) &&
          !held_.contains({claim->source, claim->tenant})) {
        return true;
      }
    }
  }
  return false;
}

std::map<probes::FileKey, Verdict> VolumeClaims::judge(const Claims& claims) {
  const std::vector<Claim> holders = by_holders(claims.headers);
  std::map<probes::FileKey, std::vector<const Claim*>> by_key;
  for (const Claim& claim : claims.definitions) by_key[claim.key].push_back(&claim);
  for (const Claim& claim : holders) by_key[claim.key].push_back(&claim);

  std::map<probes::FileKey, Verdict> verdicts;
  std::map<probes::FileKey, std::string> owner_now;
  std::set<Holding> held;
  for (const auto& [key, of_key] : by_key) {
    const auto before = owner_now_.find(key);
    Verdict verdict = judge_one(of_key, before == owner_now_.end() ? nullptr : &before->second, held_);
    // Nobody becomes its owner while who held it may only be unread.
    if (before == owner_now_.end() && is_held_by_unread(of_key, claims.unread))
      verdict.kind = Verdict::Kind::kContested;
    if (verdict.kind == Verdict::Kind::kOwned) {
      owner_now.emplace(key, verdict.claim.tenant);
      for (const Claim* claim : of_key) {
        if (claim->tenant == verdict.claim.tenant) held.emplace(claim->source, claim->tenant);
      }
    }
    verdicts.emplace(key, std::move(verdict));
  }
  by_key.clear();
  for (const Claim& claim : claims.headers) {
    if (!verdicts.contains(claim.key)) by_key[claim.key].push_back(&claim);
  }
  for (const auto& [key, of_key] : by_key) verdicts.emplace(key, judge_one(of_key, nullptr, {}));

  for (const Holding& holding : claims.absent) {
    if (held_.contains(holding)) held.insert(holding);
  }
  for (const Holding& holding : held_) {
    if (claims.unread.contains(holding.second)) held.insert(holding);
  }
  changed_ = changed_ || held != held_;
  owner_now_ = std::move(owner_now);
  held_ = std::move(held);
  return verdicts;
}

absl::Status VolumeClaims::save() {
  if (!changed_ || file_.empty()) return absl::OkStatus();
  v1::VolumeHoldings holdings;
  for (const auto& [source, tenant] : held_) {
    auto* holding = holdings.add_holdings();
    holding->set_source(source);
    holding->set_tenant(tenant);
  }
  const std::string fresh = absl::StrCat(file_, ".new");
  if (absl::Status status = write_synced(fresh, holdings.SerializeAsString()); !status.ok()) return status;
  if (std::rename(fresh.c_str(), file_.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", file_));
  }
  changed_ = false;
  return absl::OkStatus();
}

}  // namespace bulkhead::ownership

#include "agent/ownership/volumes.h"

#include <algorithm>
#include <iterator>

#include "agent/ownership/former_volumes.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

std::string cannot_be_owned(const inventory::Volume& volume) {
  if (!volume.source.starts_with('/')) return "a network disk: no file or block device of this host";
  // Firmware code belongs to the host's distribution, whichever domains boot from it.
  if (volume.type == "nvram" && volume.target == "loader") return "firmware of the host, no tenant's";
  return "";
}

Volumes::Survey Volumes::survey_volumes(const inventory::Snapshot& snapshot,
                                        const std::map<std::string, probes::Owner>& domains) const {
  Survey survey;
  for (const inventory::Domain& domain : snapshot.domains) {
    for (const inventory::Volume& volume : domain.volumes) {
      if (!cannot_be_owned(volume).empty()) continue;
      auto key = survey.keys.find(volume.source);
      if (key == survey.keys.end()) key = survey.keys.emplace(volume.source, maps_.file_key(volume.source)).first;
      if (key->second.ok()) {
        survey.claims.push_back({*key->second, volume.source, domain.tenant, domains.at(domain.uuid), volume.read_only,
                                 volume.target, volume.shareable});
      } else {
        survey.absent.emplace_back(volume.source, domain.tenant);
      }
    }
  }
  return survey;
}

Volumes::Applied Volumes::apply(const inventory::Snapshot& snapshot,
                                const std::map<std::string, probes::Owner>& domains, v1::Inventory& told) {
  Applied applied;
  Survey survey = survey_volumes(snapshot, domains);
  std::ranges::move(former_claims(volumes_, snapshot, domains, survey.claims), std::back_inserter(survey.claims));
  std::map<probes::FileKey, VolumeFacts> volumes;
  std::map<probes::FileKey, std::string> unwatched;
  const std::map<probes::FileKey, Verdict> verdicts = claims_.judge(survey.claims, survey.absent);
  tell_foreign(survey.claims, verdicts, applied);
  const std::map<probes::FileKey, std::uint32_t> ledgers = follow_ledgers(survey, verdicts);
  const auto ledger_of = [&](const probes::FileKey& key) {
    const auto ledger = ledgers.find(key);
    return ledger == ledgers.end() ? 0 : ledger->second;
  };
  for (const auto& [key, verdict] : verdicts) {
    probes::Owner owner = verdict.claim.owner;
    switch (verdict.kind) {
      case Verdict::Kind::kOwned:
        break;
      case Verdict::Kind::kSharedReadOnly:
        unwatched.emplace(key, "read-only in domains of several tenants");
        continue;
      case Verdict::Kind::kContested:
        owner = {probes::kContestedNumber, 0};
        break;
    }
    if (absl::Status status = maps_.set_volume(key, owner, ledger_of(key)); !status.ok()) {
      unwatched.emplace(key, std::string(status.message()));
    } else {
      volumes.emplace(key, VolumeFacts{verdict.claim.source, owner});
    }
  }
  std::set<probes::FileKey> released;
  for (const auto& [key, ledger] : ledgers) {
    if (!volumes.contains(key) && maps_.set_volume(key, {probes::kHostNumber, 0}, ledger).ok()) released.insert(key);
  }
  for (const auto& [key, facts] : volumes_) {
    if (!volumes.contains(key) && !released.contains(key)) maps_.remove_volume(key);
  }
  for (const probes::FileKey& key : released_) {
    if (!volumes.contains(key) && !released.contains(key)) maps_.remove_volume(key);
  }
  released_ = std::move(released);
  volumes_ = std::move(volumes);
  if (absl::Status status = claims_.save(); !status.ok()) {
    spdlog::error("who owns which volume cannot be remembered: {}", std::string(status.message()));
  }

  for (v1::Domain& domain : *told.mutable_domains()) {
    for (v1::Volume& volume : *domain.mutable_volumes()) {
      if (!volume.reason().empty()) continue;
      const absl::StatusOr<probes::FileKey>& key = survey.keys.at(volume.source());
      if (!key.ok()) {
        volume.set_reason(std::string(key.status().message()));
        applied.incomplete = applied.incomplete || absl::IsNotFound(key.status());
        continue;
      }
      volume.set_identity(identify_(*key, volume.source()));
      if (const auto reason = unwatched.find(*key); reason != unwatched.end()) {
        volume.set_reason(reason->second);
      } else {
        volume.set_watched(true);
      }
    }
  }
  return applied;
}

std::map<probes::FileKey, std::uint32_t> Volumes::follow_ledgers(const Survey& survey,
                                                                 const std::map<probes::FileKey, Verdict>& verdicts) {
  if (ledgers_ == nullptr) return {};
  std::vector<OwnedBlock> owned;
  std::vector<probes::FileKey> undecided;
  for (const auto& [key, verdict] : verdicts) {
    if (!key.block_device) continue;
    if (verdict.kind == Verdict::Kind::kOwned) {
      owned.push_back({key, verdict.claim.source, verdict.claim.tenant, verdict.claim.owner});
    } else {
      undecided.push_back(key);
    }
  }
  return ledgers_->follow(owned, undecided, survey.absent);
}

void Volumes::tell_foreign(const std::vector<Claim>& claims, const std::map<probes::FileKey, Verdict>& verdicts,
                           Applied& applied) {
  decltype(told_claims_) there;
  for (Claim& claim : foreign_claims(claims, verdicts)) {
    const std::pair one(claim.owner.domain, claim.key);
    if (there.insert(one).second && !told_claims_.contains(one)) {
      const Verdict& verdict = verdicts.at(claim.key);
      const bool owned = verdict.kind == Verdict::Kind::kOwned;
      applied.foreign_claims.push_back(
          {.claim = std::move(claim),
           .owner = owned ? verdict.claim.owner : probes::Owner{probes::kContestedNumber, 0}});
    }
  }
  told_claims_ = std::move(there);
}

const VolumeFacts* Volumes::find(const probes::FileKey& key) const {
  const auto volume = volumes_.find(key);
  return volume == volumes_.end() ? nullptr : &volume->second;
}

}  // namespace bulkhead::ownership

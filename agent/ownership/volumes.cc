#include "agent/ownership/volumes.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "agent/ownership/former_volumes.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

namespace {

// No device has this number: the kernel's maps never see such a key.
constexpr std::uint32_t kNetworkDevice = 0xffffffff;

bool is_network(const probes::FileKey& key) {
  return key.device == kNetworkDevice;
}

bool is_unread(const inventory::ChainImage& image) {
  return image.source.empty();
}

}  // namespace

std::string cannot_be_owned(const inventory::Volume& volume) {
  if (!volume.source.starts_with('/')) return "a network disk: no file or block device of this host";
  // Firmware code belongs to the host's distribution, whichever domains boot from it.
  if (volume.type == "nvram" && volume.target == "loader") return "firmware of the host, no tenant's";
  return "";
}

const absl::StatusOr<probes::FileKey>& Volumes::key_of(const std::string& path, const std::string& identity,
                                                       Survey& survey) {
  const std::string& name = path.empty() ? identity : path;
  if (const auto known = survey.keys.find(name); known != survey.keys.end()) return known->second;
  if (!path.empty()) return survey.keys.emplace(name, maps_.file_key(path)).first->second;
  const std::uint64_t number = network_numbers_.try_emplace(identity, network_numbers_.size() + 1).first->second;
  return survey.keys.emplace(name, probes::FileKey{.inode = number, .device = kNetworkDevice}).first->second;
}

void Volumes::survey_chain(const inventory::Domain& domain, const inventory::Volume& volume, probes::Owner owner,
                           Survey& survey) {
  for (const inventory::ChainImage& image : volume.chain) {
    if (is_unread(image)) {
      survey.claims.unread.insert(domain.tenant);
      continue;
    }
    Named named{.claim = {.key = {},
                          .source = image.source,
                          .tenant = domain.tenant,
                          .owner = owner,
                          .read_only = !image.written,
                          .target = volume.target},
                .image = &image};
    if (const auto& key = key_of(image.path, image.source, survey); key.ok()) {
      named.has_key = true;
      named.claim.key = *key;
      if (places_.is_base_image(image)) survey.bases.emplace(*key, image.source);
    }
    survey.named.push_back(std::move(named));
  }
}

void Volumes::sort_named(Survey& survey) const {
  std::set<probes::FileKey> defined;
  for (const Claim& claim : survey.claims.definitions) defined.insert(claim.key);
  for (Named& named : survey.named) {
    const VolumeClaims::Holding holding(named.claim.source, named.claim.tenant);
    if (named.has_key && (defined.contains(named.claim.key) || survey.bases.contains(named.claim.key))) {
      survey.claims.headers.push_back(named.claim);
      continue;
    }
    // A block device is beside every other one in /dev.
    const bool may_be_image = !named.image->path.empty() && !(named.has_key && named.claim.key.block_device);
    named.outside = !claims_.held(holding) && !(may_be_image && places_.is_in_place(*named.image, named.claim.tenant));
    if (named.outside) continue;
    if (named.has_key) {
      survey.claims.headers.push_back(named.claim);
    } else {
      survey.claims.absent.push_back(holding);
    }
  }
}

Volumes::Survey Volumes::survey_volumes(const inventory::Snapshot& snapshot,
                                        const std::map<std::string, probes::Owner>& domains) {
  Survey survey;
  places_.set_definitions(snapshot.domains);
  for (const std::string& path : places_.base_images()) {
    if (const auto& key = key_of(path, "", survey); key.ok()) survey.bases.emplace(*key, path);
  }
  for (const inventory::Domain& domain : snapshot.domains) {
    const probes::Owner owner = domains.at(domain.uuid);
    for (const inventory::Volume& volume : domain.volumes) {
      survey_chain(domain, volume, owner, survey);
      const bool is_network_disk = !volume.identity.empty();
      if (!is_network_disk && !cannot_be_owned(volume).empty()) continue;
      const auto& key = key_of(is_network_disk ? "" : volume.source, volume.identity, survey);
      if (key.ok()) {
        survey.claims.definitions.push_back({.key = *key,
                                             .source = is_network_disk ? volume.identity : volume.source,
                                             .tenant = domain.tenant,
                                             .owner = owner,
                                             .read_only = volume.read_only,
                                             .target = volume.target,
                                             .shareable = volume.shareable});
        if (!is_network_disk && places_.is_base_image(volume.source)) survey.bases.emplace(*key, volume.source);
      } else {
        survey.claims.absent.emplace_back(volume.source, domain.tenant);
      }
    }
  }
  sort_named(survey);
  return survey;
}

std::map<probes::FileKey, std::string> Volumes::watch(const Survey& survey,
                                                      const std::map<probes::FileKey, Verdict>& verdicts) {
  std::map<probes::FileKey, VolumeFacts> volumes;
  for (const auto& [key, source] : survey.bases) volumes.emplace(key, VolumeFacts{source, {}, true});
  for (const auto& [key, verdict] : verdicts) {
    if (is_network(key)) continue;
    switch (verdict.kind) {
      case Verdict::Kind::kOwned:
        volumes.emplace(key, VolumeFacts{verdict.claim.source, verdict.claim.owner});
        break;
      case Verdict::Kind::kSharedReadOnly:
        volumes.emplace(key, VolumeFacts{verdict.claim.source, {}, true});
        break;
      case Verdict::Kind::kContested:
        volumes.emplace(key, VolumeFacts{verdict.claim.source, {probes::kContestedNumber, 0}});
        break;
    }
  }
  const std::map<probes::FileKey, std::uint32_t> ledgers = follow_ledgers(survey, verdicts);
  const auto ledger_of = [&](const probes::FileKey& key) {
    const auto ledger = ledgers.find(key);
    return ledger == ledgers.end() ? 0 : ledger->second;
  };
  std::map<probes::FileKey, std::string> unwatched;
  for (const auto& [key, facts] : volumes) {
    const absl::Status status =
        facts.base ? maps_.set_base_image(key) : maps_.set_volume(key, facts.owner, ledger_of(key));
    if (!status.ok()) unwatched.emplace(key, std::string(status.message()));
  }
  for (const auto& [key, reason] : unwatched) volumes.erase(key);
  std::set<probes::FileKey> released;
  for (const auto& [key, ledger] : ledgers) {
    if (!volumes.contains(key) && maps_.set_volume(key, {probes::kHostNumber, 0}, ledger).ok()) released.insert(key);
  }
  const auto remove = [&](const probes::FileKey& key) {
    if (!volumes.contains(key) && !released.contains(key)) maps_.remove_volume(key);
  };
  for (const auto& [key, facts] : volumes_) remove(key);
  for (const probes::FileKey& key : released_) remove(key);
  released_ = std::move(released);
  volumes_ = std::move(volumes);
  return unwatched;
}

Volumes::Applied Volumes::apply(const inventory::Snapshot& snapshot,
                                const std::map<std::string, probes::Owner>& domains, v1::Inventory& told) {
  Applied applied;
  Survey survey = survey_volumes(snapshot, domains);
  std::vector<Claim>& definitions = survey.claims.definitions;
  std::ranges::move(former_claims(volumes_, snapshot, domains, definitions), std::back_inserter(definitions));
  const std::map<probes::FileKey, Verdict> verdicts = claims_.judge(survey.claims);
  tell_foreign(survey, verdicts, applied);
  const std::map<probes::FileKey, std::string> unwatched = watch(survey, verdicts);
  if (absl::Status status = claims_.save(); !status.ok()) {
    spdlog::error("who owns which volume cannot be remembered: {}", std::string(status.message()));
  }
  // `told` has the snapshot's domains, in their order.
  for (int i = 0; i < told.domains_size(); ++i) {
    describe(snapshot.domains[static_cast<std::size_t>(i)], survey, unwatched, *told.mutable_domains(i), applied);
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
    if (verdict.kind == Verdict::Kind::kOwned && !survey.bases.contains(key)) {
      owned.push_back({key, verdict.claim.source, verdict.claim.tenant, verdict.claim.owner});
    } else {
      undecided.push_back(key);
    }
  }
  return ledgers_->follow(owned, undecided, survey.claims.absent);
}

void Volumes::describe(const inventory::Domain& domain, const Survey& survey,
                       const std::map<probes::FileKey, std::string>& unwatched, v1::Domain& told,
                       Applied& applied) const {
  const auto reason_of = [&](const std::string& name) {
    const absl::StatusOr<probes::FileKey>& key = survey.keys.at(name);
    if (!key.ok()) return std::string(key.status().message());
    if (is_network(*key)) return std::string("no file or block device of this host");
    if (const auto reason = unwatched.find(*key); reason != unwatched.end()) return reason->second;
    return volumes_.contains(*key) ? std::string() : std::string("outside of the tenant's images");
  };
  for (std::size_t i = 0; i < domain.volumes.size(); ++i) {
    const inventory::Volume& volume = domain.volumes[i];
    v1::Volume& one = *told.mutable_volumes(static_cast<int>(i));
    if (one.reason().empty()) {
      one.set_reason(reason_of(volume.source));
      one.set_watched(one.reason().empty());
      const auto& key = survey.keys.at(volume.source);
      if (key.ok() && !is_network(*key)) one.set_identity(identify_(*key, volume.source));
      applied.incomplete = applied.incomplete || absl::IsNotFound(key.status());
      one.set_base_image(key.ok() && survey.bases.contains(*key));
    }
    for (const inventory::ChainImage& image : volume.chain) {
      v1::BackingImage& behind = *one.add_chain();
      behind.set_source(image.source);
      behind.set_format(image.format);
      behind.set_role(image.role);
      behind.set_reason(is_unread(image) ? image.problem : reason_of(image.path.empty() ? image.source : image.path));
      behind.set_watched(behind.reason().empty());
    }
  }
}

void Volumes::tell_foreign(const Survey& survey, const std::map<probes::FileKey, Verdict>& verdicts, Applied& applied) {
  decltype(told_claims_) there;
  const auto tell = [&](const Claim& claim, probes::Owner owner, v1::ObjectKind kind, const std::string& image) {
    const std::pair one(claim.owner.domain, claim.source);
    if (!there.insert(one).second || told_claims_.contains(one)) return;
    applied.foreign_claims.push_back({.claim = claim, .owner = owner, .kind = kind, .image = image});
  };
  // Of a key that somebody owns, or several do.
  const auto judge = [&](const Claim& claim, const std::string& image) {
    const Verdict& verdict = verdicts.at(claim.key);
    const bool owned = verdict.kind == Verdict::Kind::kOwned;
    tell(claim, owned ? verdict.claim.owner : probes::Owner{probes::kContestedNumber, 0}, v1::OBJECT_KIND_VOLUME,
         image);
  };
  std::vector<Claim> definitions;
  for (const Claim& claim : survey.claims.definitions) {
    if (!survey.bases.contains(claim.key)) {
      definitions.push_back(claim);
    } else if (!claim.read_only) {
      tell(claim, {}, v1::OBJECT_KIND_VOLUME, "");
    }
  }
  for (const Claim& claim : foreign_claims(definitions, verdicts)) judge(claim, "");
  for (const Named& named : survey.named) {
    if (named.outside) {
      tell(named.claim, {}, v1::OBJECT_KIND_HOST_FILE, named.image->image);
    } else if (named.has_key && survey.bases.contains(named.claim.key)) {
      if (!named.claim.read_only) tell(named.claim, {}, v1::OBJECT_KIND_VOLUME, named.image->image);
    } else if (named.has_key && !foreign_claims({named.claim}, verdicts).empty()) {
      judge(named.claim, named.image->image);
    }
  }
  told_claims_ = std::move(there);
}

const VolumeFacts* Volumes::find(const probes::FileKey& key) const {
  const auto volume = volumes_.find(key);
  return volume == volumes_.end() ? nullptr : &volume->second;
}

}  // namespace bulkhead::ownership

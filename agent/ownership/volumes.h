// The domains' volumes in the kernel's map: whose each is, and why one is not watched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/inventory/model.h"
#include "agent/ownership/volume_claims.h"
#include "agent/ownership/volume_ledgers.h"
#include "agent/probes/ownership_maps.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::ownership {

struct VolumeFacts {
  std::string source;
  probes::Owner owner;
};

// Why a volume can have no owner in the kernel's maps; empty when it can.
std::string cannot_be_owned(const inventory::Volume& volume);

// Belongs to one thread.
class Volumes {
 public:
  // Volume.identity of host.proto.
  using Identify = std::function<std::string(const probes::FileKey& key, const std::string& path)>;

  // `maps` must outlive this.
  Volumes(probes::OwnershipMaps& maps, VolumeClaims claims, Identify identify)
      : maps_(maps), claims_(std::move(claims)), identify_(std::move(identify)) {}

  // Those of block volumes; to be called before apply(). They outlive this.
  void keep_ledgers(VolumeLedgers& ledgers) { ledgers_ = &ledgers; }
  // VolumeLedgers::residue().
  Residue residue(const probes::FileKey& key) const { return ledgers_ == nullptr ? Residue{} : ledgers_->residue(key); }

  struct Applied {
    std::vector<ForeignClaim> foreign_claims;  // those that the snapshot before did not have
    // One is not there yet (an image that is still being made): apply again soon.
    bool incomplete = false;
  };

  // Makes the map equal to the snapshot: what is new is there before what is old goes. `domains` are the owners by
  // uuid, of all of the snapshot's; `told` describes them, and says afterwards which volumes are watched, and why not.
  Applied apply(const inventory::Snapshot& snapshot, const std::map<std::string, probes::Owner>& domains,
                v1::Inventory& told);

  // All that are owned.
  const std::map<probes::FileKey, VolumeFacts>& all() const { return volumes_; }

  // Null for what is not owned (any more).
  const VolumeFacts* find(const probes::FileKey& key) const;

 private:
  // What the domains name, and the kernel's keys of it, each asked for once.
  struct Survey {
    std::map<std::string, absl::StatusOr<probes::FileKey>> keys;  // by path
    std::vector<Claim> claims;
    std::vector<VolumeClaims::Holding> absent;
  };
  Survey survey_volumes(const inventory::Snapshot& snapshot, const std::map<std::string, probes::Owner>& domains) const;

  // The numbers of the ledgers, by key.
  std::map<probes::FileKey, std::uint32_t> follow_ledgers(const Survey& survey,
                                                          const std::map<probes::FileKey, Verdict>& verdicts);

  void tell_foreign(const std::vector<Claim>& claims, const std::map<probes::FileKey, Verdict>& verdicts,
                    Applied& applied);

  probes::OwnershipMaps& maps_;
  VolumeClaims claims_;
  VolumeLedgers* ledgers_ = nullptr;
  const Identify identify_;
  std::map<probes::FileKey, VolumeFacts> volumes_;
  std::set<probes::FileKey> released_;  // nobody's, and watched on for what is left on them
  std::set<std::pair<std::uint32_t, probes::FileKey>> told_claims_;  // by domain number
};

}  // namespace bulkhead::ownership

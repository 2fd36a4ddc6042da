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
#include "agent/ownership/image_places.h"
#include "agent/ownership/volume_claims.h"
#include "agent/ownership/volume_ledgers.h"
#include "agent/probes/ownership_maps.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::ownership {

struct VolumeFacts {
  std::string source;
  probes::Owner owner;  // the host, of a base image
  bool base = false;    // everyone may read it, and nobody write
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

  // As policy declares them; a path that ends in "/" is a directory with every file right in it. They count from the
  // next apply().
  void set_base_images(const std::vector<std::string>& paths) { places_.set_base_images(paths); }

 private:
  // What a header names, and what the definition says of the image with that header.
  struct Named {
    Claim claim;
    const inventory::ChainImage* image = nullptr;
    bool has_key = false;
    bool outside = false;  // no definition of the tenant's has it, and it is not where its images are
  };
  // What the domains name, and the kernel's keys of it, each asked for once.
  struct Survey {
    std::map<std::string, absl::StatusOr<probes::FileKey>> keys;  // by path, or by identity of a network disk
    VolumeClaims::Claims claims;
    std::vector<Named> named;
    std::map<probes::FileKey, std::string> bases;  // that policy declares: source
  };
  Survey survey_volumes(const inventory::Snapshot& snapshot, const std::map<std::string, probes::Owner>& domains);
  void survey_chain(const inventory::Domain& domain, const inventory::Volume& volume, probes::Owner owner,
                    Survey& survey);
  // Sorts what headers name into what counts as the tenant's claim and what is not its to name.
  void sort_named(Survey& survey) const;
  const absl::StatusOr<probes::FileKey>& key_of(const std::string& path, const std::string& identity, Survey& survey);

  // Puts all that is owned into the map; why not, by key.
  std::map<probes::FileKey, std::string> watch(const Survey& survey,
                                               const std::map<probes::FileKey, Verdict>& verdicts);
  // The numbers of the ledgers, by key.
  std::map<probes::FileKey, std::uint32_t> follow_ledgers(const Survey& survey,
                                                          const std::map<probes::FileKey, Verdict>& verdicts);
  void tell_foreign(const Survey& survey, const std::map<probes::FileKey, Verdict>& verdicts, Applied& applied);
  void describe(const inventory::Domain& domain, const Survey& survey,
                const std::map<probes::FileKey, std::string>& unwatched, v1::Domain& told, Applied& applied) const;

  probes::OwnershipMaps& maps_;
  VolumeClaims claims_;
  VolumeLedgers* ledgers_ = nullptr;
  const Identify identify_;
  ImagePlaces places_;
  std::map<probes::FileKey, VolumeFacts> volumes_;
  std::set<probes::FileKey> released_;                           // nobody's, and watched on for what is left on them
  std::map<std::string, std::uint64_t> network_numbers_;         // by identity
  std::set<std::pair<std::uint32_t, std::string>> told_claims_;  // domain's number and object
};

}  // namespace bulkhead::ownership

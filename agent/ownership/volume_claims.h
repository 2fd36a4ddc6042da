// Who owns a volume that domains name in their definitions, or that the headers of those do. One tenant: that tenant.
// Several, all reading only: nobody (an installation image). Several, and one of them had it first: that one, so that
// attaching a stolen volume makes no new owner. Otherwise it is contested, and everyone's access is an event.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/ownership_maps.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::ownership {

struct Claim {
  probes::FileKey key;  // of a volume; nothing for other things
  std::string source;   // path, as the definition names it; or a resource's id
  std::string tenant;
  probes::Owner owner;
  bool read_only = false;
  std::string target = {};  // as the definition names it, such as "vda"
  bool shareable = false;
};

// A domain's definition names what is another tenant's, or what several claim: CTRL-05.
struct ForeignClaim {
  Claim claim;
  probes::Owner owner;  // of the object; kContestedNumber for nobody in particular
  v1::ObjectKind kind = v1::OBJECT_KIND_VOLUME;
  std::string image = {};  // DISK-06: the definition names this one, and its header the object
};

struct Verdict {
  // What several tenants only read is a base image: everyone may read it, and nobody write.
  enum class Kind { kOwned, kSharedReadOnly, kContested };
  Kind kind = Kind::kOwned;
  Claim claim;  // the owner's; one of the claims for the other kinds
};

// Claims by tenants that do not own the volume (CTRL-05); all of them for one that is contested, and none for one that
// everybody only reads. Pure.
std::vector<Claim> foreign_claims(const std::vector<Claim>& claims, const std::map<probes::FileKey, Verdict>& verdicts);

// Belongs to one thread.
class VolumeClaims {
 public:
  using Holding = std::pair<std::string, std::string>;  // source, tenant

  // Remembers across restarts of the agent who had what, in `file`; an empty path remembers nothing.
  // A file that cannot be read is an error: without it a thief who attached a volume while the agent was away could not
  // be told from its owner.
  static absl::StatusOr<VolumeClaims> open(std::string file);

  // All claims that there are now.
  struct Claims {
    std::vector<Claim> definitions;
    // By the headers of images. They take nothing that a definition names, or that a tenant held by its definition
    // before (a volume that has a snapshot on top now). Of several tenants' headers that only read: a base image.
    std::vector<Claim> headers = {};
    // Those whose file is not there at the moment: who held it still does.
    std::vector<Holding> absent = {};
    // Tenants with an image whose header is not known: they keep what they held.
    std::set<std::string> unread = {};
  };

  // One verdict per key, ordered by key.
  std::map<probes::FileKey, Verdict> judge(const Claims& claims);

  // Whether the tenant had it by a definition, at the last judge().
  bool held(const Holding& holding) const { return held_.contains(holding); }

  // Writes who owns what to the file, if that changed since it was last written.
  absl::Status save();

 private:
  explicit VolumeClaims(std::string file) : file_(std::move(file)) {}
  bool is_held_by_unread(const std::vector<const Claim*>& claims, const std::set<std::string>& unread) const;
  std::vector<Claim> by_holders(const std::vector<Claim>& headers) const;

  std::string file_;
  std::map<probes::FileKey, std::string> owner_now_;  // tenant
  std::set<Holding> held_;                            // by whoever owns it
  bool changed_ = false;
};

}  // namespace bulkhead::ownership

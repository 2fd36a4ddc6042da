/* SPDX-License-Identifier: GPL-2.0 */
/* Whether an act on a volume is its owner's, and whether it is a domain's that had it (DISK-09). */
#ifndef BULKHEAD_EBPF_LIB_VOLUME_USE_BPF_H
#define BULKHEAD_EBPF_LIB_VOLUME_USE_BPF_H

#include "ebpf/lib/owner.bpf.h"

enum bh_use {
  BH_USE_NOBODYS,      /* no matter of anyone's: not counted */
  BH_USE_OWN,          /* the owner's, or what everyone may do */
  BH_USE_FOREIGN,      /* of another tenant's */
  BH_USE_AFTER_DETACH, /* of what was the actor's own, after the time that a VMM takes to let go of it */
};

static __always_inline enum bh_use bh_use_after_detach(const struct bh_file_key* file, struct bh_owner actor,
                                                       enum bh_use otherwise) {
  struct bh_detached_key key = {.file = *file, .domain = actor.domain};
  struct bh_detached* left = actor.tenant == BH_OWNER_HOST ? 0 : bpf_map_lookup_elem(&detached, &key);
  if (!left) return otherwise;
  return bpf_ktime_get_boot_ns() < left->grace_end_ns ? BH_USE_OWN : BH_USE_AFTER_DETACH;
}

/* `volume` is the file's entry, and no guest memory. */
static __always_inline enum bh_use bh_use_of(const struct bh_file_key* file, const struct bh_volume* volume,
                                             struct bh_owner actor, bool writes) {
  enum bh_use use = BH_USE_FOREIGN;
  if (volume->flags & BH_VOLUME_BASE)
    use = writes ? BH_USE_FOREIGN : BH_USE_OWN;
  else if (bh_is_nobodys(volume) || volume->owner.tenant == BH_OWNER_AGENT)
    use = BH_USE_NOBODYS;
  else if (bh_same_tenant(actor, volume->owner))
    use = BH_USE_OWN;
  return volume->flags & BH_VOLUME_DETACHED ? bh_use_after_detach(file, actor, use) : use;
}

/* Whose the object is in what is told: what nobody has any more was the actor's own. */
static __always_inline struct bh_owner bh_object_of(enum bh_use use, const struct bh_volume* volume,
                                                    struct bh_owner actor) {
  return use == BH_USE_AFTER_DETACH && volume->owner.tenant == BH_OWNER_HOST ? actor : volume->owner;
}

#endif

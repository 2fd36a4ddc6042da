// SPDX-License-Identifier: GPL-2.0
// DISK-07: what reaches block devices, by the device that it was given to first.
#include "ebpf/lib/ledger.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct bh_volume* volume_of(struct bio* bio, struct bh_file_key* key) {
  __builtin_memset(key, 0, sizeof(*key));
  key->device = bio->bi_bdev->bd_dev;
  key->is_block = BH_BLOCK_DEVICE;
  return bpf_map_lookup_elem(&volumes, key);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(bio_queued, struct bio* bio) {
  struct bh_file_key key;
  struct bh_volume* volume = volume_of(bio, &key);
  if (volume) bh_ledger_queued(bio, volume, &key);
  return 0;
}

SEC("tp_btf/block_bio_complete")
int BPF_PROG(bio_completed, struct request_queue* queue, struct bio* bio) {
  struct bh_file_key key;
  if (!bio->bi_status) return 0;
  struct bh_volume* volume = volume_of(bio, &key);
  if (volume) bh_ledger_failed(bio, volume);
  return 0;
}

// SPDX-License-Identifier: GPL-2.0
// DISK-04, DISK-07 and DISK-09: what is read from, written to and discarded on a block device that is a volume, whoever
// asks for it, and what that does to what its last tenant left. A bio comes by once, before it is split or merged, at
// the device that it was submitted to.
#include "ebpf/lib/block_io.bpf.h"
#include "ebpf/lib/ledger.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct bh_volume* volume_of(struct bio* bio, struct bh_file_key* key) {
  key->device = bio->bi_bdev->bd_dev;
  key->is_block = BH_BLOCK_DEVICE;
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, key);
  if (!volume || !(volume->flags & BH_VOLUME_ALIAS)) return volume;
  __u64* sequence = bpf_map_lookup_elem(&alias_disks, &key->device);
  return sequence && *sequence == bio->bi_bdev->bd_disk->diskseq ? volume : 0;
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(queued, struct bio* bio) {
  struct bh_io_key key = {};
  struct bh_volume* volume = volume_of(bio, &key.file);
  if (volume) bh_judge_bio(bio, volume, &key);
  return 0;
}

// A program of its own, for its stack: 512 bytes do not hold both.
SEC("tp_btf/block_bio_queue")
int BPF_PROG(ledger_queued, struct bio* bio) {
  struct bh_file_key key = {};
  struct bh_volume* volume = volume_of(bio, &key);
  if (volume && volume->ledger) bh_ledger_queued(bio, volume, &key);
  return 0;
}

SEC("tp_btf/block_bio_complete")
int BPF_PROG(completed, struct request_queue* queue, struct bio* bio) {
  struct bh_file_key key = {};
  if (!bio->bi_status) return 0;
  struct bh_volume* volume = volume_of(bio, &key);
  if (volume) bh_ledger_failed(bio, volume);
  return 0;
}

SEC("syscall")
int tell_block_io(void* ctx) {
  bh_tell_volume_io(bh_block_io);
  return 0;
}

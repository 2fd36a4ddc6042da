// SPDX-License-Identifier: GPL-2.0
// DISK-04 and DISK-09: what is read from, written to and discarded on a block device that is a volume, whoever asks for
// it. A bio comes by once, before it is split or merged, at the device that it was submitted to.
#include "ebpf/lib/block_io.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/block_bio_queue")
int BPF_PROG(queued, struct bio* bio) {
  struct bh_io_key key = {};
  key.file.device = bio->bi_bdev->bd_dev;
  key.file.is_block = BH_BLOCK_DEVICE;
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, &key.file);
  if (volume) bh_judge_bio(bio, volume, &key);
  return 0;
}

SEC("syscall")
int tell_block_io(void* ctx) {
  bh_tell_volume_io(bh_block_io);
  return 0;
}

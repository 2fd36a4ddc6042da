/* SPDX-License-Identifier: GPL-2.0 */
/* I/O on files and devices, judged at the file (DISK-01): is it a volume, and is it the actor's own? */
#ifndef BULKHEAD_EBPF_LIB_FILE_IO_BPF_H
#define BULKHEAD_EBPF_LIB_FILE_IO_BPF_H

#include "ebpf/lib/guard.bpf.h"
#include "ebpf/lib/volume_io.bpf.h"
#include "ebpf/lib/volume_use.bpf.h"

#define BH_PAGE_SHIFT 12 /* x86-64 */
#define BH_PAGE_SIZE (1ull << BH_PAGE_SHIFT)

static const struct bh_io_source bh_file_io = {.probe = BH_PROBE_DISK_VOLUME_IO, .layer = BH_VOLUME_IO_FILE};

/*
 * The inode's entry, if it is a volume: what all file I/O of the host pays for. `inode` has its type from the kernel,
 * so that it is read without calls.
 */
static __always_inline struct bh_volume* bh_volume_at(struct inode* inode, struct bh_file_key* key) {
  __u32 type = inode->i_mode & BH_S_IFMT;
  __builtin_memset(key, 0, sizeof(*key));
  if (type == BH_S_IFREG) {
    key->inode = inode->i_ino;
    key->device = inode->i_sb->s_dev;
    key->generation = inode->i_generation;
  } else if (type == BH_S_IFBLK) {
    key->device = inode->i_rdev;
    key->is_block = BH_BLOCK_DEVICE;
  } else {
    return 0;
  }
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, key);
  return volume && !(volume->flags & BH_VOLUME_MEMORY) ? volume : 0;
}

/*
 * What a kernel thread that works for nobody's address space does to a file, such as a loop device's worker, is told
 * where it is asked to.
 */
static __always_inline bool bh_is_kernel_work(struct task_struct* task) {
  return (BPF_CORE_READ(task, flags) & BH_PF_KTHREAD) && !BPF_CORE_READ(task, mm);
}

/* True when the current task's act is to be added up; else it was counted. */
static __always_inline bool bh_is_foreign_io(const struct bh_volume* volume, struct bh_io_key* key, bool writes) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  key->actor = bh_actor_owner(task);
  enum bh_use use = bh_use_of(&key->file, volume, key->actor, writes);
  if (use == BH_USE_NOBODYS) return false;
  /* The agent reads the headers of images. */
  if (use == BH_USE_OWN || bh_is_kernel_work(task) || (!writes && bh_is_agent(task))) {
    bh_suppress(BH_PROBE_DISK_VOLUME_IO);
    return false;
  }
  key->object = bh_object_of(use, volume, key->actor);
  key->after_detach = use == BH_USE_AFTER_DETACH;
  return true;
}

static __always_inline void bh_judge_io(struct inode* inode, const struct bh_io_amounts* amounts) {
  struct bh_io_key key = {};
  struct bh_volume* volume = bh_volume_at(inode, &key.file);
  if (volume && bh_is_foreign_io(volume, &key, amounts->writes != 0))
    bh_add_io(&bh_file_io, &key, amounts, (struct task_struct*)bpf_get_current_task());
}

static __always_inline void bh_judge_read(struct inode* inode, __u64 bytes) {
  struct bh_io_amounts amounts = {.reads = 1, .bytes_read = bytes};
  bh_judge_io(inode, &amounts);
}

static __always_inline void bh_judge_write(struct inode* inode, __u64 bytes) {
  struct bh_io_amounts amounts = {.writes = 1, .bytes_written = bytes};
  bh_judge_io(inode, &amounts);
}

static __always_inline void bh_judge_mapped(struct inode* inode, __u64 bytes) {
  struct bh_io_amounts amounts = {.bytes_mapped = bytes};
  bh_judge_io(inode, &amounts);
}

/* Direct I/O by iomap when it begins: what is asked for, of a read no more than there is. */
static __always_inline void bh_judge_direct(struct inode* inode, __u64 offset, __u64 bytes, bool writes) {
  if (writes) {
    if (bytes) bh_judge_write(inode, bytes);
    return;
  }
  __u64 size = inode->i_size;
  if ((inode->i_mode & BH_S_IFMT) == BH_S_IFREG) {
    if (offset >= size) return;
    if (bytes > size - offset) bytes = size - offset;
  }
  if (bytes) bh_judge_read(inode, bytes);
}

#endif

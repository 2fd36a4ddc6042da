/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that was just opened or received, judged by the kernel's own object: is it a tenant's volume (DISK-01), is it
 * an object of guest memory (MEM-05), is it a VMM's memory in procfs (MEM-03), is it all of the host's memory (MEM-08),
 * is it a domain's console (CTRL-03)? And if it is none of these, and a VMM opened it: does its domain declare it
 * (VMM-02)? No path string is looked at for the verdict.
 */
#ifndef BULKHEAD_EBPF_LIB_OPENED_FILE_BPF_H
#define BULKHEAD_EBPF_LIB_OPENED_FILE_BPF_H

#include "ebpf/lib/declared.bpf.h"
#include "ebpf/lib/endpoint.bpf.h"
#include "ebpf/lib/memory_access.bpf.h"
#include "ebpf/lib/proc_mem.bpf.h"

/* False when it is neither a VMM's memory nor the agent's; the agent's own open of its own is nothing. */
static __always_inline bool bh_judge_proc_mem(__u32 probe, struct task_struct* task, struct file* file,
                                              struct task_struct* target, __u32 method, __s64 result) {
  struct bh_memory_call call = {
      .operation = method == BH_OPEN_RECEIVED ? BH_MEMORY_PROC_MEM_RECEIVE : BH_MEMORY_PROC_MEM_OPEN,
      .open_flags = BPF_CORE_READ(file, f_flags)};
  if (!bh_vmm_of(target) && (!bh_is_agent(target) || bh_is_agent(task))) return false;
  if (bh_memory_judge(probe, task, target, &call)) bh_memory_tell(probe, task, &call, result);
  return true;
}

/* What was found to cross tenants goes out, with its path. */
static __always_inline void bh_tell_opened(__u32 probe, struct task_struct* task, struct file* file,
                                           const struct bh_file_open_record* found, __u32 permission) {
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) {
    BH_COUNT(probe, lost);
    return;
  }
  struct bh_file_open_record* record = (struct bh_file_open_record*)target->bytes;
  *record = *found;
  bh_fill_actor(&record->header, task);
  __u16 flags = found->header.flags;
  __u32 path_length = bh_write_path(file, sizeof(*record), &flags);
  if (found->header.actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, permission)) flags |= BH_FLAG_TRUSTED;
  record->header.flags = flags;
  record->open_flags = BPF_CORE_READ(file, f_flags);
  record->link_count = BPF_CORE_READ(file, f_inode, i_nlink);
  record->path_length = path_length;
  __u32 size = sizeof(*record) + path_length;
  bh_stamp(&record->header, probe, BH_RECORD_FILE_OPEN, size);
  bh_count_output(probe, bh_output_scratch(target, size));
}

/* Whoever opens a base image may read it, and the agent reads headers. */
static __always_inline bool bh_may_open(struct task_struct* task, const struct bh_volume* volume, struct bh_owner actor,
                                        __u32 access) {
  if (volume->flags & BH_VOLUME_BASE) return !(access & BH_FMODE_WRITE);
  return bh_same_tenant(actor, volume->owner) || (!(access & BH_FMODE_WRITE) && bh_is_agent(task));
}

/* False for what is no volume. */
static __always_inline bool bh_judge_volume(__u32 probe, struct task_struct* task, const struct bh_open_file* open,
                                            __u32 method) {
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, &open->key);
  if (!volume || bh_is_nobodys(volume)) return false;
  if (bh_was_canary(probe, task, volume->owner, BH_CANARY_OPEN | method)) return true;
  BH_COUNT(probe, seen);
  struct bh_file_open_record found = {.method = method, .file = open->key};
  found.header.actor = bh_actor_owner(task);
  found.header.object = volume->owner;
  if (bh_may_open(task, volume, found.header.actor, open->access)) {
    BH_COUNT(probe, suppressed);
    return true;
  }
  bool is_memory = volume->flags & BH_VOLUME_MEMORY;
  if (is_memory) found.header.flags = BH_FLAG_GUEST_MEMORY;
  bh_tell_opened(probe, task, open->file, &found, is_memory ? BH_MAY_ACCESS_MEMORY : BH_MAY_OPEN_VOLUMES);
  return true;
}

/* All of the host's memory is every tenant's, so whoever opens it crosses to them. */
static __always_inline void bh_judge_host_memory(__u32 probe, struct task_struct* task, struct file* file, __u32 device,
                                                 __u32 method) {
  struct bh_file_open_record found = {.method = method, .file = {.device = device}};
  BH_COUNT(probe, seen);
  found.header.actor = bh_actor_owner(task);
  found.header.flags = BH_FLAG_HOST_MEMORY;
  bh_tell_opened(probe, task, file, &found, BH_MAY_ACCESS_MEMORY);
}

static __always_inline bool bh_judge_procfs(__u32 probe, struct task_struct* task, struct file* file,
                                            struct inode* inode, __u32 method, __s64 result) {
  if (bh_is_proc_host_memory(file, inode)) {
    bh_judge_host_memory(probe, task, file, 0, method);
    return true;
  }
  struct task_struct* target = bh_proc_mem_task(file, inode);
  return target && bh_judge_proc_mem(probe, task, file, target, method, result);
}

/* Nobody's. What the kernel opens for another call (execve, a pty's other end) is that call's matter. */
static __always_inline void bh_judge_host_file(__u32 probe, struct task_struct* task, const struct bh_open_file* open,
                                               __u32 method) {
  struct bh_vmm* vmm = bh_confined_vmm();
  if (!vmm || method == BH_OPEN_OTHER || !bh_is_host_file(open->file)) return;
  BH_COUNT(probe, seen);
  if (!bh_is_undeclared(open->file, open->inode, vmm)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  struct bh_file_open_record found = {.method = method};
  bh_declared_file_of(open->inode, &found.file);
  found.header.actor = vmm->owner;
  found.header.flags = BH_FLAG_HOST_FILE;
  bh_tell_opened(probe, task, open->file, &found, 0);
}

static __always_inline bool bh_judge_device(__u32 probe, struct task_struct* task, const struct bh_open_file* open,
                                            __u32 method, __s64 result) {
  if (open->magic == BH_DEVPTS_SUPER_MAGIC) {
    struct bh_endpoint_key key = {
        .inode = open->key.inode, .device = open->key.device, .generation = open->key.generation};
    return bh_judge_endpoint(probe, task, &key, BH_ENDPOINT_OPEN, result);
  }
  if (!bh_is_memory_device(open->device)) return false;
  bh_judge_host_memory(probe, task, open->file, open->device, method);
  return true;
}

/* The number of a device that was built over a volume was given to another since. */
static __always_inline bool bh_is_other_disk(const struct bh_open_file* open) {
  __u32 device = open->device;
  __u64* sequence = bpf_map_lookup_elem(&alias_disks, &device);
  if (!sequence) return false;
  struct file* file = open->file;
  struct inode* host = BPF_CORE_READ(file, f_mapping, host); /* of the device, not of its node */
  struct bdev_inode* device_inode =
      (struct bdev_inode*)((char*)host - bpf_core_field_offset(struct bdev_inode, vfs_inode));
  return BPF_CORE_READ(device_inode, bdev.bd_disk, diskseq) != *sequence;
}

/* False for what is no volume: a regular file, or a block device by its number. */
static __always_inline bool bh_judge_storage(__u32 probe, struct task_struct* task, struct bh_open_file* open,
                                             __u32 method) {
  if (open->type == BH_S_IFBLK) {
    __builtin_memset(&open->key, 0, sizeof(open->key));
    open->key.device = open->device;
    open->key.is_block = BH_BLOCK_DEVICE;
    if (bh_is_other_disk(open)) return false;
  } else if (open->type != BH_S_IFREG) {
    return false;
  }
  return bh_judge_volume(probe, task, open, method);
}

/* False for what is nobody's. `result` as for bh_judge_opened_file(). */
static __always_inline bool bh_judge_owned(__u32 probe, struct task_struct* task, struct bh_open_file* open,
                                           __u32 method, __s64 result) {
  if (open->magic == BH_PROC_SUPER_MAGIC) return bh_judge_procfs(probe, task, open->file, open->inode, method, result);
  if (open->type == BH_S_IFCHR) return bh_judge_device(probe, task, open, method, result);
  return bh_judge_storage(probe, task, open, method);
}

/* `result` is what the caller of the open will see: a descriptor, or 0 where that is not known yet. */
static __always_inline void bh_judge_open_file(__u32 probe, struct bh_open_file* open, __u32 method, __s64 result) {
  if (open->access & BH_FMODE_PATH) return;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (!bh_judge_owned(probe, task, open, method, result)) bh_judge_host_file(probe, task, open, method);
}

#define BH_OVERLAYFS_SUPER_MAGIC 0x794c7630

/* Since 6.13 (87a8a76c34a2) an overlay's file has this; before, the file below itself. */
struct ovl_file___since_6_13 {
  struct file* realfile;
} __attribute__((preserve_access_index));

/* A volume may be a lower file of an overlay, which opens it for the overlay's own file: the one with a descriptor. */
static __always_inline void bh_judge_below(__u32 probe, struct file* file, __u32 method) {
  struct file* below = BPF_CORE_READ(file, private_data);
  if (below && bpf_core_field_exists(struct ovl_file___since_6_13, realfile))
    below = BPF_CORE_READ((struct ovl_file___since_6_13*)below, realfile);
  if (!below) return;
  struct bh_open_file open;
  bh_look_at_untyped(below, &open);
  open.file = file; /* names it */
  bh_judge_storage(probe, (struct task_struct*)bpf_get_current_task(), &open, method);
}

/* `file` is a mere address. */
static __always_inline void bh_judge_opened_file(__u32 probe, struct file* file, __u32 method, __s64 result) {
  struct bh_open_file open;
  if (!file) return;
  bh_look_at_untyped(file, &open);
  bh_judge_open_file(probe, &open, method, result);
  if (open.magic == BH_OVERLAYFS_SUPER_MAGIC && !(open.access & BH_FMODE_PATH)) bh_judge_below(probe, file, method);
}

#endif

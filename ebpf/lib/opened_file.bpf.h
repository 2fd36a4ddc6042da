/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that was just opened, judged by the kernel's own object: is it a tenant's volume (DISK-01), is it a VMM's
 * memory in procfs (MEM-03), is it a domain's console (CTRL-03)? No path string is looked at for the verdict.
 */
#ifndef BULKHEAD_EBPF_LIB_OPENED_FILE_BPF_H
#define BULKHEAD_EBPF_LIB_OPENED_FILE_BPF_H

#include "ebpf/lib/endpoint.bpf.h"

/*
 * The task whose memory a procfs file is, null for any other file. Names in procfs are the kernel's: nobody can give
 * "mem" to another file of a process's folder, and a bind mount keeps the dentry.
 */
static __always_inline struct task_struct* bh_proc_mem_task(struct file* file, struct inode* inode) {
  char name[4] = {};
  bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3] != 0) return 0;
  struct proc_inode* proc = (struct proc_inode*)((char*)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
  struct pid* pid = BPF_CORE_READ(proc, pid);
  return pid ? bh_pid_task(pid) : 0;
}

static __always_inline void bh_judge_proc_mem(__u32 probe, struct task_struct* task, struct file* file,
                                              struct inode* inode, __s64 result) {
  struct task_struct* target = bh_proc_mem_task(file, inode);
  if (!target) return;
  struct bh_vmm* vmm = bh_vmm_of(target);
  if (!vmm) return;
  BH_COUNT(probe, seen);
  struct bh_owner actor = bh_actor_owner(task);
  if (bh_same_tenant(actor, vmm->owner)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  bh_announce_actor(task);
  struct bh_memory_record record = {};
  bh_fill_actor(&record.header, task);
  record.header.actor = actor;
  record.header.object = vmm->owner;
  if (actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_ACCESS_MEMORY))
    record.header.flags |= BH_FLAG_TRUSTED;
  record.target_start_ns = vmm->start_ns;
  record.target_tgid = BPF_CORE_READ(target, tgid);
  record.target_tid = BPF_CORE_READ(target, pid);
  record.operation = BH_MEMORY_PROC_MEM_OPEN;
  record.result = result;
  record.open_flags = BPF_CORE_READ(file, f_flags);
  bh_submit(&record.header, probe, BH_RECORD_MEMORY, sizeof(record));
}

static __always_inline void bh_judge_volume(__u32 probe, struct task_struct* task, struct file* file,
                                            struct inode* inode, __u32 method) {
  struct bh_file_key key;
  if (!bh_file_key_of(inode, &key)) return;
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, &key);
  if (!volume) return;
  BH_COUNT(probe, seen);
  struct bh_owner actor = bh_actor_owner(task);
  if (bh_same_tenant(actor, volume->owner)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) {
    BH_COUNT(probe, lost);
    return;
  }
  struct bh_file_open_record* record = (struct bh_file_open_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  bh_fill_actor(&record->header, task);
  record->header.actor = actor;
  record->header.object = volume->owner;
  __u16 flags = 0;
  __u32 path_length = bh_write_path(file, sizeof(*record), &flags);
  if (actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_OPEN_VOLUMES)) flags |= BH_FLAG_TRUSTED;
  record->header.flags = flags;
  record->file = key;
  record->method = method;
  record->open_flags = BPF_CORE_READ(file, f_flags);
  record->link_count = BPF_CORE_READ(inode, i_nlink);
  record->path_length = path_length;
  __u32 size = sizeof(*record) + path_length;
  bh_stamp(&record->header, probe, BH_RECORD_FILE_OPEN, size);
  bh_count_output(probe, bh_output_scratch(target, size));
}

/* `result` is what the caller of the open will see: a descriptor, or 0 for an io_uring slot. */
static __always_inline void bh_judge_opened_file(__u32 probe, struct file* file, __u32 method, __s64 result) {
  if (!file || (BPF_CORE_READ(file, f_mode) & BH_FMODE_PATH)) return;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  struct bh_endpoint_key key;
  if (BPF_CORE_READ(inode, i_sb, s_magic) == BH_PROC_SUPER_MAGIC)
    bh_judge_proc_mem(probe, task, file, inode, result);
  else if (bh_endpoint_key_of(inode, &key))
    bh_judge_endpoint(probe, task, &key, BH_ENDPOINT_OPEN, result);
  else
    bh_judge_volume(probe, task, file, inode, method);
}

#endif

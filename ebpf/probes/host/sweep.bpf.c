// SPDX-License-Identifier: GPL-2.0
// What stands already: descriptors and mappings that came before the agent or by no call that a hook sees, and virtual
// machines that libvirt does not know. Iterators, which the agent reads (agent/probes/host_sweep.h): each run of a
// program is one descriptor, one mapping or one task, and the last is none.
#include "ebpf/lib/guest_memory.bpf.h"
#include "ebpf/lib/held_object.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// libvirt runs emulators for a moment to learn what they can do; a domain's becomes its VMM within seconds.
#define GRACE_NS (20ull * 1000 * 1000 * 1000)

// Sweeps of each kind that came to their end.
__u32 descriptor_sweeps = 0, mapping_sweeps = 0, task_sweeps = 0;

SEC("iter/task_file")
int descriptors(struct bpf_iter__task_file* ctx) {
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  if (!task || !file) {
    descriptor_sweeps++;
    return 0;
  }
  if (file->f_mode & BH_FMODE_PATH) return 0;
  struct inode* inode = file->f_inode;
  __u32 type = inode->i_mode & BH_S_IFMT;
  unsigned long magic = inode->i_sb->s_magic;
  struct bh_holding_record found = {.kind = BH_HOLDING_DESCRIPTOR, .descriptor = ctx->fd, .open_flags = file->f_flags};
  if (magic == BH_PROC_SUPER_MAGIC) {
    bh_hold_procfs(task, file, inode, &found, descriptor_sweeps);
  } else if (magic == BH_ANON_INODE_FS_MAGIC) {
    bh_hold_anonymous(task, file, inode, &found, descriptor_sweeps);
  } else if (type == BH_S_IFCHR) {
    if (bh_is_memory_device(inode->i_rdev)) bh_hold_host_memory(task, file, &found, inode->i_rdev, descriptor_sweeps);
  } else if (type == BH_S_IFREG || type == BH_S_IFBLK) {
    bh_hold_volume(task, file, inode, &found, descriptor_sweeps);
  }
  return 0;
}

SEC("iter/task_vma")
int mappings(struct bpf_iter__task_vma* ctx) {
  struct task_struct* task = ctx->task;
  struct vm_area_struct* area = ctx->vma;
  if (!task || !area) {
    mapping_sweeps++;
    return 0;
  }
  struct file* file = area->vm_file;
  if (!file) return 0;
  struct inode* inode = file->f_inode;
  struct bh_holding_record found = {.kind = BH_HOLDING_MAPPING,
                                    .mapped_bytes = area->vm_end - area->vm_start,
                                    .writable = bh_is_writable_mapping(area->vm_flags)};
  if ((inode->i_mode & BH_S_IFMT) != BH_S_IFCHR)
    bh_hold_volume(task, file, inode, &found, mapping_sweeps);
  else if (bh_is_memory_device(inode->i_rdev))
    bh_hold_host_memory(task, file, &found, inode->i_rdev, mapping_sweeps);
  return 0;
}

SEC("iter/task")
int machines(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  if (!task) {
    task_sweeps++;
    return 0;
  }
  // One thread for all: the leader, unless it ended before the others did.
  if (task->pid != task->tgid && task->group_leader->mm) return 0;
  if (task->flags & BH_PF_KTHREAD) return 0;
  struct file* executable = BPF_CORE_READ(task, mm, exe_file);
  struct bh_holding_record found = {.kind = BH_HOLDING_MAPPING};
  if (!executable || !bh_file_key_of(BPF_CORE_READ(executable, f_inode), &found.file)) return 0;
  if (!bpf_map_lookup_elem(&emulators, &found.file) || bh_vmm_of(task)) return 0;
  if (bpf_ktime_get_boot_ns() - bh_start_ns(task) < GRACE_NS) return 0;
  bh_hold_machine(task, executable, &found, task_sweeps);
  return 0;
}

// Read by the agent, which then knows what to watch: the iterator's text is claims.
SEC("iter/task_vma")
int guest_memory(struct bpf_iter__task_vma* ctx) {
  struct task_struct* task = ctx->task;
  struct vm_area_struct* area = ctx->vma;
  if (!task || !area || !area->vm_file || !(area->vm_flags & BH_VM_SHARED)) return 0;
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm || (vmm->flags & BH_VMM_DESCENDANT) || vmm->owner.tenant >= BH_OWNER_LIMIT) return 0;
  struct file* file = area->vm_file;
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target || !bh_is_shared_memory(file->f_inode, area->vm_flags)) return 0;
  struct bh_memory_claim* claim = (struct bh_memory_claim*)target->bytes;
  __builtin_memset(claim, 0, sizeof(*claim));
  bh_file_key_of(file->f_inode, &claim->file);
  claim->owner = vmm->owner;
  claim->vmm_start_ns = vmm->start_ns;
  claim->vmm_tgid = task->tgid;
  claim->bytes = area->vm_end - area->vm_start;
  __u16 flags = 0;
  __u32 path_length = bh_write_path(file, sizeof(*claim), &flags);
  __u64 size = sizeof(*claim) + path_length;
  claim->path_length = path_length;
  claim->size = size;
  barrier_var(size);  // as in bh_output_scratch()
  if (size <= BH_SCRATCH_SIZE) bpf_seq_write(ctx->meta->seq, target->bytes, size);
  return 0;
}

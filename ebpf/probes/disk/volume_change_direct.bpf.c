// SPDX-License-Identifier: GPL-2.0
// DISK-08 and DISK-05, tier 1: the kernel's own functions for what is done with files, which system calls, io_uring,
// NFS and overlays come through, with their results; also of what the kernel refused there.
#include "ebpf/lib/volume_change.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_RENAME_EXCHANGE 2 /* linux/fs.h */
#define BH_ATTR_OWNER_OR_MODE 7
#define BH_ATTR_SIZE 8

static __always_inline struct bh_change_key key_of(struct dentry* dentry) {
  struct bh_change_key key = {.call = bpf_get_current_pid_tgid(), .object = (__u64)dentry};
  return key;
}

static __always_inline void begin(struct dentry* name, struct dentry* other, __u64 detail) {
  struct bh_change_key key = key_of(name);
  struct bh_change change = {.inode = BPF_CORE_READ(name, d_inode), .name = name, .other = other, .detail = detail};
  bh_begin_change(&key, &change);
}

// `other`: a name that is only known now; null for none.
static __noinline int end(struct dentry* name, struct dentry* other, __u32 change, __s64 result) {
  struct bh_change_key key = key_of(name);
  struct bh_scratch* target = bh_take_change(&key);
  if (!target) return 0;
  __u64 detail = ((struct bh_pending_change*)target->bytes)->detail;
  if (other) bh_add_other_path(target, other);
  bh_tell_change(target, change, result, change == BH_CHANGE_TRUNCATED ? detail : 0);
  return 0;
}

static __always_inline __s64 result_of(void* ctx) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  return (__s32)result;
}

SEC("fentry/vfs_rename")
int BPF_PROG(rename_begins, struct renamedata* asked) {
  struct dentry* name = BPF_CORE_READ(asked, old_dentry);
  struct dentry* taken = BPF_CORE_READ(asked, new_dentry);
  begin(name, 0, 0);
  begin(taken, name, 0);
  return 0;
}

SEC("fexit/vfs_rename")
int BPF_PROG(renamed, struct renamedata* asked) {
  struct dentry* name = BPF_CORE_READ(asked, old_dentry);
  struct dentry* taken = BPF_CORE_READ(asked, new_dentry);
  bool is_exchange = BPF_CORE_READ(asked, flags) & BH_RENAME_EXCHANGE;
  __s64 result = result_of(ctx);
  end(name, result ? taken : name, BH_CHANGE_RENAMED, result);
  end(taken, 0, is_exchange ? BH_CHANGE_RENAMED : BH_CHANGE_REPLACED, result);
  return 0;
}

SEC("fentry/vfs_unlink")
int BPF_PROG(unlink_begins, void* idmap, void* directory, struct dentry* name) {
  begin(name, 0, 0);
  return 0;
}

SEC("fexit/vfs_unlink")
int BPF_PROG(unlinked, void* idmap, void* directory, struct dentry* name) {
  return end(name, 0, BH_CHANGE_UNLINKED, result_of(ctx));
}

SEC("fentry/vfs_link")
int BPF_PROG(link_begins, struct dentry* name, void* idmap, void* directory, struct dentry* other) {
  begin(name, other, 0);
  return 0;
}

SEC("fexit/vfs_link")
int BPF_PROG(linked, struct dentry* name) {
  return end(name, 0, BH_CHANGE_LINKED, result_of(ctx));
}

// Also for times alone, and by each write to a set-uid file: those are no change.
SEC("fentry/notify_change")
int BPF_PROG(attributes_begin, void* idmap, struct dentry* name, struct iattr* asked) {
  __u32 valid = BPF_CORE_READ(asked, ia_valid);
  if (valid & (BH_ATTR_OWNER_OR_MODE | BH_ATTR_SIZE))
    begin(name, 0, valid & BH_ATTR_SIZE ? BPF_CORE_READ(asked, ia_size) : 0);
  return 0;
}

SEC("fexit/notify_change")
int BPF_PROG(attributes_changed, void* idmap, struct dentry* name, struct iattr* asked) {
  bool is_size = BPF_CORE_READ(asked, ia_valid) & BH_ATTR_SIZE;
  return end(name, 0, is_size ? BH_CHANGE_TRUNCATED : BH_CHANGE_PERMISSIONS, result_of(ctx));
}

// Extended attributes: access lists are among them up to 6.1, and have functions of their own since (e10796fe5a1f).
#define BH_ATTRIBUTE(function)                                        \
  SEC("fentry/" #function)                                            \
  int BPF_PROG(function##_begins, void* idmap, struct dentry* name) { \
    begin(name, 0, 0);                                                \
    return 0;                                                         \
  }                                                                   \
  SEC("fexit/" #function)                                             \
  int BPF_PROG(function##_done, void* idmap, struct dentry* name) {   \
    return end(name, 0, BH_CHANGE_PERMISSIONS, result_of(ctx));       \
  }
BH_ATTRIBUTE(vfs_setxattr)
BH_ATTRIBUTE(vfs_removexattr)
BH_ATTRIBUTE(vfs_set_acl)
BH_ATTRIBUTE(vfs_remove_acl)

SEC("fexit/vfs_fallocate")
int BPF_PROG(allocated, struct file* file, int mode, __u64 offset, __u64 length) {
  if (!result_of(ctx)) bh_allocated(file, mode, offset + length, length);
  return 0;
}

static __always_inline int copied_in(void* ctx, struct file* source, struct file* target) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  bh_copied(source, target, (__s64)result);
  return 0;
}

SEC("fexit/vfs_copy_file_range")
int BPF_PROG(copied, struct file* source, __u64 source_offset, struct file* target) {
  return copied_in(ctx, source, target);
}

SEC("fexit/vfs_clone_file_range")
int BPF_PROG(reflinked, struct file* source, __u64 source_offset, struct file* target) {
  return copied_in(ctx, source, target);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Files: from a descriptor to the kernel's object and its key. */
#ifndef BULKHEAD_EBPF_LIB_FILE_BPF_H
#define BULKHEAD_EBPF_LIB_FILE_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define BH_S_IFMT 0170000
#define BH_S_IFREG 0100000
#define BH_S_IFDIR 0040000
#define BH_S_IFBLK 0060000
#define BH_S_IFCHR 0020000
#define BH_S_IFSOCK 0140000
#define BH_PROC_SUPER_MAGIC 0x9fa0
#define BH_DEVPTS_SUPER_MAGIC 0x1cd1
#define BH_SYSFS_MAGIC 0x62656572
#define BH_FMODE_READ 0x1
#define BH_FMODE_WRITE 0x2
#define BH_ANON_INODE_FS_MAGIC 0x09041934
#define BH_FMODE_PATH 0x4000 /* O_PATH: no access to the file's content */
/* Opened by a file system for itself, such as the file below one of an overlay (4.19, d3b1084dfd62). */
#define BH_FMODE_NOACCOUNT 0x20000000
#define BH_MNT_INTERNAL 0x4000 /* linux/mount.h: of no mount namespace, such as a memfd's or a pipe's */

/* Major 1 (Documentation/admin-guide/devices.txt): 1 is /dev/mem, 2 was /dev/kmem. */
#define BH_DEV_MEM ((1u << 20) | 1)
#define BH_DEV_KMEM ((1u << 20) | 2)

static __always_inline bool bh_is_memory_device(__u32 device) {
  return device == BH_DEV_MEM || device == BH_DEV_KMEM;
}

/* The file behind a descriptor of `task`, as it is now; null when there is none. */
static __always_inline struct file* bh_file_of(struct task_struct* task, __u32 descriptor) {
  struct fdtable* table = BPF_CORE_READ(task, files, fdt);
  if (descriptor >= BPF_CORE_READ(table, max_fds)) return 0;
  struct file** files = BPF_CORE_READ(table, fd);
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), &files[descriptor]);
  return file;
}

/* The same for the current task, read without a call of the kernel's but for the descriptor's own place in the table.
 */
static __always_inline struct file* bh_current_file(__u32 descriptor) {
  struct fdtable* table = bpf_get_current_task_btf()->files->fdt;
  if (descriptor >= table->max_fds) return 0;
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), &table->fd[descriptor]);
  return file;
}

/* What every open on the host is looked at for, by type and number of the file system's own object. */
struct bh_open_file {
  struct file* file;
  struct inode* inode;
  unsigned long magic; /* of the file system */
  __u32 access;        /* FMODE bits */
  __u32 type;          /* S_IFMT bits */
  __u32 device;        /* that a device node stands for */
  struct bh_file_key key;
};

extern void* bpf_rdonly_cast(const void* object, __u32 type) __ksym __weak;

/*
 * Since 6.2 (a35b9af4ec2c) a pointer can be given its type, and is read by plain loads then: a tenth of what the
 * calls cost. CO-RE cannot ask for a function, so it asks for a type that came soon after (6.4, 6018e1f407cc).
 */
#define BH_HAS_TYPED_READS bpf_core_type_exists(struct bpf_iter_num)
#define BH_READ(typed, object, field) ((typed) ? (object)->field : BPF_CORE_READ(object, field))

/* `typed`, a constant: `file` has its type from the kernel. */
static __always_inline void bh_look_at(struct file* file, bool typed, struct bh_open_file* open) {
  struct inode* inode = BH_READ(typed, file, f_inode);
  struct super_block* file_system = BH_READ(typed, inode, i_sb);
  open->file = file;
  open->inode = inode;
  open->access = BH_READ(typed, file, f_mode);
  open->magic = BH_READ(typed, file_system, s_magic);
  open->type = BH_READ(typed, inode, i_mode) & BH_S_IFMT;
  open->device = BH_READ(typed, inode, i_rdev);
  __builtin_memset(&open->key, 0, sizeof(open->key));
  open->key.inode = BH_READ(typed, inode, i_ino);
  open->key.device = BH_READ(typed, file_system, s_dev);
  open->key.generation = BH_READ(typed, inode, i_generation);
}

static __always_inline void bh_look_at_untyped(struct file* file, struct bh_open_file* open) {
  if (BH_HAS_TYPED_READS)
    bh_look_at(bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file)), true, open);
  else
    bh_look_at(file, false, open);
}

/* False for what can be nobody's volume: sockets, pipes, directories, character devices. */
static __always_inline bool bh_file_key_of(struct inode* inode, struct bh_file_key* key) {
  __u32 type = BPF_CORE_READ(inode, i_mode) & BH_S_IFMT;
  __builtin_memset(key, 0, sizeof(*key));
  if (type == BH_S_IFREG) {
    key->inode = BPF_CORE_READ(inode, i_ino);
    key->device = BPF_CORE_READ(inode, i_sb, s_dev);
    key->generation = BPF_CORE_READ(inode, i_generation);
    return true;
  }
  if (type == BH_S_IFBLK) {
    key->device = BPF_CORE_READ(inode, i_rdev);
    key->is_block = BH_BLOCK_DEVICE;
    return true;
  }
  return false;
}

/* The key of any file, directories and devices among them, as declared_files has it. */
static __always_inline void bh_declared_file_of(struct inode* inode, struct bh_file_key* key) {
  __u32 type = BPF_CORE_READ(inode, i_mode) & BH_S_IFMT;
  __builtin_memset(key, 0, sizeof(*key));
  if (type == BH_S_IFBLK || type == BH_S_IFCHR) {
    key->device = BPF_CORE_READ(inode, i_rdev);
    key->is_block = type == BH_S_IFBLK ? BH_BLOCK_DEVICE : BH_CHARACTER_DEVICE;
    return;
  }
  key->inode = BPF_CORE_READ(inode, i_ino);
  key->device = BPF_CORE_READ(inode, i_sb, s_dev);
  key->generation = BPF_CORE_READ(inode, i_generation);
}

/* False for what can be no endpoint: all but sockets and ptys. A definition may name any other device as a console. */
static __always_inline bool bh_endpoint_key_of(struct inode* inode, struct bh_endpoint_key* key) {
  __u32 type = BPF_CORE_READ(inode, i_mode) & BH_S_IFMT;
  __builtin_memset(key, 0, sizeof(*key));
  if (type != BH_S_IFSOCK && type != BH_S_IFCHR) return false;
  if (type == BH_S_IFCHR && BPF_CORE_READ(inode, i_sb, s_magic) != BH_DEVPTS_SUPER_MAGIC) return false;
  key->inode = BPF_CORE_READ(inode, i_ino);
  key->device = BPF_CORE_READ(inode, i_sb, s_dev);
  key->generation = BPF_CORE_READ(inode, i_generation);
  return true;
}

#endif

// SPDX-License-Identifier: GPL-2.0
// What the agent asks about block devices and file systems, answered from the kernel's own objects: what sysfs says of
// a loop device's file is a path that may be another file's by now. As object_key.bpf.c, attached nowhere; an object of
// its own, because the types of loop devices may come with a module, and it is loaded anew then.
#include "ebpf/lib/file.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_KERNFS_DIR 1 /* linux/kernfs.h */

static __always_inline struct file* file_of_caller(__u32 descriptor) {
  return bh_file_of((struct task_struct*)bpf_get_current_task(), descriptor);
}

// class.name is the folder in /sys/class.
static __always_inline bool is_block_class(struct device* device) {
  char name[6] = {};
  bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(device, class, name));
  return name[0] == 'b' && name[1] == 'l' && name[2] == 'o' && name[3] == 'c' && name[4] == 'k' && name[5] == 0;
}

// A folder's kernfs node has the kobject that it is of (sysfs_create_dir_ns).
static __always_inline struct block_device* block_device_of(struct file* folder) {
  struct inode* inode = BPF_CORE_READ(folder, f_inode);
  if (BPF_CORE_READ(inode, i_sb, s_magic) != BH_SYSFS_MAGIC) return 0;
  struct kernfs_node* node = BPF_CORE_READ(inode, i_private);
  if (!node || !(BPF_CORE_READ(node, flags) & BH_KERNFS_DIR)) return 0;
  char* object = BPF_CORE_READ(node, priv);
  if (!object) return 0;
  struct device* device = (struct device*)(object - bpf_core_field_offset(struct device, kobj));
  if (!is_block_class(device)) return 0;
  return (struct block_device*)((char*)device - bpf_core_field_offset(struct block_device, bd_device));
}

// The answer itself is no memory that a helper may write to.
static __always_inline void copy_uuid(__u8* to, struct inode* inode) {
  __u8 uuid[16] = {};
  BPF_CORE_READ_INTO(&uuid, inode, i_sb, s_uuid.b);
  for (int i = 0; i < 16; i++) to[i] = uuid[i];
}

static __always_inline void look_at_loop(struct gendisk* disk, struct bh_block_device_query* query) {
  query->loop_known = bpf_core_type_exists(struct loop_device);
  if (!query->loop_known) return;
  struct loop_device* loop = BPF_CORE_READ(disk, private_data);
  struct file* backing = BPF_CORE_READ(loop, lo_backing_file);
  struct bh_file_key key = {};
  if (!backing || !bh_file_key_of(BPF_CORE_READ(backing, f_inode), &key)) return;
  query->backing = key;
  copy_uuid(query->uuid, BPF_CORE_READ(backing, f_inode));
  query->offset = BPF_CORE_READ(loop, lo_offset);
  query->limit = BPF_CORE_READ(loop, lo_sizelimit);
}

/* Returns 0, or 1 if there is no such thing. */
SEC("syscall")
int block_device(struct bh_block_device_query* query) {
  struct file* folder = file_of_caller(query->descriptor);
  if (!folder) return 1;
  struct block_device* device = block_device_of(folder);
  if (!device) return 1;
  struct gendisk* disk = BPF_CORE_READ(device, bd_disk);
  query->device = BPF_CORE_READ(device, bd_dev);
  query->disk_sequence = BPF_CORE_READ(disk, diskseq);
  query->sectors = BPF_CORE_READ(device, bd_nr_sectors);
  query->is_loop = BPF_CORE_READ(disk, major) == 7 && query->device >> 20 == 7; /* not its partitions */
  if (query->is_loop) look_at_loop(disk, query);
  return 0;
}

SEC("syscall")
int file_system(struct bh_file_system_query* query) {
  struct file* file = file_of_caller(query->descriptor);
  if (!file) return 1;
  copy_uuid(query->uuid, BPF_CORE_READ(file, f_inode));
  return 0;
}

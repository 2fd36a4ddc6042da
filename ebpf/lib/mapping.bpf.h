/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is built on what (DISK-03). The kernel tells every change of a block device to whoever listens
 * (kobject_uevent), on the thread that made the change: a filter on a socket of the agent's runs there, and no other
 * call of the host's pays. The filter lets nothing into the socket. Whose the device is, is for the agent to say: it
 * knows which devices are built on which.
 */
#ifndef BULKHEAD_EBPF_LIB_MAPPING_BPF_H
#define BULKHEAD_EBPF_LIB_MAPPING_BPF_H

#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/mount.bpf.h"

#define BH_UEVENT_HEAD 192 /* "change@/devices/…/block/loop0" and more */

struct bh_uevent_walk {
  struct bh_scratch* text;
  __u32 found;
};

static long bh_look_for_block(__u32 index, struct bh_uevent_walk* walk) {
  const char* at = walk->text->bytes + sizeof(struct bh_mapping_record) + (index & 255);
  if (at[0] != '/' || at[1] != 'b' || at[2] != 'l' || at[3] != 'o' || at[4] != 'c' || at[5] != 'k' || at[6] != '/')
    return 0;
  walk->found = 1;
  return 1;
}

static __always_inline struct bh_mapping_record* bh_begin_mapping(struct bh_scratch* target) {
  struct bh_mapping_record* record = (struct bh_mapping_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  return record;
}

static __always_inline void bh_end_mapping(struct bh_scratch* target, struct task_struct* task, __u16 flags,
                                           __u32 text_length) {
  struct bh_mapping_record* record = (struct bh_mapping_record*)target->bytes;
  bh_fill_actor(&record->header, task);
  record->header.actor = bh_actor_owner(task);
  if (record->header.actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_OPEN_VOLUMES))
    flags |= BH_FLAG_TRUSTED;
  record->header.flags = flags;
  record->text_length = text_length;
  __u32 size = sizeof(*record) + text_length;
  bh_stamp(&record->header, BH_PROBE_DISK_MAPPING, BH_RECORD_VOLUME_MAPPING, size);
  bh_count_output(BH_PROBE_DISK_MAPPING, bh_output_scratch(target, size));
}

static __always_inline int bh_tell_block_event(struct __sk_buff* message) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  __u32 length = message->len;
  if (length > BH_UEVENT_CAPACITY) length = BH_UEVENT_CAPACITY;
  if (length < BH_UEVENT_HEAD / 4) return 0;
  if (bpf_skb_load_bytes(message, 0, target->bytes + sizeof(struct bh_mapping_record), length)) return 0;
  struct bh_uevent_walk walk = {.text = target};
  bpf_loop(BH_UEVENT_HEAD, bh_look_for_block, &walk, 0);
  if (!walk.found) return 0;
  BH_COUNT(BH_PROBE_DISK_MAPPING, seen);
  bh_announce_actor(task); /* takes the scratch */
  target = bh_this_cpu_scratch();
  if (!target || bpf_skb_load_bytes(message, 0, target->bytes + sizeof(struct bh_mapping_record), length)) {
    BH_COUNT(BH_PROBE_DISK_MAPPING, lost);
    return 0;
  }
  bh_begin_mapping(target)->act = BH_MAPPING_BLOCK_EVENT;
  bh_end_mapping(target, task, 0, length);
  return 0;
}

static __always_inline int bh_tell_mount(struct mount* mount) {
  struct bh_mount found;
  if (!mount || !bh_look_at_mount(mount, &found)) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  BH_COUNT(BH_PROBE_DISK_MAPPING, seen);
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) {
    BH_COUNT(BH_PROBE_DISK_MAPPING, lost);
    return 0;
  }
  struct bh_mapping_record* record = bh_begin_mapping(target);
  record->act = BH_MAPPING_MOUNT;
  record->device = found.device;
  record->root = found.root;
  record->read_only = found.read_only;
  struct super_block* file_system = found.file_system;
  BPF_CORE_READ_INTO(&record->uuid, file_system, s_uuid.b);
  bpf_probe_read_kernel_str(record->type, sizeof(record->type), BPF_CORE_READ(file_system, s_type, name));
  __u16 flags = 0;
  struct vfsmount* top = (struct vfsmount*)((char*)mount + bpf_core_field_offset(struct mount, mnt));
  __u32 text_length = bh_write_path_of(BPF_CORE_READ(mount, mnt.mnt_root), top, sizeof(*record), &flags);
  bh_end_mapping(target, task, flags, text_length);
  return 0;
}

/* At the exit of mount(2) and fsmount(2). */
static __always_inline int bh_mounted(long result) {
  return result == 0 && bh_makes_mount() ? bh_tell_mount(bh_newest_mount()) : 0;
}

static __always_inline int bh_mount_made(long result) {
  struct file* file = result < 0 ? 0 : bh_current_file((__u32)result);
  return file ? bh_tell_mount(bh_mount_of(BPF_CORE_READ(file, f_path.mnt))) : 0;
}

#endif

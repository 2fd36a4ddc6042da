/* SPDX-License-Identifier: GPL-2.0 */
/* From a descriptor by which uprobes are set to the program that they are in. */
#ifndef BULKHEAD_EBPF_LIB_UPROBE_BPF_H
#define BULKHEAD_EBPF_LIB_UPROBE_BPF_H

#include "ebpf/lib/anonymous_file.bpf.h"

/* Since 6.6 (89ae89f53d20). */
struct bpf_uprobe_multi_link___since_6_6 {
  struct path path;
  struct bpf_link link;
  struct task_struct* task;
} __attribute__((preserve_access_index));
enum bpf_link_type___since_6_6 { BPF_LINK_TYPE_UPROBE_MULTI___since_6_6 = 12 };

/*
 * The file that the uprobe of a performance event is in: one of the uprobe PMU's, or of tracefs's. Null for any other
 * event, and for one that is bound to a task, which perf_event_open(2) has named. Events of probes have their class
 * beside them, those of tracepoints have not; of a kprobe's event comes what is no inode.
 */
static __always_inline struct inode* bh_uprobe_of_event(struct perf_event* event) {
  if (BPF_CORE_READ(event, hw.target)) return 0;
  struct trace_event_call* call = BPF_CORE_READ(event, tp_event);
  if (!call) return 0;
  char* of = (char*)call - bpf_core_field_offset(struct trace_probe_event, call);
  if ((char*)BPF_CORE_READ(call, class) != of + bpf_core_field_offset(struct trace_probe_event, class)) return 0;
  struct list_head* first = BPF_CORE_READ((struct trace_probe_event*)of, probes.next);
  void* probe = (char*)first - bpf_core_field_offset(struct trace_probe, list);
  struct trace_uprobe* uprobe = (void*)((char*)probe - bpf_core_field_offset(struct trace_uprobe, tp));
  return BPF_CORE_READ(uprobe, path.dentry, d_inode);
}

/* Null for a link of another type; the one task that it is bound to, if any, goes to `only`. */
static __always_inline struct inode* bh_uprobe_of_link(struct bpf_link* link, struct task_struct** only) {
  if (!bpf_core_type_exists(struct bpf_uprobe_multi_link___since_6_6)) return 0;
  if (BPF_CORE_READ(link, type) !=
      bpf_core_enum_value(enum bpf_link_type___since_6_6, BPF_LINK_TYPE_UPROBE_MULTI___since_6_6))
    return 0;
  struct bpf_uprobe_multi_link___since_6_6* multi =
      (void*)((char*)link - bpf_core_field_offset(struct bpf_uprobe_multi_link___since_6_6, link));
  *only = BPF_CORE_READ(multi, task);
  return BPF_CORE_READ(multi, path.dentry, d_inode);
}

#endif

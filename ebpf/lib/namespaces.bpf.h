/* SPDX-License-Identifier: GPL-2.0 */
/* Namespaces that a child does not share with its parent. For tp_btf programs. */
#ifndef BULKHEAD_EBPF_LIB_NAMESPACES_BPF_H
#define BULKHEAD_EBPF_LIB_NAMESPACES_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define CLONE_NEWTIME 0x00000080 /* linux/sched.h */
#define CLONE_NEWNS 0x00020000
#define CLONE_NEWCGROUP 0x02000000
#define CLONE_NEWUTS 0x04000000
#define CLONE_NEWIPC 0x08000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
#define BH_CLONE_NEW_ANY                                                                                        \
  (CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
   CLONE_NEWNET)

/* As clone's flags; 0 when it shares them all. */
static __always_inline __u64 bh_new_namespaces(struct task_struct* parent, struct task_struct* child) {
  struct nsproxy *before = parent->nsproxy, *after = child->nsproxy;
  __u64 fresh = parent->cred->user_ns == child->cred->user_ns ? 0 : CLONE_NEWUSER;
  if (before == after) return fresh;
  if (before->mnt_ns != after->mnt_ns) fresh |= CLONE_NEWNS;
  if (before->uts_ns != after->uts_ns) fresh |= CLONE_NEWUTS;
  if (before->ipc_ns != after->ipc_ns) fresh |= CLONE_NEWIPC;
  if (before->net_ns != after->net_ns) fresh |= CLONE_NEWNET;
  if (before->pid_ns_for_children != after->pid_ns_for_children) fresh |= CLONE_NEWPID;
  if (before->cgroup_ns != after->cgroup_ns) fresh |= CLONE_NEWCGROUP;
  if (before->time_ns != after->time_ns) fresh |= CLONE_NEWTIME;
  return fresh;
}

#endif

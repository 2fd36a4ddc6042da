/* SPDX-License-Identifier: GPL-2.0 */
/* From a userfaultfd to the process whose page faults it answers. */
#ifndef BULKHEAD_EBPF_LIB_USERFAULTFD_BPF_H
#define BULKHEAD_EBPF_LIB_USERFAULTFD_BPF_H

#include "ebpf/lib/anonymous_file.bpf.h"

/* Null for any other file. Who has the descriptor can stop that process at a page, and says what is in it. */
static __always_inline struct task_struct* bh_userfaultfd_task(struct file* file) {
  if (!bh_is_anonymous_file(file, "[userfaultfd]")) return 0;
  struct userfaultfd_ctx* faults = BPF_CORE_READ(file, private_data);
  return BPF_CORE_READ(faults, mm, owner);
}

#endif

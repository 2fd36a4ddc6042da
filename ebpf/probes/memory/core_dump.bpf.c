// SPDX-License-Identifier: GPL-2.0
// MEM-11: a VMM ends by a signal that writes its memory to a core file, or into a pipe, if the host is set up so.
#include "ebpf/lib/emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_RLIMIT_CORE 4

/* SIG_KERNEL_COREDUMP_MASK, include/linux/signal.h: QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ, SYS. */
#define BH_BIT(signal) (1ULL << (signal))
#define BH_CORE_SIGNALS                                                                                           \
  (BH_BIT(3) | BH_BIT(4) | BH_BIT(5) | BH_BIT(6) | BH_BIT(7) | BH_BIT(8) | BH_BIT(11) | BH_BIT(24) | BH_BIT(25) | \
   BH_BIT(31))

SEC("tp_btf/signal_deliver")
int BPF_PROG(delivered, int signal, struct kernel_siginfo* info, struct k_sigaction* action) {
  if (signal < 0 || signal > 31 || !(BH_CORE_SIGNALS & BH_BIT(signal))) return 0;
  if (BPF_CORE_READ(action, sa.sa_handler)) return 0; /* handled, or ignored */
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm) return 0;
  BH_COUNT(BH_PROBE_MEMORY_CORE_DUMP, seen);
  bh_announce_actor(task);
  struct bh_core_record record = {.signal = (__u32)signal,
                                  .limit = BPF_CORE_READ(task, signal, rlim[BH_RLIMIT_CORE].rlim_cur)};
  bh_fill_actor(&record.header, task);
  record.header.actor = vmm->owner;
  record.header.object = vmm->owner;
  bh_submit(&record.header, BH_PROBE_MEMORY_CORE_DUMP, BH_RECORD_CORE, sizeof(record));
  return 0;
}

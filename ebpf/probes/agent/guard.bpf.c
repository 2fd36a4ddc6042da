// SPDX-License-Identifier: GPL-2.0
// SENS-01: signals that other processes send to the agent. That it is traced or that its memory is read is seen where
// the same is seen of VMMs (ebpf/lib/memory_access.bpf.h).
#include "ebpf/lib/guard.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_SIGCHLD 17
#define BH_SIGCONT 18
#define BH_SIGNAL_IGNORED 1 /* TRACE_SIGNAL_IGNORED, include/trace/events/signal.h */

/*
 * Was it sent by a process, and not by the kernel on an occasion that the current task may have nothing to do with?
 * SEND_SIG_NOINFO (0) is kill(2) by the current task, SEND_SIG_PRIV (1) the kernel; codes above 0 are the kernel's.
 */
static __always_inline bool is_from_process(struct kernel_siginfo* info) {
  if ((unsigned long)info <= 1) return !info;
  return BPF_CORE_READ(info, si_code) <= 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signalled, int signal, struct kernel_siginfo* info, struct task_struct* target, int group, int result) {
  if (signal == BH_SIGCHLD || signal == BH_SIGCONT || result == BH_SIGNAL_IGNORED || !bh_is_agent(target)) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (bh_is_agent(task) || !is_from_process(info)) return 0;
  BH_COUNT(BH_PROBE_AGENT_GUARD, seen);
  bh_announce_actor(task);
  struct bh_signal_record record = {.signal = (__u32)signal};
  bh_fill_actor(&record.header, task);
  record.header.actor = bh_actor_owner(task);
  record.header.object.tenant = BH_OWNER_AGENT;
  bh_submit(&record.header, BH_PROBE_AGENT_GUARD, BH_RECORD_SIGNAL, sizeof(record));
  return 0;
}

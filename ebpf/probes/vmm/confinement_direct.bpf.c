// SPDX-License-Identifier: GPL-2.0
// VMM-01 and VMM-03, tier 1: the functions of the system calls themselves, so that no other call of the host's pays.
#include "ebpf/lib/vmm_act.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_CALL(name, kind)                                                             \
  SEC("fexit/__x64_sys_" #name)                                                         \
  int BPF_PROG(name##_done, const struct pt_regs* registers, long result) {             \
    struct bh_done_call done = {.number = (__u32)registers->orig_ax, .result = result}; \
    return bh_vmm_##kind(done);                                                         \
  }

BH_CALL(unshare, unshared)
BH_CALL(setns, joined)
BH_CALL(setuid, user_changed)
BH_CALL(setgid, user_changed)
BH_CALL(setreuid, user_changed)
BH_CALL(setregid, user_changed)
BH_CALL(setresuid, user_changed)
BH_CALL(setresgid, user_changed)
BH_CALL(setfsuid, user_changed)
BH_CALL(setfsgid, user_changed)
BH_CALL(setgroups, user_changed)
BH_CALL(capset, capabilities_set)
BH_CALL(chroot, root_changed)
BH_CALL(mount, mounted)
BH_CALL(umount, mounted)
BH_CALL(pivot_root, mounted)
BH_CALL(move_mount, mounted)
BH_CALL(open_tree, mounted)
BH_CALL(mount_setattr, mounted)
BH_CALL(fsopen, mounted)
BH_CALL(fspick, mounted)
BH_CALL(fsmount, mounted)
BH_CALL(init_module, module_changed)
BH_CALL(finit_module, module_changed)
BH_CALL(delete_module, module_changed)
BH_CALL(kexec_load, module_changed)
BH_CALL(kexec_file_load, module_changed)
BH_CALL(bpf, bpf_called)
BH_CALL(ptrace, ptrace_called)

SEC("tp_btf/sched_process_fork")
int BPF_PROG(cloned, struct task_struct* parent, struct task_struct* child) {
  return bh_vmm_cloned(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(program_executed, struct task_struct* task, pid_t old_pid, struct linux_binprm* program) {
  return bh_vmm_executed(task, program);
}

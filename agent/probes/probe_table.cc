#include "agent/probes/probe_table.h"

#include <array>

#include "ebpf/skeletons/confinement.skel.h"
#include "ebpf/skeletons/confinement_direct.skel.h"
#include "ebpf/skeletons/core_dump.skel.h"
#include "ebpf/skeletons/delivery.skel.h"
#include "ebpf/skeletons/endpoint.skel.h"
#include "ebpf/skeletons/endpoint_direct.skel.h"
#include "ebpf/skeletons/file_open.skel.h"
#include "ebpf/skeletons/file_open_direct.skel.h"
#include "ebpf/skeletons/file_receive.skel.h"
#include "ebpf/skeletons/guard.skel.h"
#include "ebpf/skeletons/instrument.skel.h"
#include "ebpf/skeletons/instrument_direct.skel.h"
#include "ebpf/skeletons/io_uring_open.skel.h"
#include "ebpf/skeletons/ksm.skel.h"
#include "ebpf/skeletons/ksm_direct.skel.h"
#include "ebpf/skeletons/libvirt_rpc.skel.h"
#include "ebpf/skeletons/mapping.skel.h"
#include "ebpf/skeletons/mapping_direct.skel.h"
#include "ebpf/skeletons/proc_mem.skel.h"
#include "ebpf/skeletons/process_vm.skel.h"
#include "ebpf/skeletons/process_vm_direct.skel.h"
#include "ebpf/skeletons/ptrace.skel.h"
#include "ebpf/skeletons/ptrace_direct.skel.h"
#include "ebpf/skeletons/siblings.skel.h"
#include "ebpf/skeletons/sweep.skel.h"
#include "ebpf/skeletons/uprobe.skel.h"
#include "ebpf/skeletons/uprobe_direct.skel.h"
#include "ebpf/skeletons/vmm_lifecycle.skel.h"

namespace bulkhead::probes {

namespace {

using enum HookKind;

constexpr std::array kProcessVmHooks = {
    Hook{"read_enter", kTracepoint, "syscalls/sys_enter_process_vm_readv"},
    Hook{"read_exit", kTracepoint, "syscalls/sys_exit_process_vm_readv"},
    Hook{"write_enter", kTracepoint, "syscalls/sys_enter_process_vm_writev"},
    Hook{"write_exit", kTracepoint, "syscalls/sys_exit_process_vm_writev"},
};
constexpr std::array kPtraceHooks = {
    Hook{"ptrace_enter", kTracepoint, "syscalls/sys_enter_ptrace"},
    Hook{"ptrace_exit", kTracepoint, "syscalls/sys_exit_ptrace"},
};
constexpr std::array kFileOpenHooks = {
    Hook{"open_exit", kTracepoint, "syscalls/sys_exit_open"},
    Hook{"creat_exit", kTracepoint, "syscalls/sys_exit_creat"},
    Hook{"openat_exit", kTracepoint, "syscalls/sys_exit_openat"},
    Hook{"openat2_exit", kTracepoint, "syscalls/sys_exit_openat2"},
    Hook{"by_handle_exit", kTracepoint, "syscalls/sys_exit_open_by_handle_at"},
};
constexpr std::array kIoUringHooks = {
    Hook{"io_uring_complete", kRawTracepoint, "io_uring_complete"},
};
constexpr std::array kMappingHooks = {
    Hook{"block_event", kUevent, "kobject_uevent"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_mount"},
    Hook{"mount_made", kTracepoint, "syscalls/sys_exit_fsmount"},
};
constexpr std::array kProcMemHooks = {
    Hook{"moved", kFexit, "mem_rw"},
};
constexpr std::array kInstrumentHooks = {
    Hook{"getfd_enter", kTracepoint, "syscalls/sys_enter_pidfd_getfd"},
    Hook{"getfd_exit", kTracepoint, "syscalls/sys_exit_pidfd_getfd"},
    Hook{"madvise_enter", kTracepoint, "syscalls/sys_enter_process_madvise"},
    Hook{"madvise_exit", kTracepoint, "syscalls/sys_exit_process_madvise"},
    Hook{"perf_enter", kTracepoint, "syscalls/sys_enter_perf_event_open"},
    Hook{"perf_exit", kTracepoint, "syscalls/sys_exit_perf_event_open"},
    Hook{"kcmp_enter", kTracepoint, "syscalls/sys_enter_kcmp"},
    Hook{"kcmp_exit", kTracepoint, "syscalls/sys_exit_kcmp"},
};
constexpr std::array kFileReceiveHooks = {
    Hook{"received", kFexit, "security_file_receive"},
};
constexpr std::array kUprobeHooks = {
    Hook{"event_opened", kTracepoint, "syscalls/sys_exit_perf_event_open"},
    Hook{"link_made", kTracepoint, "syscalls/sys_exit_bpf"},
};
constexpr std::array kKsmHooks = {
    Hook{"merged", kBtfTracepoint, "ksm_merge_with_ksm_page"},
};
constexpr std::array kCoreDumpHooks = {
    Hook{"delivered", kBtfTracepoint, "signal_deliver"},
};
constexpr std::array kDeliveryHooks = {
    Hook{"frame_received", kBtfTracepoint, "netif_receive_skb"},
    Hook{"frame_delivered", kBtfTracepoint, "net_dev_start_xmit"},
};
constexpr std::array kLifecycleHooks = {
    Hook{"forked", kBtfTracepoint, "sched_process_fork"},
    Hook{"executed", kBtfTracepoint, "sched_process_exec"},
    Hook{"exited", kBtfTracepoint, "sched_process_exit"},
};
constexpr std::array kLibvirtRpcHooks = {
    Hook{"call_received", kUsdt, "libvirt:rpc_server_client_msg_rx"},
    Hook{"answer_queued", kUsdt, "libvirt:rpc_server_client_msg_tx_queue"},
    Hook{"client_made", kUsdt, "libvirt:rpc_server_client_new"},
    Hook{"socket_made", kUsdt, "libvirt:rpc_socket_new"},
};
constexpr std::array kEndpointHooks = {
    Hook{"connected", kTracepoint, "syscalls/sys_exit_connect"},
    Hook{"ring_connected", kRawTracepoint, "io_uring_complete"},
};
constexpr std::array kSiblingHooks = {
    Hook{"switched", kBtfTracepoint, "sched_switch"},
};
constexpr std::array kSweepHooks = {
    Hook{"guest_memory", kIterator, "task_vma"},
    Hook{"descriptors", kIterator, "task_file"},
    Hook{"mappings", kIterator, "task_vma"},
    Hook{"machines", kIterator, "task"},
};

// A program stands for all calls of its kind. Those that are optional depend on how the kernel was built.
constexpr std::array kConfinementHooks = {
    Hook{"program_executed", kBtfTracepoint, "sched_process_exec"},
    Hook{"cloned", kBtfTracepoint, "sched_process_fork"},
    Hook{"unshared", kTracepoint, "syscalls/sys_exit_unshare"},
    Hook{"joined", kTracepoint, "syscalls/sys_exit_setns"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setuid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setgid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setreuid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setregid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setresuid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setresgid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setfsuid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setfsgid"},
    Hook{"user_changed", kTracepoint, "syscalls/sys_exit_setgroups"},
    Hook{"capabilities_set", kTracepoint, "syscalls/sys_exit_capset"},
    Hook{"root_changed", kTracepoint, "syscalls/sys_exit_chroot"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_mount"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_umount"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_pivot_root"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_move_mount"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_open_tree"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_mount_setattr"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_fsopen"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_fspick"},
    Hook{"mounted", kTracepoint, "syscalls/sys_exit_fsmount"},
    Hook{"module_changed", kTracepoint, "syscalls/sys_exit_init_module", true},
    Hook{"module_changed", kTracepoint, "syscalls/sys_exit_finit_module", true},
    Hook{"module_changed", kTracepoint, "syscalls/sys_exit_delete_module", true},
    Hook{"module_changed", kTracepoint, "syscalls/sys_exit_kexec_load", true},
    Hook{"module_changed", kTracepoint, "syscalls/sys_exit_kexec_file_load", true},
    Hook{"bpf_called", kTracepoint, "syscalls/sys_exit_bpf"},
    Hook{"ptrace_called", kTracepoint, "syscalls/sys_exit_ptrace"},
};
constexpr std::array kGuardHooks = {
    Hook{"signalled", kBtfTracepoint, "signal_generate"},
};

constexpr std::array kProcessVmDirectHooks = {
    Hook{"target_known", kFexit, "mm_access"},
    Hook{"read_done", kFexit, "__x64_sys_process_vm_readv"},
    Hook{"write_done", kFexit, "__x64_sys_process_vm_writev"},
    Hook{"compat_read_done", kFexit, "__ia32_sys_process_vm_readv", true},
    Hook{"compat_write_done", kFexit, "__ia32_sys_process_vm_writev", true},
};
constexpr std::array kPtraceDirectHooks = {
    Hook{"attached", kFexit, "ptrace_attach"},
    Hook{"requested", kFexit, "arch_ptrace"},
    Hook{"compat_requested", kFexit, "compat_arch_ptrace", true},
};
constexpr std::array kKsmDirectHooks = {
    Hook{"merged", kFexit, "try_to_merge_with_ksm_page"},
};
constexpr std::array kUprobeDirectHooks = {
    Hook{"event_opened", kFexit, "__x64_sys_perf_event_open"},
    Hook{"link_made", kFexit, "__x64_sys_bpf"},
};
constexpr std::array kEndpointDirectHooks = {
    Hook{"connected", kFexit, "__sys_connect_file"},
};
constexpr std::array kInstrumentDirectHooks = {
    Hook{"getfd_enter", kFentry, "__x64_sys_pidfd_getfd"},
    Hook{"getfd_exit", kFexit, "__x64_sys_pidfd_getfd"},
    Hook{"madvise_enter", kFentry, "__x64_sys_process_madvise"},
    Hook{"madvise_exit", kFexit, "__x64_sys_process_madvise"},
    Hook{"perf_enter", kFentry, "__x64_sys_perf_event_open"},
    Hook{"perf_exit", kFexit, "__x64_sys_perf_event_open"},
    Hook{"kcmp_enter", kFentry, "__x64_sys_kcmp"},
    Hook{"kcmp_exit", kFexit, "__x64_sys_kcmp"},
};
constexpr std::array kConfinementDirectHooks = {
    Hook{"unshare_done", kFexit, "__x64_sys_unshare"},
    Hook{"setns_done", kFexit, "__x64_sys_setns"},
    Hook{"setuid_done", kFexit, "__x64_sys_setuid"},
    Hook{"setgid_done", kFexit, "__x64_sys_setgid"},
    Hook{"setreuid_done", kFexit, "__x64_sys_setreuid"},
    Hook{"setregid_done", kFexit, "__x64_sys_setregid"},
    Hook{"setresuid_done", kFexit, "__x64_sys_setresuid"},
    Hook{"setresgid_done", kFexit, "__x64_sys_setresgid"},
    Hook{"setfsuid_done", kFexit, "__x64_sys_setfsuid"},
    Hook{"setfsgid_done", kFexit, "__x64_sys_setfsgid"},
    Hook{"setgroups_done", kFexit, "__x64_sys_setgroups"},
    Hook{"capset_done", kFexit, "__x64_sys_capset"},
    Hook{"chroot_done", kFexit, "__x64_sys_chroot"},
    Hook{"mount_done", kFexit, "__x64_sys_mount"},
    Hook{"umount_done", kFexit, "__x64_sys_umount"},
    Hook{"pivot_root_done", kFexit, "__x64_sys_pivot_root"},
    Hook{"move_mount_done", kFexit, "__x64_sys_move_mount"},
    Hook{"open_tree_done", kFexit, "__x64_sys_open_tree"},
    Hook{"mount_setattr_done", kFexit, "__x64_sys_mount_setattr"},
    Hook{"fsopen_done", kFexit, "__x64_sys_fsopen"},
    Hook{"fspick_done", kFexit, "__x64_sys_fspick"},
    Hook{"fsmount_done", kFexit, "__x64_sys_fsmount"},
    Hook{"init_module_done", kFexit, "__x64_sys_init_module", true},
    Hook{"finit_module_done", kFexit, "__x64_sys_finit_module", true},
    Hook{"delete_module_done", kFexit, "__x64_sys_delete_module", true},
    Hook{"kexec_load_done", kFexit, "__x64_sys_kexec_load", true},
    Hook{"kexec_file_load_done", kFexit, "__x64_sys_kexec_file_load", true},
    Hook{"bpf_done", kFexit, "__x64_sys_bpf"},
    Hook{"ptrace_done", kFexit, "__x64_sys_ptrace"},
    Hook{"program_executed", kBtfTracepoint, "sched_process_exec"},
    Hook{"cloned", kBtfTracepoint, "sched_process_fork"},
};
constexpr std::array kMappingDirectHooks = {
    Hook{"block_event", kUevent, "kobject_uevent"},
    Hook{"mounted", kFexit, "__x64_sys_mount"},
    Hook{"mount_made", kFexit, "__x64_sys_fsmount"},
};
constexpr std::array kFileOpenDirectHooks = {
    Hook{"opened", kFexit, "do_dentry_open"},
};

constexpr const char* kNoCompat = "calls through the 32-bit system call table are not seen by syscall tracepoints";

constexpr std::array kProcessVmBetter = {Mechanism{1, "", bh_process_vm_direct::elf_bytes, kProcessVmDirectHooks}};
constexpr std::array kPtraceBetter = {
    Mechanism{1, "a request by one who is no tracer is refused before it gets this far, and is not told",
              bh_ptrace_direct::elf_bytes, kPtraceDirectHooks}};
constexpr const char* kKsmLimits =
    "pages of zeros that use_zero_pages merges are not seen; of three VMMs with one page, the later two are each told "
    "with the first";
constexpr std::array kKsmBetter = {Mechanism{1, kKsmLimits, bh_ksm_direct::elf_bytes, kKsmDirectHooks}};
constexpr std::array kFileOpenBetter = {Mechanism{1, "opens only; reads and writes of volumes are not seen",
                                                  bh_file_open_direct::elf_bytes, kFileOpenDirectHooks}};

constexpr const char* kInstrumentLimits =
    "measuring a whole CPU or a cgroup with perf is not told, though VMMs run there too; no 32-bit system calls";
constexpr std::array kInstrumentBetter = {
    Mechanism{1, kInstrumentLimits, bh_instrument_direct::elf_bytes, kInstrumentDirectHooks}};
constexpr const char* kUprobeLimits =
    "uprobes in libraries that VMMs share with other programs, those that are switched on in tracefs alone, and those "
    "from before the agent; no 32-bit system calls";
constexpr std::array kUprobeBetter = {Mechanism{1, kUprobeLimits, bh_uprobe_direct::elf_bytes, kUprobeDirectHooks}};
constexpr std::array kEndpointBetter = {
    Mechanism{1,
              "connections that succeed; none from other hosts, none that were there before, no datagrams to an "
              "address, and no descriptor that is taken from another process",
              bh_endpoint_direct::elf_bytes, kEndpointDirectHooks}};
constexpr const char* kMappingLimits =
    "a device that is gone again before the agent has looked at it, which takes it milliseconds; thin snapshots, which "
    "do not name their origin; copies of a mount by open_tree and attachments by move_mount; no 32-bit system calls";
constexpr std::array kMappingBetter = {Mechanism{1, kMappingLimits, bh_mapping_direct::elf_bytes, kMappingDirectHooks}};
constexpr const char* kConfinementLimits =
    "a call for which the VMM's own system call filter ends it; programs that could not be executed, and clones that "
    "failed; no 32-bit system calls but clones and executed programs";
constexpr std::array kConfinementBetter = {
    Mechanism{1, kConfinementLimits, bh_confinement_direct::elf_bytes, kConfinementDirectHooks}};

const std::array kProbes = {
    Probe{v1::PROBE_MEMORY_PROCESS_VM, "memory.process_vm", "MEM-01", kNoCompat, bh_process_vm::elf_bytes,
          kProcessVmHooks, 2, kProcessVmBetter},
    Probe{v1::PROBE_MEMORY_PTRACE, "memory.ptrace", "MEM-02", kNoCompat, bh_ptrace::elf_bytes, kPtraceHooks, 2,
          kPtraceBetter},
    Probe{v1::PROBE_MEMORY_PROC_MEM, "memory.proc_mem", "MEM-03", "", bh_proc_mem::elf_bytes, kProcMemHooks, 1},
    Probe{v1::PROBE_MEMORY_INSTRUMENT, "memory.instrument", "MEM-04 MEM-10", kInstrumentLimits,
          bh_instrument::elf_bytes, kInstrumentHooks, 2, kInstrumentBetter},
    Probe{v1::PROBE_MEMORY_FILE_RECEIVE, "memory.file_receive", "MEM-03 MEM-04 MEM-05 MEM-08 MEM-10 DISK-01",
          "consoles, monitors and ports that are handed over, and descriptors that io_uring moves from ring to ring",
          bh_file_receive::elf_bytes, kFileReceiveHooks, 1},
    Probe{v1::PROBE_MEMORY_UPROBE, "memory.uprobe", "MEM-10", kUprobeLimits, bh_uprobe::elf_bytes, kUprobeHooks, 2,
          kUprobeBetter},
    Probe{v1::PROBE_MEMORY_KSM, "memory.ksm", "MEM-07", kKsmLimits, bh_ksm::elf_bytes, kKsmHooks, 2, kKsmBetter},
    Probe{v1::PROBE_MEMORY_CORE_DUMP, "memory.core_dump", "MEM-11",
          "that a VMM ends so, where its core goes and how much of it; who reads it later is not seen",
          bh_core_dump::elf_bytes, kCoreDumpHooks},
    Probe{v1::PROBE_DISK_FILE_OPEN, "disk.file_open", "DISK-01 MEM-03 MEM-05 MEM-08 CTRL-03 VMM-02",
          "opens only, not the reads and writes after them; the descriptor is looked up after the call, so another "
          "thread that replaces it at once hides the file; no 32-bit system calls",
          bh_file_open::elf_bytes, kFileOpenHooks, 2, kFileOpenBetter},
    Probe{v1::PROBE_DISK_IO_URING_OPEN,
          "disk.io_uring_open",
          "DISK-01 MEM-03 MEM-05 MEM-08 CTRL-03 VMM-02",
          "a request that asks for no completion (IOSQE_CQE_SKIP_SUCCESS) is not seen",
          bh_io_uring_open::elf_bytes,
          kIoUringHooks,
          2,
          {},
          v1::PROBE_DISK_FILE_OPEN},
    Probe{v1::PROBE_DISK_MAPPING, "disk.mapping", "DISK-03", kMappingLimits, bh_mapping::elf_bytes, kMappingHooks, 2,
          kMappingBetter},
    Probe{v1::PROBE_NETWORK_DELIVERY, "network.delivery", "NET-03",
          "frames that leave the kernel's own datapath (vhost-user, DPDK, SR-IOV) are not seen", bh_delivery::elf_bytes,
          kDeliveryHooks},
    // Before vmm_lifecycle, whose program on the same tracepoint makes a VMM of who executes an emulator: programs run
    // in the order in which they were attached, and the agent may know the VMM's domain before the second one runs.
    Probe{v1::PROBE_VMM_CONFINEMENT, "vmm.confinement", "VMM-01 VMM-03", kConfinementLimits, bh_confinement::elf_bytes,
          kConfinementHooks, 2, kConfinementBetter},
    Probe{v1::PROBE_CONTROL_VMM_LIFECYCLE, "control.vmm_lifecycle", "", "", bh_vmm_lifecycle::elf_bytes,
          kLifecycleHooks},
    Probe{v1::PROBE_CONTROL_LIBVIRT_RPC,
          "control.libvirt_rpc",
          "CTRL-01 MEM-09",
          "libvirt daemons that run as root only; a caller behind a proxy (virtproxyd, ssh) is the proxy's process; a "
          "connection handed to another process is told as its maker's; over TCP only the address is known",
          bh_libvirt_rpc::elf_bytes,
          kLibvirtRpcHooks,
          2,
          {},
          v1::PROBE_UNSPECIFIED,
          "unanswered"},
    Probe{v1::PROBE_CONTROL_ENDPOINT, "control.endpoint", "CTRL-02 CTRL-03 VMM-04",
          "connections that succeed; none from other hosts, none that were there before, no datagrams to an address, "
          "and no "
          "descriptor that is taken from another process; no 32-bit system calls",
          bh_endpoint::elf_bytes, kEndpointHooks, 2, kEndpointBetter},
    Probe{v1::PROBE_SCHED_SIBLINGS,
          "sched.siblings",
          "MEM-12",
          "threads of a VMM that run no vCPU; a vCPU that came onto its CPU in the VMM's own code is counted within a "
          "second; vCPUs with different core scheduling cookies are taken to be kept apart, as the kernel does but for "
          "the moment of the switch",
          bh_siblings::elf_bytes,
          kSiblingHooks,
          2,
          {},
          v1::PROBE_UNSPECIFIED,
          "tell_shared_times",
          true},
    Probe{v1::PROBE_AGENT_GUARD, "agent.guard", "SENS-01",
          "a signal that ends the agent at once takes its record with it: the next run tells that the last one ended "
          "unannounced",
          bh_guard::elf_bytes, kGuardHooks},
    Probe{
        v1::PROBE_HOST_SWEEP, "host.sweep", "MEM-03 MEM-04 MEM-05 MEM-06 MEM-08 DISK-01 CTRL-06",
        "what comes and goes between two sweeps; descriptors on their way in a socket's queue or in an io_uring's own "
        "table; processes outside the agent's pid namespace",
        bh_sweep::elf_bytes, kSweepHooks},
};

}  // namespace

std::span<const Probe> probe_table() {
  return kProbes;
}

}  // namespace bulkhead::probes

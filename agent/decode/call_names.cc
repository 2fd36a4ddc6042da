#include "agent/decode/call_names.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace bulkhead::decode {

namespace {

struct CallName {
  std::uint32_t number;
  const char* name;
};

constexpr CallName kCalls[] = {
    {SYS_setns, "setns"},
    {SYS_unshare, "unshare"},
    {SYS_setuid, "setuid"},
    {SYS_setgid, "setgid"},
    {SYS_setreuid, "setreuid"},
    {SYS_setregid, "setregid"},
    {SYS_setresuid, "setresuid"},
    {SYS_setresgid, "setresgid"},
    {SYS_setfsuid, "setfsuid"},
    {SYS_setfsgid, "setfsgid"},
    {SYS_setgroups, "setgroups"},
    {SYS_capset, "capset"},
    {SYS_chroot, "chroot"},
    {SYS_mount, "mount"},
    {SYS_umount2, "umount2"},
    {SYS_pivot_root, "pivot_root"},
    {SYS_move_mount, "move_mount"},
    {SYS_open_tree, "open_tree"},
    {SYS_mount_setattr, "mount_setattr"},
    {SYS_fsopen, "fsopen"},
    {SYS_fspick, "fspick"},
    {SYS_fsmount, "fsmount"},
    {SYS_init_module, "init_module"},
    {SYS_finit_module, "finit_module"},
    {SYS_delete_module, "delete_module"},
    {SYS_kexec_load, "kexec_load"},
    {SYS_kexec_file_load, "kexec_file_load"},
    {SYS_bpf, "bpf"},
    {SYS_ptrace, "ptrace"},
};

}  // namespace

std::string call_name(std::uint32_t number) {
  const auto* call = std::ranges::find(kCalls, number, &CallName::number);
  return call == std::end(kCalls) ? absl::StrCat("call ", number) : call->name;
}

}  // namespace bulkhead::decode

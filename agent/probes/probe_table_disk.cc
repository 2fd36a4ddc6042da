#include <array>

#include "agent/probes/probe_table.h"
#include "ebpf/skeletons/block_io.skel.h"
#include "ebpf/skeletons/file_open.skel.h"
#include "ebpf/skeletons/file_open_direct.skel.h"
#include "ebpf/skeletons/io_uring_open.skel.h"
#include "ebpf/skeletons/mapping.skel.h"
#include "ebpf/skeletons/mapping_direct.skel.h"
#include "ebpf/skeletons/volume_change.skel.h"
#include "ebpf/skeletons/volume_change_direct.skel.h"
#include "ebpf/skeletons/volume_io.skel.h"
#include "ebpf/skeletons/volume_io_direct.skel.h"

namespace bulkhead::probes {

namespace {

using enum HookKind;

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
constexpr std::array kVolumeIoHooks = {
    Hook{"pages_read", kBtfTracepoint, "mm_filemap_get_pages"},
    Hook{"pages_mapped", kBtfTracepoint, "mm_filemap_map_pages"},
    Hook{"page_faulted", kBtfTracepoint, "mm_filemap_fault"},
    Hook{"pages_dirtied", kBtfTracepoint, "writeback_dirty_folio"},
    Hook{"direct", kBtfTracepoint, "iomap_dio_rw_begin"},
};
constexpr std::array kBlockIoHooks = {
    Hook{"queued", kBtfTracepoint, "block_bio_queue"},
    Hook{"ledger_queued", kBtfTracepoint, "block_bio_queue"},
    Hook{"completed", kBtfTracepoint, "block_bio_complete"},
};
// The ends of all calls that change a file by its name, and of its attributes, have one program.
constexpr std::array kVolumeChangeHooks = {
    Hook{"time_set", kBtfTracepoint, "inode_set_ctime_to_ts"},
    Hook{"time_exchanged", kBtfTracepoint, "ctime_ns_xchg"},
    Hook{"time_kept", kBtfTracepoint, "ctime_xchg_skip"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_rename"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_renameat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_renameat2"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_unlink"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_unlinkat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_link"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_linkat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_truncate"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_ftruncate"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_chmod"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fchmod"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fchmodat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fchmodat2"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_chown"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fchown"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_lchown"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fchownat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_setxattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_lsetxattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fsetxattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_setxattrat"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_removexattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_lremovexattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_fremovexattr"},
    Hook{"call_done", kTracepoint, "syscalls/sys_exit_removexattrat"},
    Hook{"allocated", kTracepoint, "syscalls/sys_exit_fallocate"},
    Hook{"copied", kTracepoint, "syscalls/sys_exit_copy_file_range"},
    Hook{"request_done", kRawTracepoint, "io_uring_complete"},
    Hook{"reflinked", kBtfTracepoint, "xfs_reflink_remap_range", true},
};
constexpr std::array kFileOpenDirectHooks = {
    Hook{"opened", kFexit, "do_dentry_open"},
};
constexpr std::array kMappingDirectHooks = {
    Hook{"block_event", kUevent, "kobject_uevent"},
    Hook{"mounted", kFexit, "__x64_sys_mount"},
    Hook{"mount_made", kFexit, "__x64_sys_fsmount"},
};
constexpr std::array kVolumeIoDirectHooks = {
    Hook{"buffered_read", kFexit, "filemap_read"},
    Hook{"spliced", kFexit, "filemap_splice_read", true},
    Hook{"buffered_write", kFexit, "generic_perform_write"},
    Hook{"iomap_write", kFexit, "iomap_file_buffered_write"},
    Hook{"direct", kBtfTracepoint, "iomap_iter"},
    Hook{"pages_mapped", kFexit, "filemap_map_pages"},
    Hook{"page_faulted", kFexit, "filemap_fault"},
    Hook{"mapping_written", kFexit, "do_page_mkwrite"},
};
constexpr std::array kVolumeChangeDirectHooks = {
    Hook{"rename_begins", kFentry, "vfs_rename"},
    Hook{"renamed", kFexit, "vfs_rename"},
    Hook{"unlink_begins", kFentry, "vfs_unlink"},
    Hook{"unlinked", kFexit, "vfs_unlink"},
    Hook{"link_begins", kFentry, "vfs_link"},
    Hook{"linked", kFexit, "vfs_link"},
    Hook{"attributes_begin", kFentry, "notify_change"},
    Hook{"attributes_changed", kFexit, "notify_change"},
    Hook{"vfs_setxattr_begins", kFentry, "vfs_setxattr"},
    Hook{"vfs_setxattr_done", kFexit, "vfs_setxattr"},
    Hook{"vfs_removexattr_begins", kFentry, "vfs_removexattr"},
    Hook{"vfs_removexattr_done", kFexit, "vfs_removexattr"},
    Hook{"vfs_set_acl_begins", kFentry, "vfs_set_acl", true},
    Hook{"vfs_set_acl_done", kFexit, "vfs_set_acl", true},
    Hook{"vfs_remove_acl_begins", kFentry, "vfs_remove_acl", true},
    Hook{"vfs_remove_acl_done", kFexit, "vfs_remove_acl", true},
    Hook{"allocated", kFexit, "vfs_fallocate"},
    Hook{"copied", kFexit, "vfs_copy_file_range"},
    Hook{"reflinked", kFexit, "vfs_clone_file_range"},
};
constexpr std::array kFileOpenBetter = {Mechanism{1, "opens only: disk.volume_io has the reads and writes after them",
                                                  bh_file_open_direct::elf_bytes, kFileOpenDirectHooks}};
constexpr std::array kVolumeIoBetter = {
    Mechanism{1,
              "files of tmpfs, NFS and DAX, and buffered writes to files of btrfs; what is mapped is told in pages; "
              "direct I/O is told as it was asked for, on block devices by disk.block_io; kernel threads (loop, nfsd)",
              bh_volume_io_direct::elf_bytes, kVolumeIoDirectHooks}};
constexpr const char* kVolumeChangeLimits =
    "copies by read and write or splice, which are opens; exchanges of extents, file attributes (chattr) and snapshots "
    "of "
    "a whole file system; renames and mounts of directories above a volume; any extended attribute counts as "
    "permissions";
constexpr const char* kVolumeChangeTier2Limits =
    "what was refused; what took a volume's name; kernel threads (NFS); the source of a FICLONERANGE but on XFS; two "
    "such "
    "changes by open or ioctl within 100 ms are one; copies by read and write or splice, which are opens; exchanges of "
    "extents, file attributes (chattr) and snapshots of a whole file system; renames and mounts of directories above a "
    "volume; any extended attribute counts as permissions; needs Linux 6.13; no 32-bit system calls";
constexpr std::array kVolumeChangeBetter = {
    Mechanism{1, kVolumeChangeLimits, bh_volume_change_direct::elf_bytes, kVolumeChangeDirectHooks}};

constexpr const char* kMappingLimits =
    "a device that is gone again before the agent has looked at it, which takes it milliseconds; thin snapshots, which "
    "do not name their origin; copies of a mount by open_tree and attachments by move_mount; no 32-bit system calls";
constexpr std::array kMappingBetter = {Mechanism{1, kMappingLimits, bh_mapping_direct::elf_bytes, kMappingDirectHooks}};

const std::array kProbes = {
    Probe{v1::PROBE_DISK_FILE_OPEN, "disk.file_open", "DISK-01 DISK-05 MEM-03 MEM-05 MEM-08 CTRL-03 VMM-02",
          "opens only: disk.volume_io has the reads and writes after them; the descriptor is looked up after the call, "
          "so another "
          "thread that replaces it at once hides the file; no 32-bit system calls",
          bh_file_open::elf_bytes, kFileOpenHooks, 2, kFileOpenBetter},
    Probe{v1::PROBE_DISK_IO_URING_OPEN,
          "disk.io_uring_open",
          "DISK-01 DISK-05 MEM-03 MEM-05 MEM-08 CTRL-03 VMM-02",
          "a request that asks for no completion (IOSQE_CQE_SKIP_SUCCESS) is not seen",
          bh_io_uring_open::elf_bytes,
          kIoUringHooks,
          2,
          {},
          v1::PROBE_DISK_FILE_OPEN},
    Probe{
        v1::PROBE_DISK_VOLUME_IO, "disk.volume_io", "DISK-01 DISK-09",
        "whole pages, or folios where the file system has larger ones; a write to a page that is dirty already is not "
        "seen; of reads that end at the same page one after the other, each beginning later, the first is counted; "
        "files of tmpfs, NFS and DAX; direct I/O as it was asked for, on block devices by disk.block_io; kernel "
        "threads (loop, nfsd)",
        bh_volume_io::elf_bytes, kVolumeIoHooks, 2, kVolumeIoBetter, v1::PROBE_UNSPECIFIED, "tell_volume_io"},
    Probe{
        v1::PROBE_DISK_BLOCK_IO,
        "disk.block_io",
        "DISK-04 DISK-07 DISK-09",
        "what kernel threads submit is told by its cgroup, and for the root cgroup counted alone; so are writes out of "
        "a device's page cache by whoever flushes it; commands that are passed through to a disk (SG_IO, NVMe); what "
        "is "
        "done past the volume's own device: to the physical volume below an LV, to the whole disk of a partition, by "
        "another host; of what is left on a volume, reads that the page cache answers",
        bh_block_io::elf_bytes,
        kBlockIoHooks,
        2,
        {},
        v1::PROBE_UNSPECIFIED,
        "tell_block_io"},
    Probe{v1::PROBE_DISK_VOLUME_CHANGE, "disk.volume_change", "DISK-05 DISK-08", kVolumeChangeTier2Limits,
          bh_volume_change::elf_bytes, kVolumeChangeHooks, 2, kVolumeChangeBetter},
    Probe{v1::PROBE_DISK_MAPPING, "disk.mapping", "DISK-03", kMappingLimits, bh_mapping::elf_bytes, kMappingHooks, 2,
          kMappingBetter},
};

}  // namespace

std::span<const Probe> disk_probes() {
  return kProbes;
}

}  // namespace bulkhead::probes

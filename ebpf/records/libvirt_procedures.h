/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The procedures of libvirt's remote protocol that do something to a domain: what the kernel side tells, and by which
 * name and category the agent calls it. All others, listing and statistics, are counted as suppressed.
 * docs/control-calls.md shows this table to people.
 *
 * Numbers are those of libvirt's src/remote/remote_protocol.x and qemu_protocol.x, part of its wire protocol and never
 * changed or reused; as of libvirt 9.0.
 */
#ifndef BULKHEAD_EBPF_RECORDS_LIBVIRT_PROCEDURES_H
#define BULKHEAD_EBPF_RECORDS_LIBVIRT_PROCEDURES_H

#define BH_LIBVIRT_PROGRAM 0x20008086u
#define BH_LIBVIRT_QEMU_PROGRAM 0x20008087u
#define BH_LIBVIRT_PROCEDURE_LIMIT 444u /* above the highest number of libvirt 9.0 */
#define BH_LIBVIRT_QEMU_PROCEDURE_LIMIT 8u

/* Same numbers as bulkhead.v1.ControlCategory. */
enum bh_control_category {
  BH_CONTROL_MEMORY_DUMP = 1,
  BH_CONTROL_MEMORY_PEEK = 2,
  BH_CONTROL_MEMORY_SAVE = 3,
  BH_CONTROL_MIGRATE = 4,
  BH_CONTROL_BLOCK_PEEK = 5,
  BH_CONTROL_BLOCK_COPY = 6,
  BH_CONTROL_SCREENSHOT = 7,
  BH_CONTROL_CONSOLE = 8,
  BH_CONTROL_GUEST_AGENT = 9,
  BH_CONTROL_MONITOR = 10,
  BH_CONTROL_SNAPSHOT = 11,
  BH_CONTROL_ATTACH = 12,
  BH_CONTROL_REDEFINE = 13,
  BH_CONTROL_CREDENTIALS = 14,
  BH_CONTROL_INPUT = 15,
  BH_CONTROL_POWER = 16,
  BH_CONTROL_OTHER = 17,
};

/* Where a call says which domain it is about. */
enum bh_domain_place {
  BH_DOMAIN_FIRST = 1,    /* its first argument */
  BH_DOMAIN_SNAPSHOT = 2, /* in its first argument, a snapshot: a name, then the domain */
  BH_DOMAIN_RETURNED = 3, /* in the answer alone: the call makes the domain */
};

/* What stands between the domain and the flags, XDR's types as nibbles, first in the lowest; 0 when there are no flags.
 */
#define BH_XDR_STRING 1u
#define BH_XDR_OPTIONAL 2u /* string that may be absent */
#define BH_XDR_WORD 3u
#define BH_XDR_FLAGS 15u
#define BH_XDR_STEPS 4
#define BH_FLAGS_NONE 0u
#define BH_FLAGS_NEXT BH_XDR_FLAGS
#define BH_FLAGS_AFTER(a) ((a) | BH_XDR_FLAGS << 4)
#define BH_FLAGS_AFTER2(a, b) ((a) | (b) << 4 | BH_XDR_FLAGS << 8)

/* Name, number, category, place of the domain, place of the flags; told only when one of these flags is set, 0: always.
 */
#define BH_LIBVIRT_PROCEDURES(X)                                                                           \
  X(DOMAIN_ATTACH_DEVICE, 8, ATTACH, FIRST, BH_FLAGS_NONE, 0)                                              \
  X(DOMAIN_CREATE, 9, POWER, FIRST, BH_FLAGS_NONE, 0)                                                      \
  X(DOMAIN_CREATE_XML, 10, REDEFINE, RETURNED, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_DEFINE_XML, 11, REDEFINE, RETURNED, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_DESTROY, 12, POWER, FIRST, BH_FLAGS_NONE, 0)                                                    \
  X(DOMAIN_DETACH_DEVICE, 13, ATTACH, FIRST, BH_FLAGS_NONE, 0)                                             \
  X(DOMAIN_GET_XML_DESC, 14, CREDENTIALS, FIRST, BH_FLAGS_NEXT, 1 | 8) /* SECURE, MIGRATABLE */            \
  X(DOMAIN_REBOOT, 27, POWER, FIRST, BH_FLAGS_NEXT, 0)                                                     \
  X(DOMAIN_RESUME, 28, POWER, FIRST, BH_FLAGS_NONE, 0)                                                     \
  X(DOMAIN_SHUTDOWN, 33, POWER, FIRST, BH_FLAGS_NONE, 0)                                                   \
  X(DOMAIN_SUSPEND, 34, POWER, FIRST, BH_FLAGS_NONE, 0)                                                    \
  X(DOMAIN_UNDEFINE, 35, REDEFINE, FIRST, BH_FLAGS_NONE, 0)                                                \
  X(DOMAIN_CORE_DUMP, 53, MEMORY_DUMP, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                            \
  X(DOMAIN_SAVE, 55, MEMORY_SAVE, FIRST, BH_FLAGS_NONE, 0)                                                 \
  X(DOMAIN_MIGRATE_PERFORM, 62, MIGRATE, FIRST, BH_FLAGS_NONE, 0)                                          \
  X(DOMAIN_BLOCK_PEEK, 103, BLOCK_PEEK, FIRST, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_MEMORY_PEEK, 104, MEMORY_PEEK, FIRST, BH_FLAGS_NONE, 0)                                         \
  X(DOMAIN_ATTACH_DEVICE_FLAGS, 160, ATTACH, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                      \
  X(DOMAIN_DETACH_DEVICE_FLAGS, 161, ATTACH, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                      \
  X(DOMAIN_UPDATE_DEVICE_FLAGS, 174, ATTACH, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                      \
  X(DOMAIN_MANAGED_SAVE, 182, MEMORY_SAVE, FIRST, BH_FLAGS_NEXT, 0)                                        \
  X(DOMAIN_SNAPSHOT_CREATE_XML, 185, MEMORY_SAVE, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                 \
  X(DOMAIN_SNAPSHOT_GET_XML_DESC, 186, CREDENTIALS, SNAPSHOT, BH_FLAGS_NEXT, 1) /* SECURE */               \
  X(DOMAIN_REVERT_TO_SNAPSHOT, 192, SNAPSHOT, SNAPSHOT, BH_FLAGS_NEXT, 0)                                  \
  X(DOMAIN_SNAPSHOT_DELETE, 193, SNAPSHOT, SNAPSHOT, BH_FLAGS_NEXT, 0)                                     \
  X(DOMAIN_CREATE_WITH_FLAGS, 196, POWER, FIRST, BH_FLAGS_NEXT, 0)                                         \
  X(DOMAIN_OPEN_CONSOLE, 201, CONSOLE, FIRST, BH_FLAGS_AFTER(BH_XDR_OPTIONAL), 0)                          \
  X(DOMAIN_INJECT_NMI, 210, INPUT, FIRST, BH_FLAGS_NEXT, 0)                                                \
  X(DOMAIN_SCREENSHOT, 211, SCREENSHOT, FIRST, BH_FLAGS_AFTER(BH_XDR_WORD), 0)                             \
  X(DOMAIN_MIGRATE_PERFORM3, 216, MIGRATE, FIRST, BH_FLAGS_NONE, 0)                                        \
  X(DOMAIN_SEND_KEY, 226, INPUT, FIRST, BH_FLAGS_NONE, 0)                                                  \
  X(DOMAIN_UNDEFINE_FLAGS, 231, REDEFINE, FIRST, BH_FLAGS_NEXT, 0)                                         \
  X(DOMAIN_SAVE_FLAGS, 232, MEMORY_SAVE, FIRST, BH_FLAGS_AFTER2(BH_XDR_STRING, BH_XDR_OPTIONAL), 0)        \
  X(DOMAIN_DESTROY_FLAGS, 234, POWER, FIRST, BH_FLAGS_NEXT, 0)                                             \
  X(DOMAIN_BLOCK_PULL, 240, SNAPSHOT, FIRST, BH_FLAGS_NONE, 0)                                             \
  X(DOMAIN_RESET, 245, POWER, FIRST, BH_FLAGS_NEXT, 0)                                                     \
  X(DOMAIN_OPEN_GRAPHICS, 249, CONSOLE, FIRST, BH_FLAGS_AFTER(BH_XDR_WORD), 0)                             \
  X(DOMAIN_SHUTDOWN_FLAGS, 258, POWER, FIRST, BH_FLAGS_NEXT, 0)                                            \
  X(DOMAIN_PM_SUSPEND_FOR_DURATION, 261, POWER, FIRST, BH_FLAGS_NONE, 0)                                   \
  X(DOMAIN_SET_METADATA, 264, REDEFINE, FIRST, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_BLOCK_REBASE, 266, BLOCK_COPY, FIRST, BH_FLAGS_NONE, 0)                                         \
  X(DOMAIN_PM_WAKEUP, 267, POWER, FIRST, BH_FLAGS_NEXT, 0)                                                 \
  X(DOMAIN_BLOCK_COMMIT, 290, SNAPSHOT, FIRST, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_FSTRIM, 294, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                              \
  X(DOMAIN_SEND_PROCESS_SIGNAL, 295, INPUT, FIRST, BH_FLAGS_NONE, 0)                                       \
  X(DOMAIN_OPEN_CHANNEL, 296, CONSOLE, FIRST, BH_FLAGS_AFTER(BH_XDR_OPTIONAL), 0)                          \
  X(DOMAIN_MIGRATE_PERFORM3_PARAMS, 305, MIGRATE, FIRST, BH_FLAGS_NONE, 0)                                 \
  X(DOMAIN_CREATE_XML_WITH_FILES, 309, REDEFINE, RETURNED, BH_FLAGS_NONE, 0)                               \
  X(DOMAIN_CREATE_WITH_FILES, 310, POWER, FIRST, BH_FLAGS_NEXT, 0)                                         \
  X(DOMAIN_CORE_DUMP_WITH_FORMAT, 334, MEMORY_DUMP, FIRST, BH_FLAGS_AFTER2(BH_XDR_STRING, BH_XDR_WORD), 0) \
  X(DOMAIN_FSFREEZE, 335, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                            \
  X(DOMAIN_FSTHAW, 336, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                              \
  X(DOMAIN_SET_TIME, 338, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                            \
  X(DOMAIN_OPEN_GRAPHICS_FD, 343, CONSOLE, FIRST, BH_FLAGS_AFTER(BH_XDR_WORD), 0)                          \
  X(DOMAIN_BLOCK_COPY, 345, BLOCK_COPY, FIRST, BH_FLAGS_NONE, 0)                                           \
  X(DOMAIN_GET_FSINFO, 349, GUEST_AGENT, FIRST, BH_FLAGS_NEXT, 0)                                          \
  X(DOMAIN_DEFINE_XML_FLAGS, 350, REDEFINE, RETURNED, BH_FLAGS_NONE, 0)                                    \
  X(DOMAIN_SET_USER_PASSWORD, 357, CREDENTIALS, FIRST, BH_FLAGS_NONE, 0)                                   \
  X(DOMAIN_RENAME, 358, REDEFINE, FIRST, BH_FLAGS_NONE, 0)                                                 \
  X(DOMAIN_MIGRATE_START_POST_COPY, 364, MIGRATE, FIRST, BH_FLAGS_NEXT, 0)                                 \
  X(DOMAIN_SET_GUEST_VCPUS, 372, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                     \
  X(DOMAIN_MANAGED_SAVE_GET_XML_DESC, 388, CREDENTIALS, FIRST, BH_FLAGS_NEXT, 1) /* SECURE */              \
  X(DOMAIN_MANAGED_SAVE_DEFINE_XML, 389, REDEFINE, FIRST, BH_FLAGS_NONE, 0)                                \
  X(DOMAIN_DETACH_DEVICE_ALIAS, 392, ATTACH, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                      \
  X(DOMAIN_CHECKPOINT_CREATE_XML, 411, SNAPSHOT, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                  \
  X(DOMAIN_GET_GUEST_INFO, 418, GUEST_AGENT, FIRST, BH_FLAGS_NONE, 0)                                      \
  X(DOMAIN_BACKUP_BEGIN, 421, BLOCK_COPY, FIRST, BH_FLAGS_NONE, 0)                                         \
  X(DOMAIN_AUTHORIZED_SSH_KEYS_GET, 424, GUEST_AGENT, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)             \
  X(DOMAIN_AUTHORIZED_SSH_KEYS_SET, 425, CREDENTIALS, FIRST, BH_FLAGS_NONE, 0)                             \
  X(DOMAIN_SAVE_PARAMS, 440, MEMORY_SAVE, FIRST, BH_FLAGS_NONE, 0)                                         \
  X(DOMAIN_FD_ASSOCIATE, 443, ATTACH, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)

/* The QEMU driver's own. The string after the domain is the command. */
#define BH_LIBVIRT_QEMU_PROCEDURES(X)                                                            \
  X(DOMAIN_MONITOR_COMMAND, 1, MONITOR, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)                 \
  X(DOMAIN_ATTACH, 2, REDEFINE, RETURNED, BH_FLAGS_NONE, 0)                                      \
  X(DOMAIN_AGENT_COMMAND, 3, GUEST_AGENT, FIRST, BH_FLAGS_AFTER2(BH_XDR_STRING, BH_XDR_WORD), 0) \
  X(DOMAIN_MONITOR_COMMAND_WITH_FILES, 7, MONITOR, FIRST, BH_FLAGS_AFTER(BH_XDR_STRING), 0)

/* Of DOMAIN_SNAPSHOT_CREATE_XML: disks alone, no memory. */
#define BH_SNAPSHOT_DISK_ONLY 16u

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps that all probes share. Every probe is an object of its own, so that one that the kernel refuses takes no
 * other with it; the loader creates these maps once and hands them to each object by name (agent/probes/loader.cc).
 */
#ifndef BULKHEAD_EBPF_LIB_MAPS_BPF_H
#define BULKHEAD_EBPF_LIB_MAPS_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

/* VMMs and what descends from them, by thread group id. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct bh_vmm);
} vmms SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_file_key);
  __type(value, struct bh_volume);
} volumes SEC(".maps");

/* Volumes that domains had, for entries with BH_VOLUME_DETACHED. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_detached_key);
  __type(value, struct bh_detached);
} detached SEC(".maps");

/* Whose VMMs are in a cgroup of the block controller, by the number of its node. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct bh_owner);
} cgroup_owners SEC(".maps");

/*
 * Of those of `volumes` that are devices built over one: the disk that had this number when the agent looked, by its
 * sequence number (5.15), which no other disk ever gets. What has another is another device.
 */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32); /* major << 20 | minor */
  __type(value, __u64);
} alias_disks SEC(".maps");

/* What VMMs may open besides. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 262144);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_declared_key);
  __type(value, struct bh_declared);
} declared_files SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_port_key);
  __type(value, struct bh_port);
} ports SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_domain_key);
  __type(value, struct bh_owner);
} domains SEC(".maps");

/* Monitors, guest agent channels, consoles, displays. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_endpoint_key);
  __type(value, struct bh_endpoint);
} endpoints SEC(".maps");

/* Libvirt's daemons by their executable. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_file_key);
  __type(value, __u32);
} libvirt_daemons SEC(".maps");

/* The agent's process, in entry 0. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bh_guarded);
} guarded SEC(".maps");

/* Host services by their executable. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_file_key);
  __type(value, struct bh_trust);
} trusted_executables SEC(".maps");

/* Emulator binaries: who executes one may be a VMM that is starting. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_file_key);
  __type(value, __u32);
} emulators SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, BH_PROBE_LIMIT);
  __type(key, __u32);
  __type(value, struct bh_counters);
} counters SEC(".maps");

/* Processes whose actor record is out already. */
struct bh_actor_key {
  __u64 start_ns;
  __u32 tgid;
  __u32 exec_id;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct bh_actor_key);
  __type(value, __u32);
} announced_actors SEC(".maps");

/* One ring per possible CPU; the loader makes them, of the configured size, and puts them in `rings`. */
struct bh_ring {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 512 * 1024);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __type(key, __u32);
  __array(values, struct bh_ring);
} rings SEC(".maps");

#endif

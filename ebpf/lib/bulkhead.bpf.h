/* SPDX-License-Identifier: GPL-2.0 */
/* What every probe includes: kernel types, libbpf's helpers, our records. */
#ifndef BULKHEAD_EBPF_LIB_BULKHEAD_BPF_H
#define BULKHEAD_EBPF_LIB_BULKHEAD_BPF_H

/* The kernel's types come before libbpf's headers, which use them. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ebpf/records/record.h"

#endif

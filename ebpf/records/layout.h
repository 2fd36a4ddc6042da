/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Types of fixed width, and assertions about them, in C and in C++. */
#ifndef BULKHEAD_EBPF_RECORDS_LAYOUT_H
#define BULKHEAD_EBPF_RECORDS_LAYOUT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define BH_STATIC_ASSERT(condition, text) static_assert(condition, text)
#define BH_OFFSETOF(type, member) __builtin_offsetof(type, member)
#else
#define BH_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define BH_OFFSETOF(type, member) __builtin_offsetof(type, member)
#endif

#endif

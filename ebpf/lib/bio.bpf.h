/* SPDX-License-Identifier: GPL-2.0 */
/* What a bio asks for: enum req_op (linux/blk_types.h), whose numbers are the same since 4.10. */
#ifndef BULKHEAD_EBPF_LIB_BIO_BPF_H
#define BULKHEAD_EBPF_LIB_BIO_BPF_H

#define BH_REQ_OP_MASK 0xff
#define BH_REQ_OP_READ 0
#define BH_REQ_OP_WRITE 1
#define BH_REQ_OP_DISCARD 3
#define BH_REQ_OP_SECURE_ERASE 5
#define BH_REQ_OP_ZONE_APPEND 7
#define BH_REQ_OP_WRITE_ZEROES 9

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a bio does to the ledger of its volume (DISK-07): writes, zeroes and discards make granules clean; reads by the
 * tenant of what is not clean are told. A write counts when it is queued: one that fails is counted by
 * bh_ledger_failed() and takes the proof away.
 */
#ifndef BULKHEAD_EBPF_LIB_LEDGER_BPF_H
#define BULKHEAD_EBPF_LIB_LEDGER_BPF_H

#include "ebpf/lib/bio.bpf.h"
#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/ledger_maps.bpf.h"

#define BH_SECTOR_SHIFT 9
#define BH_RESIDUE_RECORDS 16 /* a second and volume; the rest is told by the next one's sums */
#define BH_SECOND_NS 1000000000ULL
#define BH_RESIDUE_SCAN 4096 /* granules that a read is looked through for extents */

/* Granules that were written in part, by which 64ths of them: so that small writes in a row make one clean. What falls
 * out of here stays touched. */
struct bh_partial_key {
  __u64 granule;
  __u32 ledger;
  __u32 padding;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct bh_partial_key);
  __type(value, __u64);
} partial_granules SEC(".maps");

/* A part of a volume, bytes. */
struct bh_span {
  __u64 start;
  __u64 end;
};

/* One bio's way through the words of a ledger. */
struct bh_ledger_walk {
  void* words;
  __u64 first; /* granules, the end excluded */
  __u64 end;
  __u64 found; /* granules: newly clean, or stale */
};

static __always_inline __u64 bh_count_bits(__u64 bits) {
  bits = bits - ((bits >> 1) & 0x5555555555555555ULL);
  bits = (bits & 0x3333333333333333ULL) + ((bits >> 2) & 0x3333333333333333ULL);
  return (((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL) >> 56;
}

/* Those of the word's granules that are in [first, end). */
static __always_inline __u64 bh_word_mask(__u64 word, __u64 first, __u64 end) {
  __u64 base = word * BH_LEDGER_WORD;
  __u64 mask = ~0ULL;
  if (first > base) mask <<= (first - base) & 63;
  if (end < base + BH_LEDGER_WORD) mask &= ~0ULL >> ((base + BH_LEDGER_WORD - end) & 63);
  return mask;
}

static long bh_clean_word(__u32 index, struct bh_ledger_walk* walk) {
  __u32 word = walk->first / BH_LEDGER_WORD + index;
  struct bh_ledger_word* bits = bpf_map_lookup_elem(walk->words, &word);
  if (!bits) return 1;
  __u64 mask = bh_word_mask(word, walk->first, walk->end);
  __u64 old = __sync_fetch_and_or(&bits->clean, mask);
  walk->found += bh_count_bits(mask & ~old);
  return 0;
}

static long bh_stale_word(__u32 index, struct bh_ledger_walk* walk) {
  __u32 word = walk->first / BH_LEDGER_WORD + index;
  struct bh_ledger_word* bits = bpf_map_lookup_elem(walk->words, &word);
  if (!bits) return 1;
  walk->found += bh_count_bits(bh_word_mask(word, walk->first, walk->end) & ~(bits->clean | bits->touched));
  return 0;
}

static __always_inline __u32 bh_words_of(const struct bh_ledger_walk* walk) {
  return (walk->end - 1) / BH_LEDGER_WORD - walk->first / BH_LEDGER_WORD + 1;
}

/* Whole granules became clean. */
static __always_inline void bh_clean_granules(struct bh_ledger* ledger, void* words, __u64 first, __u64 end,
                                              __u32 how) {
  struct bh_ledger_walk walk = {.words = words, .first = first, .end = end};
  if (first >= end || how >= BH_WIPE_KINDS) return;
  bpf_loop(bh_words_of(&walk), bh_clean_word, &walk, 0);
  if (walk.found) __sync_fetch_and_add(&ledger->wiped[how], walk.found);
}

/* `span` is inside of one granule and less than it. */
static __noinline int bh_touch_granule(struct bh_ledger* ledger, __u32 number, struct bh_span* span, __u32 how) {
  void* words = bpf_map_lookup_elem(&ledger_words, &number);
  if (!ledger || !span || !words) return 0;
  __u32 shift = ledger->granule_shift & 63;
  struct bh_partial_key key = {.granule = span->start >> shift, .ledger = number};
  __u32 word = key.granule / BH_LEDGER_WORD;
  struct bh_ledger_word* bits = bpf_map_lookup_elem(words, &word);
  if (!bits) return 0;
  __sync_fetch_and_or(&bits->touched, 1ULL << (key.granule & 63));

  __u32 part_shift = (shift - 6) & 63;
  __u64 base = key.granule << shift;
  __u64 from = (span->start - base + (1ULL << part_shift) - 1) >> part_shift;
  __u64 to = (span->end - base) >> part_shift;
  if (from >= to) return 0;
  __u64 mask = bh_word_mask(0, from, to);
  __u64 none = 0;
  bpf_map_update_elem(&partial_granules, &key, &none, BPF_NOEXIST);
  __u64* parts = bpf_map_lookup_elem(&partial_granules, &key);
  if (!parts) return 0;
  __u64 old = __sync_fetch_and_or(parts, mask);
  if ((old | mask) != ~0ULL) return 0;
  bpf_map_delete_elem(&partial_granules, &key);
  bh_clean_granules(ledger, words, key.granule, key.granule + 1, how);
  return 0;
}

static __always_inline void bh_ledger_wiped(struct bh_ledger* ledger, __u32 number, void* words, struct bh_span span,
                                            __u32 how) {
  __u32 shift = ledger->granule_shift & 63;
  __u64 granule = 1ULL << shift;
  __u64 now = bpf_ktime_get_boot_ns();
  if (!ledger->first_wiped_ns) ledger->first_wiped_ns = now;
  ledger->last_wiped_ns = now;

  __u64 first = (span.start + granule - 1) >> shift;
  /* The last granule of a volume may be a short one. */
  __u64 end = (span.end == ledger->size ? span.end + granule - 1 : span.end) >> shift;
  if (first > end) { /* inside of one granule */
    bh_touch_granule(ledger, number, &span, how);
    return;
  }
  bh_clean_granules(ledger, words, first, end, how);
  struct bh_span head = {.start = span.start, .end = first << shift};
  struct bh_span tail = {.start = end << shift, .end = span.end};
  if (head.start < head.end) bh_touch_granule(ledger, number, &head, how);
  if (tail.start < tail.end) bh_touch_granule(ledger, number, &tail, how);
}

/* Looks for the extents of a read that are told. */
struct bh_residue_scan {
  void* words;
  struct bh_residue_record* record;
  struct bh_span span;
  __u64 first; /* granule */
  __u32 shift;
  __u32 stale_before; /* the granule before was stale, too */
};

static long bh_scan_granule(__u32 index, struct bh_residue_scan* scan) {
  __u64 granule = scan->first + index;
  __u32 word = granule / BH_LEDGER_WORD;
  struct bh_residue_record* record = scan->record;
  struct bh_ledger_word* bits = bpf_map_lookup_elem(scan->words, &word);
  if (!bits) return 1;
  if (((bits->clean | bits->touched) >> (granule & 63)) & 1) {
    scan->stale_before = 0;
    return 0;
  }
  __u64 start = granule << (scan->shift & 63);
  __u64 end = (granule + 1) << (scan->shift & 63);
  if (start < scan->span.start) start = scan->span.start;
  if (end > scan->span.end) end = scan->span.end;
  record->bytes += end - start;
  if (!scan->stale_before) {
    if (record->extents_count >= BH_RESIDUE_EXTENTS) return 0;
    record->extents[record->extents_count & (BH_RESIDUE_EXTENTS - 1)].offset = start;
    record->extents_count++;
    scan->stale_before = 1;
  }
  if (record->extents_count) {
    struct bh_extent* last = &record->extents[(record->extents_count - 1) & (BH_RESIDUE_EXTENTS - 1)];
    if (last->offset + last->length == start || !last->length) last->length = end - last->offset;
  }
  return 0;
}

/* A few a second; false for what the next record tells. */
static __always_inline bool bh_residue_has_turn(struct bh_ledger* ledger, __u64 now) {
  if (now - ledger->window_ns >= BH_SECOND_NS) {
    ledger->window_ns = now;
    ledger->window_records = 0;
  }
  return __sync_fetch_and_add(&ledger->window_records, 1) < BH_RESIDUE_RECORDS;
}

static __always_inline void bh_tell_residue(struct task_struct* task, struct bh_volume* volume,
                                            struct bh_ledger* ledger, void* words, const struct bh_file_key* key,
                                            struct bh_span span) {
  struct bh_residue_record record = {.file = *key, .ledger = volume->ledger, .reads = 1};
  struct bh_residue_scan scan = {.words = words,
                                 .record = &record,
                                 .span = span,
                                 .first = span.start >> (ledger->granule_shift & 63),
                                 .shift = ledger->granule_shift};
  __u64 granules = ((span.end - 1) >> (ledger->granule_shift & 63)) - scan.first + 1;
  if (granules > BH_RESIDUE_SCAN) granules = BH_RESIDUE_SCAN;
  bpf_loop(granules, bh_scan_granule, &scan, 0);
  BH_COUNT(BH_PROBE_DISK_BLOCK_IO, seen);
  if (!bh_residue_has_turn(ledger, bpf_ktime_get_boot_ns())) {
    __sync_fetch_and_add(&ledger->untold_bytes, record.bytes);
    __sync_fetch_and_add(&ledger->untold_reads, 1);
    BH_COUNT(BH_PROBE_DISK_BLOCK_IO, coalesced);
    return;
  }
  record.bytes += __sync_lock_test_and_set(&ledger->untold_bytes, 0);
  record.reads += __sync_lock_test_and_set(&ledger->untold_reads, 0);
  bh_announce_actor(task);
  bh_fill_actor(&record.header, task);
  record.header.actor = bh_actor_owner(task);
  record.header.object = volume->owner;
  bh_submit(&record.header, BH_PROBE_DISK_BLOCK_IO, BH_RECORD_RESIDUE_READ, sizeof(record));
}

static __always_inline void bh_ledger_read(struct bh_volume* volume, struct bh_ledger* ledger, void* words,
                                           const struct bh_file_key* key, struct bh_span span) {
  struct bh_ledger_walk walk = {.words = words,
                                .first = span.start >> (ledger->granule_shift & 63),
                                .end = ((span.end - 1) >> (ledger->granule_shift & 63)) + 1};
  if (bh_words_of(&walk) == 1)
    bh_stale_word(0, &walk);
  else
    bpf_loop(bh_words_of(&walk), bh_stale_word, &walk, 0);
  if (!walk.found) return;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (bh_same_tenant(bh_actor_owner(task), volume->owner)) bh_tell_residue(task, volume, ledger, words, key, span);
}

/* The ledger of what a bio goes to; null for none. */
static __always_inline struct bh_ledger* bh_ledger_of(struct bio* bio, const struct bh_volume* volume) {
  __u32 number = volume->ledger;
  if (!number) return 0;
  struct bh_ledger* ledger = bpf_map_lookup_elem(&ledgers, &number);
  if (!ledger || ledger->disk_sequence != bio->bi_bdev->bd_disk->diskseq) return 0;
  return ledger;
}

/* To be called for each bio to a volume of a tenant's, or of nobody since one released it, when it is queued. */
static __always_inline void bh_ledger_queued(struct bio* bio, struct bh_volume* volume, const struct bh_file_key* key) {
  struct bh_ledger* ledger = bh_ledger_of(bio, volume);
  if (!ledger) return;
  __u32 number = volume->ledger;
  void* words = bpf_map_lookup_elem(&ledger_words, &number);
  if (!words) return;
  /* The sector is the whole disk's already (blk_partition_remap). */
  struct bh_span span = {.start = (bio->bi_iter.bi_sector - bio->bi_bdev->bd_start_sect) << BH_SECTOR_SHIFT};
  span.end = span.start + bio->bi_iter.bi_size;
  if (span.end <= span.start || span.end > ledger->size) return;
  switch (bio->bi_opf & BH_REQ_OP_MASK) {
    case BH_REQ_OP_READ:
      if (ledger->flags & BH_LEDGER_JUDGED) bh_ledger_read(volume, ledger, words, key, span);
      return;
    case BH_REQ_OP_WRITE:
    case BH_REQ_OP_ZONE_APPEND:
      bh_ledger_wiped(ledger, number, words, span, BH_WIPE_WRITTEN);
      return;
    case BH_REQ_OP_WRITE_ZEROES:
      bh_ledger_wiped(ledger, number, words, span, BH_WIPE_ZEROED);
      return;
    case BH_REQ_OP_DISCARD:
    case BH_REQ_OP_SECURE_ERASE:
      bh_ledger_wiped(ledger, number, words, span, BH_WIPE_DISCARDED);
      return;
  }
}

/* For a bio that ended with an error. */
static __always_inline void bh_ledger_failed(struct bio* bio, const struct bh_volume* volume) {
  struct bh_ledger* ledger = bh_ledger_of(bio, volume);
  if (ledger && (bio->bi_opf & BH_REQ_OP_MASK) != BH_REQ_OP_READ) __sync_fetch_and_add(&ledger->failed_writes, 1);
}

#endif

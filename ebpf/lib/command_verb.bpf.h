/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name of a monitor or guest agent command, out of a bounded prefix of it: {"execute": "guest-exec", …} gives
 * guest-exec, a command for people ("pmemsave 0 4096 f") its first word. Nothing else of the command leaves here. It is
 * a label: who wants to hide it puts it further back, and then there is none.
 */
#ifndef BULKHEAD_EBPF_LIB_COMMAND_VERB_BPF_H
#define BULKHEAD_EBPF_LIB_COMMAND_VERB_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define BH_COMMAND_PREFIX 128

/* What of "execute", quotes included, was seen so far; then what is waited for. */
#define BH_VERB_KEYWORD_LENGTH 9
#define BH_VERB_QUOTE 10
#define BH_VERB_LETTERS 11
#define BH_VERB_END 12

struct bh_verb_scan {
  char text[BH_COMMAND_PREFIX];
  char verb[BH_VERB_LENGTH];
  __u32 begun;
  __u32 state;
  __u32 length;
  __u32 verb_length;
};

static __always_inline bool bh_is_verb_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static __always_inline bool bh_is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char bh_execute_keyword[BH_VERB_KEYWORD_LENGTH + 1] = "\"execute\"";

/* Returns true when the scan is over. */
static __always_inline bool bh_verb_step(struct bh_verb_scan* scan, char c) {
  if (!scan->begun) {
    if (bh_is_space(c)) return false;
    scan->begun = 1;
    scan->state = c == '{' ? 0 : BH_VERB_LETTERS;
  }
  __u32 state = scan->state;
  if (state == BH_VERB_LETTERS) {
    if (!bh_is_verb_letter(c) || scan->verb_length >= BH_VERB_LENGTH - 1) return true;
    scan->verb[scan->verb_length & (BH_VERB_LENGTH - 1)] = c;
    scan->verb_length++;
  } else if (state >= BH_VERB_KEYWORD_LENGTH) {
    if (c == '"')
      scan->state = BH_VERB_LETTERS;
    else if (c != ':' && !bh_is_space(c))
      return true;
  } else {
    scan->state = c == bh_execute_keyword[state & 7] ? state + 1 : (c == '"');
  }
  return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the PVTI arithmetic is asked in test_pvti.c and, through a BPF program, in the kernel. The
 * answers were worked out apart from the code, with whole numbers of any length:
 * (cycles << shift) mod 2^64, times mul, shifted right by 32, mod 2^64.
 */
#ifndef KCT_TEST_PVTI_VECTORS_H
#define KCT_TEST_PVTI_VECTORS_H

#include <linux/types.h>

#include "kvmclock/pvti.h"

/* One question, with both PVTIs and a time stamp counter to read the old one at. */
struct pvti_question {
	struct kct_pvti old_pvti;
	struct kct_pvti new_pvti;
	__u64 tsc;
};

struct pvti_answer {
	__u64 scaled; /* (tsc - old timestamp), taken as unsigned, to ns by the old scale */
	__u64 read;   /* the old line at tsc */
	__s64 drift;  /* of the new against the old */
	__u64 same;   /* are both the same line? */
};

/* The context of the BPF program. */
struct pvti_run {
	struct pvti_question question;
	struct pvti_answer answer;
};

/* "The thread's" is what a patch's discussion on the KVM list gives; the others are made up. */
static const struct {
	const char *what;
	struct pvti_question question;
	struct pvti_answer answer;
} pvti_vectors[] __attribute__((unused)) = {
	{"the thread's",
	 {{32041800585ULL, 3639151, 3186238974ULL, -1, 0, 0},
	  {213016088950ULL, 67131895453ULL, 3186238974ULL, -1, 0, 0},
	  213016088950ULL},
	 {67128256298ULL, 67131895449ULL, 4, 0}},
	{"the same line, other flags",
	 {{32041800585ULL, 3639151, 3186238974ULL, -1, 1, 0},
	  {32041800585ULL, 3639151, 3186238974ULL, -1, 3, 0},
	  32041800585ULL},
	 {0, 3639151, 0, 1}},
	{"the same line, at another TSC",
	 {{32041800585ULL, 3639151, 3186238974ULL, -1, 0, 0},
	  {32041800585ULL, 3639151, 3186238974ULL, -1, 0, 0},
	  1032041800585ULL},
	 {370927035575ULL, 370930674726ULL, 0, 1}},
	{"a jump back of 400 ns",
	 {{1000, 5000, 2147483648ULL, 1, 0, 0}, {3000, 6600, 2147483648ULL, 1, 0, 0}, 3000},
	 {2000, 7000, -400, 0}},
	{"no jump",
	 {{1000, 5000, 2147483648ULL, 1, 0, 0}, {3000, 7000, 2147483648ULL, 1, 0, 0}, 3000},
	 {2000, 7000, 0, 0}},
	{"shift 0",
	 {{0, 0, 2147483648ULL, 0, 0, 0}, {1001, 501, 2147483648ULL, 0, 0, 0}, 1001},
	 {500, 500, 1, 0}},
	{"shift 31", {{0, 0, 1, 31, 0, 0}, {7, 3, 1, 31, 0, 0}, 7}, {3, 3, 0, 0}},
	{"shift -31",
	 {{0, 0, 4294967295ULL, -31, 0, 0},
	  {8589934597ULL, 4, 4294967295ULL, -31, 0, 0},
	  8589934597ULL},
	 {3, 3, 1, 0}},
	{"shift 63: only the lowest bit is left",
	 {{0, 0, 2, 63, 0, 0}, {3, 0x100000000ULL, 2, 63, 0, 0}, 3},
	 {0x100000000ULL, 0x100000000ULL, 0, 0}},
	{"shift -63: only the highest bit is left",
	 {{1, 0, 2147483648ULL, -63, 0, 0}, {1, 0, 2147483648ULL, -63, 0, 0}, 0},
	 {0, 0, 0, 1}},
	{"shift 64 leaves nothing",
	 {{0, 9, 4294967295ULL, 64, 0, 0},
	  {0x7fffffffffffffffULL, 9, 4294967295ULL, 64, 0, 0},
	  0x7fffffffffffffffULL},
	 {0, 9, 0, 0}},
	{"shift -64 leaves nothing",
	 {{0, 9, 4294967295ULL, -64, 0, 0},
	  {0x7fffffffffffffffULL, 10, 4294967295ULL, -64, 0, 0},
	  0x7fffffffffffffffULL},
	 {0, 9, 1, 0}},
	{"shift 127 leaves nothing",
	 {{0, 9, 4294967295ULL, 127, 0, 0}, {12345, 8, 4294967295ULL, 127, 0, 0}, 12345},
	 {0, 9, -1, 0}},
	{"shift -128 leaves nothing",
	 {{0, 9, 4294967295ULL, -128, 0, 0}, {12345, 9, 4294967295ULL, -128, 0, 0}, 12345},
	 {0, 9, 0, 0}},
	{"a product of 96 bits",
	 {{0, 0, 4294967295ULL, 0, 0, 0},
	  {0x7fffffffffffffffULL, 0, 4294967295ULL, 0, 0, 0},
	  0x7fffffffffffffffULL},
	 {0x7fffffff7fffffffULL, 0x7fffffff7fffffffULL, -9223372034707292159LL, 0}},
	{"the carry of the lower half",
	 {{0, 0, 4294967295ULL, 0, 0, 0},
	  {4294967295ULL, 4294967294ULL, 4294967295ULL, 0, 0, 0},
	  4294967295ULL},
	 {4294967294ULL, 4294967294ULL, 0, 0}},
	{"bits lost by the shift",
	 {{0, 0, 2147483648ULL, 8, 0, 0},
	  {0x7fffffffffffffffULL, 0, 2147483648ULL, 8, 0, 0},
	  0x7fffffffffffffffULL},
	 {0x7fffffffffffff80ULL, 0x7fffffffffffff80ULL, -9223372036854775680LL, 0}},
	{"a TSC before the timestamp",
	 {{10000, 5000, 2147483648ULL, 0, 0, 0}, {4000, 2000, 2147483648ULL, 0, 0, 0}, 4000},
	 {0x7ffffffffffff448ULL, 2000, 0, 0}},
	{"a TSC before the timestamp, odd",
	 {{10000, 5000, 2147483648ULL, 0, 0, 0}, {4001, 2002, 2147483648ULL, 0, 0, 0}, 4001},
	 {0x7ffffffffffff448ULL, 2001, 1, 0}},
	{"a TSC that wrapped",
	 {{0xfffffffffffffff6ULL, 100, 2147483648ULL, 0, 0, 0},
	  {10, 110, 2147483648ULL, 0, 0, 0},
	  10},
	 {10, 110, 0, 0}},
	{"a negative TSC",
	 {{10, 100, 2147483648ULL, 0, 0, 0},
	  {0xfffffffffffffff6ULL, 90, 2147483648ULL, 0, 0, 0},
	  0xfffffffffffffff6ULL},
	 {0x7ffffffffffffff6ULL, 90, 0, 0}},
	{"a system time that wraps",
	 {{0, 0xfffffffffffffffbULL, 2147483648ULL, 0, 0, 0}, {20, 5, 2147483648ULL, 0, 0, 0}, 20},
	 {10, 5, 0, 0}},
	{"a system time that wraps back",
	 {{20, 5, 2147483648ULL, 0, 0, 0}, {0, 0xfffffffffffffffbULL, 2147483648ULL, 0, 0, 0}, 0},
	 {0x7ffffffffffffff6ULL, 0xfffffffffffffffbULL, 0, 0}},
	{"forward by a second",
	 {{0, 0, 2147483648ULL, 1, 0, 0}, {1000, 1000001000, 2147483648ULL, 1, 0, 0}, 1000},
	 {1000, 1000, 1000000000, 0}},
	{"back by a second",
	 {{0, 2000000000, 2147483648ULL, 1, 0, 0},
	  {1000, 1000001000, 2147483648ULL, 1, 0, 0},
	  1000},
	 {1000, 2000001000, -1000000000, 0}},
	{"the largest jump forward",
	 {{0, 0, 2147483648ULL, 1, 0, 0}, {0, 0x7fffffffffffffffULL, 2147483648ULL, 1, 0, 0}, 0},
	 {0, 0, 9223372036854775807LL, 0}},
	{"the largest jump back",
	 {{0, 0, 2147483648ULL, 1, 0, 0}, {0, 0x8000000000000000ULL, 2147483648ULL, 1, 0, 0}, 0},
	 {0, 0, (-9223372036854775807LL - 1), 0}},
	{"the farthest TSC",
	 {{0, 0, 2147483648ULL, 1, 0, 0},
	  {0x8000000000000000ULL, 0, 2147483648ULL, 1, 0, 0},
	  0x8000000000000000ULL},
	 {0, 0, 0, 0}},
	{"another scale, met where it begins",
	 {{0, 0, 2147483648ULL, 1, 0, 0}, {5000, 5000, 3186238974ULL, -1, 0, 0}, 5000},
	 {5000, 5000, 0, 0}},
	{"multiplier 0: time stands still",
	 {{0, 77, 0, 0, 0, 0}, {0x10000000000ULL, 77, 0, 0, 0, 0}, 0x10000000000ULL},
	 {0, 77, 0, 0}},
	{"all ones",
	 {{0xffffffffffffffffULL, 0xffffffffffffffffULL, 4294967295ULL, -1, 0, 0},
	  {0xffffffffffffffffULL, 0xffffffffffffffffULL, 4294967295ULL, -1, 0, 0},
	  0xffffffffffffffffULL},
	 {0, 0xffffffffffffffffULL, 0, 1}},
};

static inline void pvti_ask(const struct pvti_question *q, struct pvti_answer *a)
{
	a->scaled = kct_pvti_scale(q->tsc - q->old_pvti.tsc_timestamp,
				   q->old_pvti.tsc_to_system_mul, q->old_pvti.tsc_shift);
	a->read = kct_pvti_read(&q->old_pvti, q->tsc);
	a->drift = kct_pvti_drift(&q->old_pvti, &q->new_pvti);
	a->same = kct_pvti_same_line(&q->old_pvti, &q->new_pvti);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What would have happened: the events of a recording, replayed through a model of the kernel with
 * something changed, come out as the events that such a kernel would have given. So whatever reads
 * a recording reads a prediction.
 *
 * A change is a file: what it changes of the kernel, or of the VMM, and the function it stands for.
 */
#ifndef KCT_WHATIF_WHATIF_H
#define KCT_WHATIF_WHATIF_H

#include <stdbool.h>
#include <stdint.h>

#include "kvmclock/event.h"

#define KCT_CHANGES(X)                                                                             \
	X(ZHANG_1, "zhang-1", zhang_1)                                                             \
	X(ZHANG_2, "zhang-2", zhang_2)                                                             \
	X(ZHANG_3, "zhang-3", zhang_3)                                                             \
	X(DEDUP, "dedup", dedup)                                                                   \
	X(OFFSET, "offset", offset)                                                                \
	X(CLOCK_GUEST, "clock-guest", clock_guest)                                                 \
	X(NO_C52FFADC, "no-c52ffadc", no_c52ffadc)                                                 \
	X(QEMU_REALTIME, "qemu-realtime", qemu_realtime)

#define KCT_CHANGE_ROW(name, text, symbol) KCT_CHANGE_##name,
enum kct_change_number { KCT_CHANGES(KCT_CHANGE_ROW) KCT_NR_CHANGES };
extern const char *const kct_change_names[KCT_NR_CHANGES];

/* A set of changes: bit of each enum kct_change_number. */
typedef uint32_t kct_changes;

/* Read names with commas in between. 0, or -EINVAL with *bad, the one that is none, or twice. */
int kct_changes_parse(const char *text, kct_changes *changes, const char **bad, int *bad_length);

/* What of a prediction cannot be known, of a VM. */
enum kct_unknown {
	KCT_ALL_KNOWN,
	KCT_LINES_UNKNOWN, /* what its PVTIs and their drift would be */
	KCT_ALL_UNKNOWN,   /* anything */
};

struct kct_whatif;

/* Called with each event that would have been; it must not keep the pointer. 0 or -ENOMEM. */
typedef int (*kct_predicted)(void *context, const union kct_any_event *event);

/* NULL when out of memory. The caller frees. */
struct kct_whatif *kct_whatif_new(kct_changes changes, kct_predicted predicted, void *context);
void kct_whatif_free(struct kct_whatif *whatif);
/* The host's clocksource as the recording's header names it ("": not known), before any event. */
void kct_whatif_host(struct kct_whatif *whatif, const char *clocksource);
/* An event was recorded; in their order. 0 or -ENOMEM. */
int kct_whatif_event(struct kct_whatif *whatif, const union kct_any_event *event);
/* There are no more. */
int kct_whatif_end(struct kct_whatif *whatif);

/* What is not known of a VM, or (KCT_NO_VM) of any; *why, if not all is known. */
enum kct_unknown kct_whatif_unknown(const struct kct_whatif *whatif, uint32_t vm, const char **why);

#endif

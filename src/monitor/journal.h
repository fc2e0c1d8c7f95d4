/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal of migrations: an entry each time that the clock of a VM is set that then runs, and
 * one of each VM that may be a source. Memory: of each VM that is being set up, or whose VMM
 * touches its clocks, the events up to a bound.
 */
#ifndef KCT_MONITOR_JOURNAL_H
#define KCT_MONITOR_JOURNAL_H

#include "monitor/entry.h"
#include "monitor/recorder.h"
#include "model/state.h"
#include "monitor/triggers.h"

#define KCT_JOURNAL	"migrations.jsonl"
#define KCT_JOURNAL_OLD "migrations.1.jsonl" /* what was put aside */

struct kct_journal {
	const char *directory;
	const struct kct_triggers *triggers; /* not ours: they know what is pinned; NULL */
	const struct kct_state *state;	 /* not ours: as it is before the event that is taken in */
	struct kct_header header;	 /* of the run, without what entries do not need */
	const struct kct_losses *losses; /* not ours */
	void *watches;			 /* tree, by the VM's number */
	size_t nr_watches;
	struct kct_anchor recent[2]; /* an hour ago at most, and the one before that */
	bool cannot_write;	     /* it has been said */
	uint64_t due_ns;	     /* when a watch may be over; UINT64_MAX */

	/* ---- for whoever wants to know ---- */
	uint64_t written[2]; /* entries, by enum kct_entry_kind */
	uint64_t unwritten;  /* entries that the disk did not take */
	uint64_t unsaid;     /* lines that standard output did not take */
};

void kct_journal_begin(struct kct_journal *journal, const char *directory,
		       const struct kct_header *header, const struct kct_state *state,
		       const struct kct_losses *losses);
/* An event, before the state has taken it in. 0 or -ENOMEM. */
int kct_journal_event(struct kct_journal *journal, const union kct_any_event *event,
		      const struct kct_vm_name *name);
/* Write what is due; when to call again, at the latest (UINT64_MAX: not at all). */
uint64_t kct_journal_tick(struct kct_journal *journal, uint64_t now_ns);
/* Write what is still to be written. */
void kct_journal_end(struct kct_journal *journal);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What a live `top` and a replay have in common: events in, the screen out, keys in. */
#ifndef KCT_CMD_TOP_H
#define KCT_CMD_TOP_H

#include "cmd/filter.h"
#include "cmd/loop.h"
#include "monitor/recent.h"
#include "screen/screen.h"

struct kct_top {
	/* ---- set by whoever has it ---- */
	const struct kct_header *header;
	struct kct_model *model;
	struct kct_clocks clocks;
	struct kct_loop *loop;
	const char *incomplete; /* why the evidence is not whole, where the model does not tell */
	bool tables;		/* are all that is wanted: nothing but the model is kept */
	void *context;		/* of the next one */
	/* What only it can do about a key. */
	void (*act)(struct kct_top *top, enum kct_action action);

	/* ---- to look at ---- */
	struct kct_screen screen;
	uint64_t now_ns; /* the instant that the events have led to, CLOCK_BOOTTIME */
	char mode[128];	 /* how it is called in the first line */
	int failure;	 /* an enum kct_exit */
	/* ---- inside ---- */
	struct kct_watch watch;
	struct kct_recent recent;
	struct kct_status status;
	uint64_t cost_ns, cpu_us, nr_events; /* when our own cost was measured last */
};

/* 0, or an enum kct_exit, said; it is closed in any case. `since_ns`: when the events begin. */
int kct_top_open(struct kct_top *top, uint64_t since_ns);
void kct_top_close(struct kct_top *top);
/* Forget all events. */
int kct_top_restart(struct kct_top *top, uint64_t since_ns);

/* An event, when the model has it. */
void kct_top_event(struct kct_top *top, const union kct_any_event *event,
		   const struct kct_vm_name *name);

/* Take the terminal. 0 or an enum kct_exit, said. */
int kct_top_open_terminal(struct kct_top *top);
/* Show the instant; what is frozen stays, but for what is above the table. */
void kct_top_show(struct kct_top *top, bool frozen);
/* Do what the keys that were pressed ask for, and show what became of it. */
void kct_top_keys(struct kct_top *top);

/* One line above a table: the instant, and how much came. */
void kct_top_show_batch(const struct kct_top *top, FILE *out, const char *when, bool verbose);

/* ---- cmd/top_replay.c ---- */

struct kct_top_options {
	const char *recording; /* NULL: live */
	bool batch, verbose, has_at;
	uint64_t at_ns;	      /* behind its start; if has_at */
	uint64_t interval_ns; /* 0: not told */
	uint64_t count;	      /* of tables; 0: no limit */
};

/* Replay a recording; an enum kct_exit. */
int kct_top_replay(const struct kct_top_options *options, struct kct_filter *filter);

#endif

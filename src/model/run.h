/* SPDX-License-Identifier: GPL-2.0 */
/* What a run was: where and how it was made, how it ended, and the clocks of its host. */
#ifndef KCT_MODEL_RUN_H
#define KCT_MODEL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "kvmclock/vocabulary.h"

#define KCT_MAX_HOOKS 32

/* One instant on several clocks. */
struct kct_anchor {
	uint64_t boot_ns;     /* CLOCK_BOOTTIME, as all the events' */
	uint64_t realtime_ns; /* CLOCK_REALTIME */
	uint64_t base_ns;     /* the kvmclock base: get_kvmclock_base_ns() */
	/* By how much the wall clock may be wrong, as the kernel's NTP discipline has it (maxerror
	 * of adjtimex(2)); UINT64_MAX where nothing synchronises it. */
	uint64_t realtime_error_ns;
};

/* How one piece of evidence is obtained on the host that was traced. */
struct kct_hook {
	char evidence[24]; /* the word of vocabulary.h, or what else doctor lists */
	char way[24];	   /* "tracepoint", "iterator", ...; "none" */
	char target[64];   /* what is hooked */
	char note[256];	   /* what this way cannot show; "" */
};

/* How often the kernel skipped the programs of one piece of evidence. */
struct kct_missed {
	char evidence[24];
	uint64_t calls;
	bool counted; /* else calls is 0, and this kernel does not count all that it skips */
};

/* Those of a run that are not counted 0. */
struct kct_misses {
	struct kct_missed list[KCT_MAX_HOOKS];
	uint32_t count;
};

/* Events that were lost, by reason, and what the missed ones are made of. */
struct kct_lost {
	uint64_t losses[KCT_NR_LOSSES];
	struct kct_misses misses;
	uint64_t other; /* for a reason that only another release knows */
};

/* Events that could not be written, before a segment of a flight recorder begins. */
struct kct_gap {
	uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME; 0: there is none */
	uint64_t events;
	char why[64];
};

/* Of a recording that is a part of what a flight recorder wrote: which one it is. */
struct kct_segment {
	uint64_t run_ns;   /* when the recorder began, CLOCK_BOOTTIME; 0: it is no such part */
	uint64_t sequence; /* in its directory, from 1; 0: it was pinned by a trigger */
	char trigger[32];  /* then: which one; "" */
	uint32_t vm;	   /* then: the VM that it was about; KCT_NO_VM */
	uint64_t trigger_ns;
	bool has_value;
	int64_t value;	  /* unnecessary updates; or ns of a jump, positive is forward */
	uint32_t reasons; /* why a masterclock went off: bit of each enum kct_reason */
	uint64_t folded;  /* triggers that came within the span of the first */
	struct kct_gap gap;
	/* The trailer of the segment before it tells of these, but they may be of this one. */
	struct kct_lost carried;
};

/*
 * What another release wrote that this one does not know, and passed over: whole events, or of
 * those that it knows single fields and words.
 */
struct kct_passed {
	uint64_t events, fields, words;
};

/*
 * Of a recording that is a part of what was recorded, by its events' order of delivery: from the
 * first one at `from_ns` or later, to before the first one at `to_ns` or later. Before them are the
 * VMs and vCPUs as they stood then. The anchors of header and trailer are those of the whole.
 */
struct kct_part {
	uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME; 0: it is not cut there */
	/* Passed over before it: any of that may have changed what the part begins with. */
	struct kct_passed passed;
};

/* Does it follow the other in the row of its run? */
bool kct_segment_is_next(const struct kct_segment *before, const struct kct_segment *after);

/* Where and how it was made. Texts are printable forms (base/text.h); "" is not known. */
struct kct_header {
	char tool[32]; /* version of the program */
	char host[KCT_TEXT_ROOM(64)];
	char boot_id[40]; /* tells one boot of one host from another */
	char kernel[65];  /* release */
	char kvm[16];	  /* "built-in", "module" or "absent" */
	char vendor[16];  /* "intel", "amd" */
	char clocksource[32];
	uint32_t tsc_khz; /* of the host; 0 is not known */
	struct kct_anchor started;
	char command[256]; /* what ran under `record --`, as a shell takes it; "" */
	struct kct_segment segment;
	struct kct_part part;
	struct kct_hook hooks[KCT_MAX_HOOKS];
	uint32_t nr_hooks;
};

/* How it ended. */
struct kct_trailer {
	struct kct_anchor ended;
	uint64_t events; /* lines between header and trailer */
	struct kct_lost lost;
	char reason[16]; /* "command", "duration", "signal", "error", "rotation", "trigger" */
	int32_t status;	 /* exit status of the command; -1 without one */
};

void kct_passed_add(struct kct_passed *sum, const struct kct_passed *more);

/* When what it tells begins, and ends: ns of CLOCK_BOOTTIME. The latter is 0 without a trailer. */
uint64_t kct_began(const struct kct_header *header);
uint64_t kct_ended(const struct kct_header *header, const struct kct_trailer *trailer);
/* Is something of what was recorded not in it? Without a trailer, it may be. */
bool kct_is_part(const struct kct_header *header, const struct kct_trailer *trailer);

/* Of a piece of evidence; NULL if nothing of it was skipped. */
const struct kct_missed *kct_missed_of(const struct kct_misses *misses, const char *evidence);
bool kct_lost_any(const struct kct_lost *lost);
/* Added up. Too much to be counted, as made-up numbers, is UINT64_MAX. */
void kct_lost_add(struct kct_lost *sum, const struct kct_lost *more);

/* The anchors of a recording: each clock is taken to run evenly from one to the other. */
struct kct_clocks {
	struct kct_anchor start, end;
	bool has_end; /* else all run as fast as each other from the start */
};

/* The CLOCK_BOOTTIME of a time of the kvmclock base, and the CLOCK_REALTIME of the former. */
uint64_t kct_boot_of_base(const struct kct_clocks *clocks, uint64_t base_ns);
uint64_t kct_realtime_of_boot(const struct kct_clocks *clocks, uint64_t boot_ns);

/*
 * By how much that CLOCK_REALTIME may be wrong, ns: the larger of both anchors' errors, and by how
 * much it was set in between. UINT64_MAX: not known.
 */
uint64_t kct_realtime_error(const struct kct_clocks *clocks);

#endif

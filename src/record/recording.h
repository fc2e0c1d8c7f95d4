/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording: JSON lines, a header first, then events in the order in which they happened, a
 * trailer last. docs/schema.md describes each; a recording without a trailer was cut off.
 */
#ifndef KCT_RECORD_RECORDING_H
#define KCT_RECORD_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "kvmclock/vocabulary.h"
#include "model/anchor.h"

#define KCT_RECORDING_FORMAT  "kvmclock-trace"
#define KCT_RECORDING_VERSION 1
#define KCT_MAX_HOOKS	      32

/* The longest line, and so the memory that a hostile file can make the reader use. */
#define KCT_MAX_LINE 65536

/* How one piece of evidence is had on the host that was traced. */
struct kct_hook {
	char evidence[24]; /* the word of vocabulary.h, or what else doctor lists */
	char way[24];	   /* "tracepoint", "iterator", ...; "none" */
	char target[64];   /* what is hooked */
	char note[256];	   /* what this way cannot show; "" */
};

/* Where and how it was made. Texts are UTF-8; "" is not known. */
struct kct_header {
	char tool[32]; /* version of the program */
	char host[65];
	char boot_id[40]; /* tells one boot of one host from another */
	char kernel[65];  /* release */
	char kvm[16];	  /* "built-in", "module" or "absent" */
	char vendor[16];  /* "intel", "amd" */
	char clocksource[32];
	uint32_t tsc_khz; /* of the host; 0 is not known */
	struct kct_anchor started;
	char command[256]; /* what ran under `record --`; "" */
	struct kct_hook hooks[KCT_MAX_HOOKS];
	uint32_t nr_hooks;
};

/* How it ended. */
struct kct_trailer {
	struct kct_anchor ended;
	uint64_t events; /* lines between header and trailer */
	uint64_t losses[KCT_NR_LOSSES];
	char reason[16]; /* "command", "duration", "signal", "error" */
	int32_t status;	 /* exit status of the command; -1 without one */
};

#endif

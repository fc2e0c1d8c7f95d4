/* SPDX-License-Identifier: GPL-2.0 */
/* The events of a recording, held in memory in the order in which they were delivered. */
#ifndef KCT_SCREEN_TAPE_H
#define KCT_SCREEN_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/event.h"
#include "model/name.h"

/* More are not held: about 1 GB, as the VMs and vCPUs of a recording may take. */
#define KCT_TAPE_MAX (8U << 20)

struct kct_tape_event;

struct kct_tape {
	struct kct_tape_event **events;
	size_t count, room;
	uint64_t left_out; /* those for which there was no room */
};

/* Add one; `name` goes with a KCT_EVENT_VM. What has no room is counted. */
void kct_tape_add(struct kct_tape *tape, const union kct_any_event *event,
		  const struct kct_vm_name *name);
void kct_tape_clear(struct kct_tape *tape);

/* The event at a place, and its name or NULL. */
void kct_tape_get(const struct kct_tape *tape, size_t at, union kct_any_event *event,
		  const struct kct_vm_name **name);
/*
 * When it was delivered, for whoever has the time of events only: the latest of it and of those
 * before it, as two CPUs' events need not come in the order of time.
 */
uint64_t kct_tape_ns(const struct kct_tape *tape, size_t at);
/* How many of them are delivered by that time. */
size_t kct_tape_until(const struct kct_tape *tape, uint64_t ns);
/* Is it a jump of a clock? */
bool kct_tape_is_jump(const struct kct_tape *tape, size_t at);

#endif

// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "record/cut.h"

bool kct_cut_is_met(const struct kct_cut *cut, const union kct_any_event *event)
{
	return (event->event.kind == KCT_EVENT_VM || event->event.kind == KCT_EVENT_VCPU) &&
	       event->event.ns <= cut->started_ns;
}

void kct_cut_reach(struct kct_cut *cut, const union kct_any_event *event)
{
	if (kct_cut_is_met(cut, event))
		return;
	cut->begun |= event->event.ns >= cut->since_ns;
	cut->over |= cut->until_ns != UINT64_MAX && event->event.ns >= cut->until_ns;
}

void kct_cut_init(struct kct_cut *cut, const struct kct_span *span)
{
	memset(cut, 0, sizeof(*cut));
	cut->until_ns = UINT64_MAX;
	if (span)
		cut->span = *span;
	cut->asked = cut->span.since.kind || cut->span.until.kind;
	cut->begun = !cut->asked;
}

void kct_cut_clear(struct kct_cut *cut)
{
	kct_state_clear(&cut->state);
}

/* ---- headers ---- */

/* A time by the clocks of a segment's header; `none` if there is none. What was never is 0. */
static uint64_t boot_of(const struct kct_cut *cut, const struct kct_time *time,
			const struct kct_anchor *anchor, uint64_t none)
{
	uint64_t ns = cut->first_ns;
	__int128 at = (__int128)time->ns - anchor->realtime_ns + anchor->boot_ns;

	switch (time->kind) {
	case KCT_TIME_NONE:
		return none;
	case KCT_TIME_BEHIND:
		return __builtin_add_overflow(ns, time->ns, &ns) ? UINT64_MAX : ns;
	default:
		return at < 0 ? 0 : at > UINT64_MAX ? UINT64_MAX : (uint64_t)at;
	}
}

static void resolve(struct kct_cut *cut, const struct kct_header *header)
{
	if (!cut->met) {
		cut->first_ns = kct_began(header);
		memcpy(cut->first_boot_id, header->boot_id, sizeof(cut->first_boot_id));
		cut->met = true;
	}
	cut->since_ns = boot_of(cut, &cut->span.since, &header->started, 0);
	cut->until_ns = boot_of(cut, &cut->span.until, &header->started, UINT64_MAX);
	cut->started_ns = kct_began(header);
}

bool kct_cut_is_before(const struct kct_cut *cut, const struct kct_header *header)
{
	return kct_began(header) <= boot_of(cut, &cut->span.since, &header->started, 0);
}

/* "So long behind the beginning" is a time of one boot. */
static bool is_comparable(const struct kct_cut *cut, const struct kct_header *header)
{
	return cut->span.since.kind != KCT_TIME_BEHIND ||
	       !strcmp(cut->first_boot_id, header->boot_id);
}

static void begin_anew(struct kct_cut *cut, struct kct_header *header)
{
	kct_state_clear(&cut->state);
	cut->passed = (struct kct_passed){0};
	cut->begun = cut->since_ns == kct_began(header);
	if (cut->begun)
		return;
	header->part.from_ns = cut->since_ns;
	/* What is missing before the segment is missing before the part. */
	memset(&header->segment.gap, 0, sizeof(header->segment.gap));
}

enum kct_cut_header kct_cut_header(struct kct_cut *cut, struct kct_header *header)
{
	enum kct_cut_header means = KCT_CUT_GO_ON;
	struct kct_part *part = &header->part;
	bool first = !cut->met;

	resolve(cut, header);
	if (!cut->begun && cut->since_ns >= kct_began(header) && is_comparable(cut, header)) {
		begin_anew(cut, header);
		means = KCT_CUT_ANEW;
	} else if (!cut->begun) {
		cut->begun = true;
		means = first ? KCT_CUT_GO_ON : KCT_CUT_BEGINS;
	}
	if (cut->until_ns != UINT64_MAX && (!part->to_ns || cut->until_ns < part->to_ns))
		part->to_ns = cut->until_ns;
	if (cut->begun && cut->until_ns <= header->started.boot_ns)
		cut->over = true;
	return cut->over ? KCT_CUT_BEHIND : means;
}

/* ---- VMs that are made ---- */

bool kct_cut_settle(struct kct_cut *cut, union kct_any_event *event)
{
	struct kct_vm_event *vm = &event->vm;

	if (event->event.kind == KCT_EVENT_UPDATE && event->event.vm == KCT_NO_VM &&
	    event->update.cause == KCT_CAUSE_VM_CREATE)
		cut->made[event->update.effect % KCT_NR_EFFECTS]++;
	if (event->event.kind != KCT_EVENT_VM || !vm->created)
		return false;
	if (cut->made[vm->create_effect % KCT_NR_EFFECTS]) {
		cut->made[vm->create_effect % KCT_NR_EFFECTS]--;
		return false;
	}
	vm->created = 0;
	vm->create_effect = KCT_EFFECT_UNKNOWN;
	return true;
}

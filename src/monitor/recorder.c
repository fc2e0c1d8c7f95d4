// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/error.h"
#include "host/host.h"
#include "monitor/ends.h"
#include "monitor/recorder.h"
#include "record/writer.h"

/* How often a disk that takes nothing is tried again, and the bounds are seen to. */
#define RETRY_NS (5 * KCT_NS_PER_S)
#define SEE_NS	 (60 * KCT_NS_PER_S)

/* ---- gaps ---- */

static const char *why_not(int error)
{
	return error == -ENOSPC ? "no space left on the disk" : strerror(-error);
}

/* `events` of those that were written are lost as well. One line for each gap. */
static void open_gap(struct kct_recorder *r, int error, uint64_t events)
{
	if (!r->gap.from_ns) {
		r->gaps++;
		r->gap.from_ns = events && r->last_ns ? r->last_ns : kct_clock_ns(CLOCK_BOOTTIME);
		snprintf(r->gap.why, sizeof(r->gap.why), "%s", why_not(error));
		kct_error("%s: not recording: %s", r->options.directory, r->gap.why);
	}
	r->gap.events += events;
	r->unwritten += events;
	r->retry_ns = kct_clock_ns(CLOCK_BOOTTIME) + RETRY_NS;
}

static void close_gap(struct kct_recorder *r)
{
	if (!r->gap.from_ns)
		return;
	kct_error("%s: recording again, in %s; %" PRIu64 " events were not written",
		  r->options.directory, r->name, r->gap.events);
	r->gap = (struct kct_gap){0};
}

/* The file ends behind its last flush. */
static void fail(struct kct_recorder *r, int error)
{
	if (r->file)
		kct_segment_close(r->file);
	r->file = NULL;
	r->written -= r->unflushed;
	open_gap(r, error, r->unflushed);
	r->unflushed = 0;
}

/* ---- the bounds ---- */

void kct_recorder_keep_bounds(struct kct_recorder *r, uint64_t now_ns)
{
	int error = kct_store_keep_bounds(&r->store, r->file ? r->name : NULL);

	r->see_ns = now_ns + SEE_NS;
	r->is_full = error == -ENOSPC;
	if (r->is_full && r->file)
		fail(r, error);
}

/* ---- a segment's beginning and end ---- */

static void write_known(void *context, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	struct kct_recorder *r = context;

	kct_write_event(kct_segment_stream(r->file), event, name);
	r->events++;
}

static void begin_segment(struct kct_recorder *r, uint64_t boot_ns)
{
	int error = r->is_full ? -ENOSPC : kct_store_new(&r->store, &r->file, r->name);

	if (error) {
		r->file = NULL;
		open_gap(r, error, 0);
		return;
	}
	r->gap.to_ns = r->gap.from_ns ? boot_ns : 0;
	r->header.segment = (struct kct_segment){
		.run_ns = r->run_ns, .sequence = r->store.sequence, .gap = r->gap};
	kct_anchor_at(&r->header.started, boot_ns);
	r->began_ns = boot_ns;
	r->events = r->unflushed = 0;
	kct_write_header(kct_segment_stream(r->file), &r->header);
	kct_state_tell(r->state, write_known, r);
	/* A disk that is full takes no header either. */
	error = kct_segment_flush(r->file);
	if (error) {
		fail(r, error);
		return;
	}
	r->began_bytes = kct_segment_bytes(r->file);
	r->segments++;
	close_gap(r);
}

/*
 * Each loss is in one trailer, so that they add up. What was lost while events are still unread may
 * be of the next segment, too, whose header says so.
 */
static void settle_losses(struct kct_recorder *r, struct kct_lost *lost)
{
	struct kct_lost now;

	kct_losses_now(r->losses, &now);
	kct_lost_since(lost, &r->told, &now);
	kct_lost_since(&r->header.segment.carried, &r->losses->drained, &now);
	r->told = now;
}

static void end_segment(struct kct_recorder *r, uint64_t boot_ns, const char *reason)
{
	struct kct_trailer trailer = {.events = r->events, .status = -1};
	int error;

	if (!r->file)
		return;
	settle_losses(r, &trailer.lost);
	kct_anchor_at(&trailer.ended, boot_ns);
	snprintf(trailer.reason, sizeof(trailer.reason), "%s", reason);
	kct_write_trailer(kct_segment_stream(r->file), &trailer);
	error = kct_segment_close(r->file);
	r->file = NULL;
	if (!error)
		r->unflushed = 0;
	else
		fail(r, error);
}

static void rotate(struct kct_recorder *r, uint64_t boot_ns)
{
	end_segment(r, boot_ns, "rotation");
	kct_recorder_keep_bounds(r, kct_clock_ns(CLOCK_BOOTTIME));
	begin_segment(r, boot_ns);
}

/* ---- from outside ---- */

int kct_recorder_begin(struct kct_recorder *r, const struct kct_recorder_options *options,
		       const struct kct_header *header, const struct kct_state *state,
		       const struct kct_losses *losses)
{
	int error;

	*r = (struct kct_recorder){
		.options = *options,
		.state = state,
		.losses = losses,
		.header = *header,
		.run_ns = header->started.boot_ns,
		.is_drained = true,
	};
	kct_store_init(&r->store, options->directory, &options->bounds, header);
	error = kct_store_open(&r->store);
	if (error)
		return error;
	kct_recorder_keep_bounds(r, header->started.boot_ns);
	begin_segment(r, header->started.boot_ns);
	return r->file ? 0 : -ENOSPC;
}

/* Where there are many VMs, a segment is not to consist of their introductions. */
static bool is_enough(const struct kct_recorder *r)
{
	uint64_t bytes = kct_segment_bytes(r->file);

	return bytes >= r->options.segment_bytes && bytes >= 2 * r->began_bytes;
}

void kct_recorder_event(struct kct_recorder *r, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	/* What was asked of a setting of the clock, and its update, are of one segment. */
	if (r->file && !r->sets_clock && is_enough(r))
		rotate(r, r->last_ns);
	r->sets_clock = event->event.kind == KCT_EVENT_SET_CLOCK;
	r->is_drained = false;
	if (event->event.ns > r->last_ns)
		r->last_ns = event->event.ns;
	if (!r->file) {
		r->gap.events++;
		r->unwritten++;
		return;
	}
	write_known(r, event, name);
	r->unflushed++;
	r->written++;
}

void kct_recorder_lost(const struct kct_recorder *r, struct kct_lost *lost)
{
	struct kct_lost now;

	kct_losses_now(r->losses, &now);
	kct_lost_since(lost, &r->told, &now);
}

void kct_recorder_drained(struct kct_recorder *r)
{
	r->is_drained = true;
	kct_recorder_flush(r);
}

void kct_recorder_flush(struct kct_recorder *r)
{
	int error;

	if (!r->file || !r->unflushed)
		return;
	error = kct_segment_flush(r->file);
	if (error)
		fail(r, error);
	r->unflushed = 0;
}

uint64_t kct_recorder_tick(struct kct_recorder *r, uint64_t now_ns)
{
	uint64_t due;

	if (now_ns >= r->see_ns)
		kct_recorder_keep_bounds(r, now_ns);
	if (!r->file && now_ns >= r->retry_ns) {
		kct_recorder_keep_bounds(r, now_ns);
		begin_segment(r, now_ns);
	}
	if (r->file && r->is_drained && now_ns >= r->began_ns + r->options.segment_ns)
		rotate(r, now_ns);
	due = r->file ? r->began_ns + r->options.segment_ns : r->retry_ns;
	return due < r->see_ns ? due : r->see_ns;
}

void kct_recorder_reopen(struct kct_recorder *r)
{
	uint64_t now = kct_clock_ns(CLOCK_BOOTTIME);
	int error;

	end_segment(r, now, "rotation");
	error = kct_store_open(&r->store);
	if (error)
		open_gap(r, error, 0);
	kct_recorder_keep_bounds(r, now);
	begin_segment(r, now);
}

void kct_recorder_end(struct kct_recorder *r, const char *reason)
{
	end_segment(r, kct_clock_ns(CLOCK_BOOTTIME), reason);
	kct_store_close(&r->store);
}

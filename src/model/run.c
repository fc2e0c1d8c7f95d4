// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "model/run.h"

/* A clock that NTP disciplines runs up to 500 ppm off (MAXFREQ of the kernel): faster is set. */
#define MAX_SLEW_PPM 500

/* Where `at` is on another clock, by the line through two points; made-up numbers wrap. */
static uint64_t on_line(uint64_t at, uint64_t x0, uint64_t y0, uint64_t x1, uint64_t y1)
{
	int64_t run = (int64_t)(x1 - x0), rise = (int64_t)(y1 - y0), from = (int64_t)(at - x0);

	if (run <= 0)
		return y0 + (uint64_t)from;
	return y0 + (uint64_t)(int64_t)((__int128)from * rise / run);
}

uint64_t kct_boot_of_base(const struct kct_clocks *clocks, uint64_t base_ns)
{
	const struct kct_anchor *end = clocks->has_end ? &clocks->end : &clocks->start;

	return on_line(base_ns, clocks->start.base_ns, clocks->start.boot_ns, end->base_ns,
		       end->boot_ns);
}

/* By how much the wall clock was set between the anchors; 0 if slewing explains it. */
static uint64_t stepped(const struct kct_clocks *clocks)
{
	int64_t boot = (int64_t)(clocks->end.boot_ns - clocks->start.boot_ns);
	int64_t real = (int64_t)(clocks->end.realtime_ns - clocks->start.realtime_ns);
	__int128 off = (__int128)real - boot;

	if (!clocks->has_end || boot <= 0)
		return 0;
	if (off < 0)
		off = -off;
	return off > (__int128)boot * MAX_SLEW_PPM / 1000000 + 1000 ? (uint64_t)off : 0;
}

uint64_t kct_realtime_of_boot(const struct kct_clocks *clocks, uint64_t boot_ns)
{
	const struct kct_anchor *end =
		clocks->has_end && !stepped(clocks) ? &clocks->end : &clocks->start;

	return on_line(boot_ns, clocks->start.boot_ns, clocks->start.realtime_ns, end->boot_ns,
		       end->realtime_ns);
}

uint64_t kct_realtime_error(const struct kct_clocks *clocks)
{
	uint64_t error = clocks->start.realtime_error_ns;

	if (clocks->has_end && clocks->end.realtime_error_ns > error)
		error = clocks->end.realtime_error_ns;
	if (__builtin_add_overflow(error, stepped(clocks), &error))
		return UINT64_MAX;
	return error;
}

/* ---- parts ---- */

void kct_passed_add(struct kct_passed *sum, const struct kct_passed *more)
{
	sum->events += more->events;
	sum->fields += more->fields;
	sum->words += more->words;
}

uint64_t kct_began(const struct kct_header *header)
{
	uint64_t from = header->part.from_ns, started = header->started.boot_ns;

	return from > started ? from : started;
}

uint64_t kct_ended(const struct kct_header *header, const struct kct_trailer *trailer)
{
	uint64_t to = header->part.to_ns, ended = trailer->ended.boot_ns;

	return to && to < ended ? to : ended;
}

bool kct_is_part(const struct kct_header *header, const struct kct_trailer *trailer)
{
	uint64_t to = header->part.to_ns, ended = trailer->ended.boot_ns;

	return header->part.from_ns > header->started.boot_ns || (to && (!ended || to < ended));
}

/* ---- losses ---- */

const struct kct_missed *kct_missed_of(const struct kct_misses *misses, const char *evidence)
{
	for (uint32_t i = 0; i < misses->count; i++)
		if (!strcmp(misses->list[i].evidence, evidence))
			return &misses->list[i];
	return NULL;
}

static void add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

static void add_missed(struct kct_misses *misses, const struct kct_missed *more)
{
	const struct kct_missed *found = kct_missed_of(misses, more->evidence);
	struct kct_missed *sum;

	if (!found) {
		if (misses->count < KCT_MAX_HOOKS)
			misses->list[misses->count++] = *more;
		return;
	}
	sum = &misses->list[found - misses->list];
	add(&sum->calls, more->calls);
	sum->counted &= more->counted;
}

bool kct_segment_is_next(const struct kct_segment *before, const struct kct_segment *after)
{
	return before->run_ns == after->run_ns && before->sequence + 1 == after->sequence;
}

bool kct_lost_any(const struct kct_lost *lost)
{
	uint64_t any = lost->other | lost->misses.count;

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		any |= lost->losses[i];
	return any;
}

void kct_lost_add(struct kct_lost *sum, const struct kct_lost *more)
{
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		add(&sum->losses[i], more->losses[i]);
	for (uint32_t i = 0; i < more->misses.count; i++)
		add_missed(&sum->misses, &more->misses.list[i]);
	add(&sum->other, more->other);
}

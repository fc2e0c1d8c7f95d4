// SPDX-License-Identifier: GPL-2.0
/*
 * A line is written only for a jump, or a step backward, that is larger than all before it. So a
 * guest may run for days, and its port's file stays small.
 *
 *     vcpu 0 ready
 *     vcpu 0 jump -2931742 ns: tsc 81 clock 40 -> tsc 95 clock 44
 *     vcpu 0 step -7 ns: tsc 95 clock 44 -> tsc 96 clock 37
 */
#include "clock.h"
#include "cpu.h"
#include "port.h"
#include "watch.h"

#define READS_TO_BE_READY 200

/* One reading and the next. */
struct pair {
	const struct reading *before, *after;
	int64_t jump, step;
};

static void begin_line(struct line *line, uint32_t vcpu)
{
	line->length = 0;
	line_text(line, "vcpu ");
	line_unsigned(line, vcpu);
}

static void write_ready(uint32_t vcpu)
{
	struct line line;

	begin_line(&line, vcpu);
	line_text(&line, " ready");
	line_write(&line);
}

static void line_reading(struct line *line, const struct reading *reading)
{
	line_text(line, " tsc ");
	line_unsigned(line, reading->tsc);
	line_text(line, " clock ");
	line_unsigned(line, reading->clock);
}

static void write_pair(uint32_t vcpu, const char *what, int64_t ns, const struct pair *pair)
{
	struct line line;

	begin_line(&line, vcpu);
	line_text(&line, what);
	line_signed(&line, ns);
	line_text(&line, " ns:");
	line_reading(&line, pair->before);
	line_text(&line, " ->");
	line_reading(&line, pair->after);
	line_write(&line);
}

/* Whoever reads the report from outside sees by the sequence whether it was whole. */
static void put(struct report *report, struct change *place, const struct pair *pair)
{
	report->sequence++;
	barrier();
	place->jump = pair->jump;
	place->step = pair->step;
	place->before = *pair->before;
	place->after = *pair->after;
	barrier();
	report->sequence++;
	barrier();
}

static void note_change(struct report *report, const struct pair *pair)
{
	put(report, &report->changes[report->nr_changes % CHANGES_KEPT], pair);
	report->nr_changes++;
}

static void note_jump(struct report *report, uint32_t vcpu, const struct pair *pair)
{
	if (pair->jump > report->jump_forward.jump)
		put(report, &report->jump_forward, pair);
	else if (pair->jump < report->jump_backward.jump)
		put(report, &report->jump_backward, pair);
	else
		return;
	write_pair(vcpu, " jump ", pair->jump, pair);
}

static void note_step(struct report *report, uint32_t vcpu, const struct pair *pair)
{
	if (pair->step > report->step_forward.step) {
		put(report, &report->step_forward, pair);
	} else if (pair->step < report->step_backward.step) {
		put(report, &report->step_backward, pair);
		write_pair(vcpu, " step ", pair->step, pair);
	}
}

static void note_gap(struct report *report, const struct pair *pair)
{
	uint64_t gap = pair->after->tsc - pair->before->tsc;

	if (gap > report->largest_gap)
		report->largest_gap = gap;
}

static void note(struct report *report, uint32_t vcpu, const struct pair *pair)
{
	if (pair->after->pvti.version != pair->before->pvti.version)
		note_change(report, pair);
	else
		note_gap(report, pair);
	note_jump(report, vcpu, pair);
	note_step(report, vcpu, pair);
}

void watch(uint32_t vcpu, const volatile struct pvti *page, struct report *report)
{
	struct reading readings[2];
	struct pair pair;

	clock_read(page, &readings[0]);
	for (int last = 0;; last = !last) {
		clock_read(page, &readings[!last]);
		pair.before = &readings[last];
		pair.after = &readings[!last];
		pair.jump = clock_jump(pair.before, pair.after);
		pair.step = clock_step(pair.before, pair.after);
		note(report, vcpu, &pair);
		if (++report->reads == READS_TO_BE_READY)
			write_ready(vcpu);
	}
}

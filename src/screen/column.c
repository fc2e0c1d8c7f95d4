// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/duration.h"
#include "model/names.h"
#include "screen/inside.h"

/*
 * The width of each, and its rank among those that there has to be room for. The last one's width
 * is its least: it may be a multiple.
 */
static const struct {
	const char *head;
	uint16_t width, rank;
	bool is_number;
} columns[KCT_NR_COLUMNS] = {
	[KCT_COLUMN_VM] = {"VM", 14, 1, false},
	[KCT_COLUMN_PID] = {"PID", 8, 19, true},
	[KCT_COLUMN_VCPUS] = {"vCPUs", 5, 13, true},
	[KCT_COLUMN_CLOCK] = {"CLOCK", 8, 2, false},
	[KCT_COLUMN_OFF] = {"OFF", 13, 11, false},
	[KCT_COLUMN_AGE] = {"AGE", 6, 10, true},
	[KCT_COLUMN_RATE] = {"RATE/s", 6, 5, true},
	[KCT_COLUMN_UPDATES] = {"UPDATES", 7, 3, true},
	[KCT_COLUMN_CREATE] = {"CREATE", 6, 17, true},
	[KCT_COLUMN_SET] = {"SET", 5, 14, true},
	[KCT_COLUMN_REQUEST] = {"REQUEST", 7, 15, true},
	[KCT_COLUMN_HYPERV] = {"HYPERV", 6, 18, true},
	[KCT_COLUMN_UNNEC] = {"UNNEC", 6, 4, true},
	[KCT_COLUMN_REQUESTS] = {"REQS", 6, 20, true},
	[KCT_COLUMN_PENDING] = {"PEND", 4, 6, true},
	[KCT_COLUMN_DRIFT] = {"DRIFT", 8, 16, true},
	[KCT_COLUMN_LARGEST] = {"LARGEST", 8, 7, true},
	[KCT_COLUMN_LAST] = {"LAST", 8, 8, true},
	[KCT_COLUMN_WHEN] = {"AGO", 6, 12, true},
	[KCT_COLUMN_WHY] = {"WHY", 18, 12, false},
	[KCT_COLUMN_SPARK] = {"LAST 60 s", 10, 9, false},
};

const char *kct_column_head(enum kct_column column)
{
	return columns[column].head;
}

bool kct_column_is_number(enum kct_column column)
{
	return columns[column].is_number;
}

/* ---- room ---- */

#define MAX_NAME 40

/* Spark lines have a whole number of seconds in a column. */
static uint16_t spark_width(size_t left)
{
	static const uint16_t widths[] = {60, 30, 20, 15, 12, 10};

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if (widths[i] <= left + columns[KCT_COLUMN_SPARK].width)
			return widths[i];
	return columns[KCT_COLUMN_SPARK].width;
}

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

void kct_layout_fit(struct kct_layout *layout, size_t room)
{
	size_t left = room > columns[KCT_COLUMN_VM].width ? room - columns[KCT_COLUMN_VM].width : 0;
	size_t more;
	bool fits = true;

	memset(layout, 0, sizeof(*layout));
	layout->width[KCT_COLUMN_VM] = (uint16_t)least_of(room, columns[KCT_COLUMN_VM].width);
	for (uint16_t rank = 2; rank <= KCT_NR_COLUMNS && fits; rank++)
		for (int i = 0; i < KCT_NR_COLUMNS; i++) {
			if (columns[i].rank != rank)
				continue;
			fits = fits && columns[i].width < left;
			if (!fits)
				continue;
			layout->width[i] = columns[i].width;
			left -= columns[i].width + 1U;
		}
	more = least_of(left, MAX_NAME - columns[KCT_COLUMN_VM].width);
	if (layout->width[KCT_COLUMN_SPARK]) {
		/* Names first, as far as most of them go. */
		more = least_of(more, 10);
		layout->width[KCT_COLUMN_SPARK] = spark_width(left - more);
		left -= layout->width[KCT_COLUMN_SPARK] - columns[KCT_COLUMN_SPARK].width;
		more = least_of(left, MAX_NAME - columns[KCT_COLUMN_VM].width);
	}
	layout->width[KCT_COLUMN_VM] = (uint16_t)(layout->width[KCT_COLUMN_VM] + more);
}

/* ---- texts ---- */

const char *kct_ns_text(char *text, size_t size, int64_t ns, bool sign)
{
	static const char *const units[] = {"us", "ms", "s"};
	double value = (double)ns;
	size_t unit = 0;

	if (ns > -10000 && ns < 10000) {
		snprintf(text, size, sign ? "%+" PRId64 "ns" : "%" PRId64 "ns", ns);
		return text;
	}
	for (value /= 1000; unit < 2 && (value >= 999.95 || value <= -999.95); unit++)
		value /= 1000;
	/* Of what takes years, the digits are nobody's concern. */
	if (value >= 99999 || value <= -99999)
		snprintf(text, size, "%+.0es", value);
	else
		snprintf(text, size, sign ? "%+.*f%s" : "%.*f%s",
			 value >= 999.95 || value <= -999.95 ? 0 : 1, value, units[unit]);
	return text;
}

const char *kct_span_text(char *text, size_t size, uint64_t ns)
{
	uint64_t s = ns / KCT_NS_PER_S;

	if (s < 10)
		snprintf(text, size, "%.1fs", (double)ns / KCT_NS_PER_S);
	else if (s < 100)
		snprintf(text, size, "%" PRIu64 "s", s);
	else if (s < 6000)
		snprintf(text, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 360000)
		snprintf(text, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return text;
}

const char *kct_jump_why(const struct kct_jump *jump)
{
	/* That the clock was set was observed; of which update the rest is, is derived. */
	if (jump->clock_set)
		return "set";
	return jump->cause == KCT_CAUSE_UNKNOWN ? "?" : kct_cause_names[jump->cause];
}

static const char *number(char *text, uint64_t value, bool known)
{
	if (known)
		snprintf(text, KCT_CELL_ROOM, "%" PRIu64, value);
	else
		strcpy(text, "?");
	return text;
}

static const char *jump_text(char *text, const struct kct_jump *jump)
{
	return jump->ns ? kct_ns_text(text, KCT_CELL_ROOM, jump->drift_ns, true) : "-";
}

static const char *rate_text(char *text, double rate)
{
	if (rate < 0)
		return "?";
	snprintf(text, KCT_CELL_ROOM, "%.*f", rate < 1000 ? 1 : 0, rate);
	return text;
}

const char *kct_reasons_text(char *text, size_t size, uint32_t reasons)
{
	size_t used = 0;

	*text = '\0';
	for (int i = 0; i < KCT_NR_REASONS; i++)
		if (reasons >> i & 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
						 kct_reason_names[i]);
	return text;
}

static uint64_t set_updates(const struct kct_row *row)
{
	return row->by_cause[KCT_CAUSE_SET_CLOCK] + row->by_cause[KCT_CAUSE_SET_CLOCK_REALTIME] +
	       row->by_cause[KCT_CAUSE_SET_CLOCK_GUEST];
}

static bool is_shown(const struct kct_shot *shot, enum kct_figure figure)
{
	return kct_figure_is_shown(shot->shown, figure);
}

/* What only a VM has; "" in the row of a vCPU. */
static const char *vm_cell(char *text, enum kct_column column, const struct kct_shot *shot,
			   const struct kct_shot_vm *vm)
{
	switch (column) {
	case KCT_COLUMN_PID:
		return number(text, vm->pid, vm->pid != KCT_NO_NUMBER);
	case KCT_COLUMN_VCPUS:
		return number(text, vm->nr_vcpus, true);
	case KCT_COLUMN_CLOCK:
		return vm->gone ? "gone" : kct_masterclock_names[vm->active];
	case KCT_COLUMN_OFF:
		return vm->gone || !vm->nr_vcpus
			       ? ""
			       : kct_reasons_text(text, KCT_CELL_ROOM, vm->reasons);
	case KCT_COLUMN_AGE:
		if (vm->gone || vm->active == KCT_NO)
			return "-";
		return vm->has_age ? kct_span_text(text, KCT_CELL_ROOM, vm->age_ns) : "?";
	case KCT_COLUMN_CREATE:
		return number(text, vm->row.by_cause[KCT_CAUSE_VM_CREATE], true);
	case KCT_COLUMN_SET:
		return number(text, set_updates(&vm->row), true);
	case KCT_COLUMN_HYPERV:
		return number(text, vm->row.by_cause[KCT_CAUSE_HYPERV],
			      is_shown(shot, KCT_FIGURE_CAUSE_HYPERV));
	default:
		return "";
	}
}

const char *kct_cell(char text[KCT_CELL_ROOM], enum kct_column column, const struct kct_shot *shot,
		     const struct kct_shot_vm *vm, const struct kct_row *vcpu, size_t width,
		     bool ascii)
{
	const struct kct_row *row = vcpu ? vcpu : &vm->row;

	switch (column) {
	case KCT_COLUMN_VM:
		if (!vcpu)
			return vm->name;
		snprintf(text, KCT_CELL_ROOM, "  vCPU %" PRIu32, vcpu->vcpu);
		return text;
	case KCT_COLUMN_RATE:
		return rate_text(text, row->rate);
	case KCT_COLUMN_UPDATES:
		return number(text, row->updates, true);
	case KCT_COLUMN_REQUEST:
		return number(text, row->by_cause[KCT_CAUSE_VCPU_REQUEST], true);
	case KCT_COLUMN_UNNEC:
		return number(text, row->unnecessary, true);
	case KCT_COLUMN_REQUESTS:
		return number(text, row->requests, is_shown(shot, KCT_FIGURE_REQUESTS));
	case KCT_COLUMN_PENDING:
		return vm->gone ? "-"
				: number(text, row->pending, is_shown(shot, KCT_FIGURE_PENDING));
	case KCT_COLUMN_DRIFT:
		return row->drift_ns ? kct_ns_text(text, KCT_CELL_ROOM, row->drift_ns, true) : "0";
	case KCT_COLUMN_LARGEST:
		return jump_text(text, &row->largest);
	case KCT_COLUMN_LAST:
		return jump_text(text, &row->last);
	case KCT_COLUMN_WHEN:
		if (!row->last.ns || row->last.ns > shot->now_ns)
			return "-";
		return kct_span_text(text, KCT_CELL_ROOM, shot->now_ns - row->last.ns);
	case KCT_COLUMN_WHY:
		return row->last.ns ? kct_jump_why(&row->last) : "-";
	case KCT_COLUMN_SPARK:
		return kct_spark_text(text, &row->spark, shot->since_ns, shot->now_ns, width,
				      ascii);
	default:
		return vcpu ? "" : vm_cell(text, column, shot, vm);
	}
}

/* ---- order ---- */

/* By which numbers are ordered, as far as they are whole. */
static uint64_t key_of(enum kct_column column, const struct kct_shot_vm *vm)
{
	const struct kct_row *row = &vm->row;

	switch (column) {
	case KCT_COLUMN_PID:
		return vm->pid;
	case KCT_COLUMN_VCPUS:
		return vm->nr_vcpus;
	case KCT_COLUMN_CLOCK:
		return vm->gone ? 0 : 1U + vm->active;
	case KCT_COLUMN_OFF:
		return vm->gone ? 0 : vm->reasons;
	case KCT_COLUMN_AGE:
		return vm->has_age ? vm->age_ns : 0;
	case KCT_COLUMN_CREATE:
		return row->by_cause[KCT_CAUSE_VM_CREATE];
	case KCT_COLUMN_SET:
		return set_updates(row);
	case KCT_COLUMN_REQUEST:
		return row->by_cause[KCT_CAUSE_VCPU_REQUEST];
	case KCT_COLUMN_HYPERV:
		return row->by_cause[KCT_CAUSE_HYPERV];
	case KCT_COLUMN_UNNEC:
		return row->unnecessary;
	case KCT_COLUMN_REQUESTS:
		return row->requests;
	case KCT_COLUMN_PENDING:
		return vm->gone ? 0 : row->pending;
	case KCT_COLUMN_DRIFT:
		return kct_magnitude(row->drift_ns);
	case KCT_COLUMN_LARGEST:
		return kct_magnitude(row->largest.drift_ns);
	case KCT_COLUMN_LAST:
		return kct_magnitude(row->last.drift_ns);
	case KCT_COLUMN_WHEN:
		return row->last.ns;
	case KCT_COLUMN_WHY:
		return row->last.clock_set ? KCT_NR_CAUSES : row->last.cause;
	default:
		return row->updates;
	}
}

int kct_column_compare(enum kct_column column, const struct kct_shot_vm *a,
		       const struct kct_shot_vm *b)
{
	uint64_t x, y;

	if (column == KCT_COLUMN_VM)
		return strcmp(a->name, b->name);
	if ((column == KCT_COLUMN_RATE || column == KCT_COLUMN_SPARK) && a->row.rate != b->row.rate)
		return a->row.rate > b->row.rate ? -1 : 1;
	x = key_of(column, a);
	y = key_of(column, b);
	return x == y ? 0 : x > y ? -1 : 1;
}

// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "base/json.h"
#include "model/names.h"
#include "show/off.h"

/* As many as are listed in a line. */
#define MAX_LISTED 8

/* Does the host's clocksource, by its name, say what an update told of it? */
static bool names_it(const char *clocksource)
{
	return kct_is_tsc_clocksource(clocksource) == KCT_NO;
}

/* ---- a line ---- */

static void show_clocksource(FILE *out, const char *clocksource)
{
	if (names_it(clocksource))
		fprintf(out, "the host's clocksource is %s, not the TSC", clocksource);
	else
		fputs("the host's clocksource is not the TSC", out);
}

/* How a vCPU differs from one that is in line. */
static void show_odd(FILE *out, const struct kct_tsc *odd, const struct kct_tsc *in_line)
{
	const char *between = " (";

	fprintf(out, " %" PRIu32, odd->vcpu);
	if (odd->khz && in_line->khz && odd->khz != in_line->khz) {
		fprintf(out, "%s%" PRIu32 " kHz, not %" PRIu32, between, odd->khz, in_line->khz);
		between = ", ";
	}
	if (odd->has_offset && in_line->has_offset && odd->offset != in_line->offset) {
		fprintf(out, "%s%+" PRId64 " cycles", between,
			(int64_t)(odd->offset - in_line->offset));
		between = ", ";
	}
	if (*between == ',')
		fputc(')', out);
}

static void show_unmatched(FILE *out, const struct kct_off *off, kct_figures shown)
{
	fprintf(out, "the TSCs of %" PRIu32 " of %" PRIu32 " vCPUs match",
		off->conditions.nr_matched, off->nr_vcpus);
	if (!off->odd_known || !kct_figure_is_shown(shown, KCT_FIGURE_ODD_VCPUS)) {
		fputs(", which do not is not known", out);
		return;
	}
	fprintf(out, ", out of line (derived): vCPU");
	for (size_t i = 0; i < off->nr_odd && i < MAX_LISTED; i++) {
		fputs(i ? "," : "", out);
		show_odd(out, &off->tscs[i], &off->tscs[off->nr_odd]);
	}
	if (off->nr_odd > MAX_LISTED)
		fprintf(out, ", and %zu more", off->nr_odd - MAX_LISTED);
}

static void show_reason(FILE *out, const struct kct_off *off, int reason, const char *clocksource,
			kct_figures shown)
{
	switch (reason) {
	case KCT_REASON_CLOCKSOURCE:
		show_clocksource(out, clocksource);
		break;
	case KCT_REASON_TSC_UNMATCHED:
		show_unmatched(out, off, shown);
		break;
	case KCT_REASON_TSC_BACKWARDS:
		fputs("the host's TSC went backwards", out);
		break;
	case KCT_REASON_OLD_KVMCLOCK:
		fputs("the boot vCPU uses the old kvm-clock MSR", out);
		break;
	case KCT_REASON_TSC_PROTECTED:
		fputs("the guest's TSC is protected", out);
		break;
	case KCT_REASON_NOT_YET:
		fputs("not yet on: nothing is in its way, the next update turns it on", out);
		break;
	default:
		fputs("why is not known", out);
	}
}

void kct_show_off(FILE *out, const struct kct_off *off, const char *clocksource, kct_figures shown)
{
	const char *between = "";

	for (int i = 0; i < KCT_NR_REASONS; i++) {
		if (!(off->reasons >> i & 1))
			continue;
		fputs(between, out);
		show_reason(out, off, i, clocksource, shown);
		between = "; ";
	}
}

void kct_show_vm_off(FILE *out, const struct kct_vm *vm, const char *clocksource, kct_figures shown)
{
	struct kct_off off;

	if (vm->active != KCT_NO)
		return;
	if (kct_off_find(&off, vm, clocksource))
		fputs("why is not known: out of memory", out);
	else
		kct_show_off(out, &off, clocksource, shown);
	kct_off_clear(&off);
}

/* ---- JSON ---- */

static json_t *known_json(const struct kct_off *off, uint8_t known)
{
	return !off->conditions.known || known == KCT_NOT_KNOWN ? json_null()
								: json_boolean(known == KCT_YES);
}

static json_t *odd_json(const struct kct_off *off, kct_figures shown)
{
	json_t *array;

	if (!off->odd_known || !kct_figure_is_shown(shown, KCT_FIGURE_ODD_VCPUS))
		return json_null();
	array = json_array();
	for (size_t i = 0; i < off->nr_odd; i++) {
		const struct kct_tsc *tsc = &off->tscs[i];

		json_array_append_new(
			array,
			json_pack("{s:I, s:o, s:o}", "id", (json_int_t)tsc->vcpu, "tsc_offset",
				  tsc->has_offset ? json_integer((json_int_t)tsc->offset)
						  : json_null(),
				  "tsc_khz", tsc->khz ? json_integer(tsc->khz) : json_null()));
	}
	return array;
}

static json_t *reasons_json(const struct kct_off *off)
{
	json_t *array = json_array();

	for (int i = 0; i < KCT_NR_REASONS; i++)
		if (off->reasons >> i & 1)
			json_array_append_new(array, json_string(kct_reason_names[i]));
	return array;
}

json_t *kct_off_json(const struct kct_off *off, const char *clocksource, kct_figures shown)
{
	const struct kct_conditions *c = &off->conditions;
	bool named = off->host_tsc == kct_is_tsc_clocksource(clocksource);

	return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "reasons",
			 reasons_json(off), "clocksource",
			 kct_json_text(named ? clocksource : NULL), "clocksource_tsc",
			 off->host_tsc == KCT_NOT_KNOWN ? json_null()
							: json_boolean(off->host_tsc == KCT_YES),
			 "nr_vcpus", (json_int_t)off->nr_vcpus, "nr_matched",
			 c->known ? json_integer(c->nr_matched) : json_null(), "tsc_backwards",
			 known_json(off, c->tsc_backwards), "old_kvmclock",
			 known_json(off, c->old_kvmclock), "tsc_protected",
			 known_json(off, c->tsc_protected), "odd_vcpus", odd_json(off, shown));
}

json_t *kct_vm_off_json(const struct kct_vm *vm, const char *clocksource, kct_figures shown)
{
	struct kct_off off;
	json_t *object = json_null();

	if (vm->active != KCT_NO)
		return object;
	if (!kct_off_find(&off, vm, clocksource))
		object = kct_off_json(&off, clocksource, shown);
	kct_off_clear(&off);
	return object;
}

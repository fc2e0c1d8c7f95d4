// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "record/writer.h"
#include "show/figure.h"
#include "show/report.h"
#include "show/runs.h"
#include "show/verdict.h"

/* ---- for people ---- */

static void show_requests(FILE *out, const struct kct_findings *f, kct_figures shown)
{
	struct kct_number n[7];

	fprintf(out, "  requests         %s made, %s pending when the clock was set",
		kct_figure_text(&n[0], shown, KCT_FIGURE_REQUESTS, f->made),
		kct_figure_text(&n[1], shown, KCT_FIGURE_PENDING_AT_SET, f->pending_at_set));
	if (f->after_set_known)
		fprintf(out, ", %" PRIu64 " when that returned", f->pending_after_set);
	fprintf(out,
		"\n  judged           %s: %s served, %s cleared without an update of their own, "
		"%s still pending\n",
		kct_figure_text(&n[2], shown, KCT_FIGURE_JUDGED, f->judged + f->unresolved),
		kct_figure_text(&n[3], shown, KCT_FIGURE_SERVED, f->served),
		kct_figure_text(&n[4], shown, KCT_FIGURE_CLEARED, f->cleared),
		kct_figure_text(&n[5], shown, KCT_FIGURE_UNRESOLVED, f->unresolved));
	fprintf(out, "  of the served    %s took a new snapshot, %s kept the one there was\n",
		kct_figure_text(&n[0], shown, KCT_FIGURE_NEW_SNAPSHOTS, f->snapshots),
		kct_figure_text(&n[1], shown, KCT_FIGURE_KEPT_SNAPSHOTS, f->kept));
	if (f->shared && kct_figure_is_shown(shown, KCT_FIGURE_SHARED))
		fprintf(out,
			"  shared           %" PRIu64 " were cleared or kept it after another "
			"request had taken a new snapshot for them\n",
			f->shared);
}

static void show_negative_deltas(FILE *out, const struct kct_findings *f, kct_figures shown)
{
	struct kct_number wrong;
	bool is_wrong = f->negative_wrong && kct_figure_is_shown(shown, KCT_FIGURE_NEGATIVE_WRONG);

	if (f->negative_deltas)
		fprintf(out,
			"  negative delta   %" PRIu64 " PVTI updates with a snapshot older than "
			"the TSC write; with %s of them the guest's TSC jumped by years%s\n",
			f->negative_deltas,
			kct_figure_text(&wrong, shown, KCT_FIGURE_NEGATIVE_WRONG,
					f->negative_wrong),
			is_wrong ? ": compute_guest_tsc() takes the delta as unsigned" : "");
}

static void show_findings(FILE *out, const struct kct_findings *f, kct_figures shown)
{
	show_requests(out, f, shown);
	fprintf(out, "  updates          %" PRIu64 " in all, %" PRIu64 " set the clock\n",
		f->updates, f->clock_sets);
	fprintf(out,
		"  PVTI updates     %" PRIu64 "%s, %" PRIu64 " moved the line; drift %+" PRId64
		" ns in all, at most %+" PRId64 " and %+" PRId64 " (+ is forward)\n",
		f->pvti_updates, f->clock_sets ? " since the clock was set" : "", f->pvti_moved,
		(int64_t)f->drift.total, (int64_t)f->drift.max_forward,
		(int64_t)f->drift.max_backward);
	show_negative_deltas(out, f, shown);
	if (!kct_figure_is_shown(shown, KCT_FIGURE_TSC_OFFSETS_DIFFER))
		fputs("  TSC offsets      ?: there was no hook that shows TSC writes\n", out);
	else if (f->tsc_offsets_differ)
		fprintf(out,
			"  TSC offsets      differ although the masterclock is active; %" PRIu64
			" PVTI updates then lacked the stable bit\n",
			f->pvti_unstable);
	if (f->blackout_ns)
		fprintf(out,
			"  blackout         %" PRId64
			" ns of real time accounted by KVM_CLOCK_REALTIME (derived)\n",
			f->blackout_ns);
}

struct people {
	FILE *out;
	const struct kct_verification *v;
};

static void name_of(const struct kct_model *model, uint32_t number, char *name, size_t size)
{
	const struct kct_vm *vm = kct_model_find_vm(model, number);

	if (vm)
		kct_show_name(name, size, vm);
	else
		snprintf(name, size, "vm#%" PRIu32, number);
}

static void show_vm(const struct kct_judgement *judgement, void *context)
{
	const struct people *people = context;
	char name[KCT_VM_LABEL_SIZE];

	name_of(people->v->model, judgement->number, name, sizeof(name));
	fprintf(people->out, "VM %" PRIu32 " %s: %s%s%s\n", judgement->number, name,
		kct_verdict_names[judgement->verdict], *judgement->why ? ": " : "", judgement->why);
	show_findings(people->out, &judgement->findings, people->v->shown);
}

void kct_show_verification(FILE *out, const struct kct_verification *v)
{
	static const char *const words[] = {
		[KCT_HOLDS] = "holds",
		[KCT_FAILS] = "does not hold",
		[KCT_UNDECIDED] = "cannot be decided",
	};
	struct people people = {out, v};
	char why[160];

	kct_judge_each(v->judge, show_vm, &people);
	if (kct_incomplete(v->model, why, sizeof(why)))
		kct_show_losses(out, v->model);
	kct_show_passed(out, &v->model->passed);
	kct_show_stacks(out, v->model);
	fprintf(out, "verdict: %s%s%s\n", kct_verdict_names[v->all.verdict],
		*v->all.why ? ": " : "", v->all.why);
	for (size_t i = 0; i < v->nr_checked; i++)
		fprintf(out, "expected %s: %s: %s\n", v->checked[i].expectation.text,
			words[v->checked[i].outcome], v->checked[i].why);
}

/* ---- for machines ---- */

static json_t *findings_json(const struct kct_findings *f, kct_figures shown)
{
	json_t *object = json_object();

	kct_figure_set(object, shown, KCT_FIGURE_REQUESTS, f->made);
	kct_figure_set(object, shown, KCT_FIGURE_PENDING_AT_SET, f->pending_at_set);
	json_object_set_new(object, "pending_after_set_clock",
			    f->after_set_known ? kct_json_u64(f->pending_after_set) : json_null());
	kct_figure_set(object, shown, KCT_FIGURE_JUDGED, f->judged);
	kct_figure_set(object, shown, KCT_FIGURE_SERVED, f->served);
	kct_figure_set(object, shown, KCT_FIGURE_CLEARED, f->cleared);
	kct_figure_set(object, shown, KCT_FIGURE_UNRESOLVED, f->unresolved);
	kct_figure_set(object, shown, KCT_FIGURE_NEW_SNAPSHOTS, f->snapshots);
	kct_figure_set(object, shown, KCT_FIGURE_KEPT_SNAPSHOTS, f->kept);
	kct_figure_set(object, shown, KCT_FIGURE_SHARED, f->shared);
	kct_figure_set(object, shown, KCT_FIGURE_REPEATED, f->repeated);
	kct_json_set_u64(object, "updates", f->updates);
	kct_json_set_u64(object, "set_clocks", f->clock_sets);
	kct_json_set_u64(object, "pvti_updates", f->pvti_updates);
	kct_json_set_u64(object, "pvti_moved", f->pvti_moved);
	kct_json_set_u64(object, "pvti_unstable", f->pvti_unstable);
	kct_json_set_u64(object, "negative_deltas", f->negative_deltas);
	kct_figure_set(object, shown, KCT_FIGURE_NEGATIVE_WRONG, f->negative_wrong);
	kct_figure_set_bool(object, shown, KCT_FIGURE_TSC_OFFSETS_DIFFER, f->tsc_offsets_differ);
	json_object_set_new(object, "drift_ns",
			    json_pack("{s:I, s:I, s:I}", "total", (json_int_t)f->drift.total,
				      "max_forward", (json_int_t)f->drift.max_forward,
				      "max_backward", (json_int_t)f->drift.max_backward));
	json_object_set_new(object, "blackout_ns",
			    f->blackout_ns ? json_integer((json_int_t)f->blackout_ns)
					   : json_null());
	return object;
}

struct machines {
	json_t *vms;
	const struct kct_verification *v;
};

static void add_vm(const struct kct_judgement *judgement, void *context)
{
	const struct machines *machines = context;
	const struct kct_vm *vm = kct_model_find_vm(machines->v->model, judgement->number);
	char name[KCT_VM_LABEL_SIZE];

	name_of(machines->v->model, judgement->number, name, sizeof(name));
	json_array_append_new(
		machines->vms,
		json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o}", "number",
			  (json_int_t)judgement->number, "name", name, "pid",
			  vm && kct_vm_has_pid(vm) ? json_integer(vm->info.pid) : json_null(),
			  "verdict", kct_verdict_names[judgement->verdict], "why",
			  kct_json_text(judgement->why), "evidence",
			  findings_json(&judgement->findings, machines->v->shown), "stacks",
			  vm ? kct_stack_counts_json(machines->v->model, &vm->stacks)
			     : json_null()));
}

static json_t *outcome_json(enum kct_outcome outcome)
{
	return outcome == KCT_UNDECIDED ? json_null() : json_boolean(outcome == KCT_HOLDS);
}

/* All of the expectations: false if one fails, else null if one is undecided. */
static enum kct_outcome outcome_of_all(const struct kct_verification *v)
{
	enum kct_outcome outcome = KCT_HOLDS;

	for (size_t i = 0; i < v->nr_checked; i++) {
		if (v->checked[i].outcome == KCT_FAILS)
			return KCT_FAILS;
		if (v->checked[i].outcome == KCT_UNDECIDED)
			outcome = KCT_UNDECIDED;
	}
	return outcome;
}

void kct_show_verification_json(FILE *out, const struct kct_verification *v)
{
	json_t *expected = json_array(), *object;
	struct machines machines = {json_array(), v};

	for (size_t i = 0; i < v->nr_checked; i++)
		json_array_append_new(expected, json_pack("{s:s, s:o, s:s}", "expected",
							  v->checked[i].expectation.text, "holds",
							  outcome_json(v->checked[i].outcome),
							  "why", v->checked[i].why));
	kct_judge_each(v->judge, add_vm, &machines);
	object = json_pack(
		"{s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
		KCT_VERIFY_SCHEMA, "version", KCT_VERIFY_VERSION, "what", v->what, "verdict",
		kct_verdict_names[v->all.verdict], "why", kct_json_text(v->all.why), "holds",
		v->nr_checked ? outcome_json(outcome_of_all(v)) : json_null(), "expected", expected,
		"evidence", findings_json(&v->all.findings, v->shown), "losses",
		kct_json_losses(v->model->lost.losses), "missed",
		kct_json_missed(&v->model->lost.misses), "passed_over",
		kct_json_passed(&v->model->passed), "vms", machines.vms);
	kct_json_print(out, object);
}

/* ---- for test runners ---- */

void kct_show_verification_tap(FILE *out, const struct kct_verification *v)
{
	fprintf(out, "TAP version 13\n1..%zu\n", v->nr_checked);
	for (size_t i = 0; i < v->nr_checked; i++) {
		const struct kct_checked *checked = &v->checked[i];

		fprintf(out, "%sok %zu ", checked->outcome == KCT_FAILS ? "not " : "", i + 1);
		kct_put_tap_description(out, v->what);
		fprintf(out, ": %s", checked->expectation.text);
		if (checked->outcome == KCT_UNDECIDED)
			fprintf(out, " # SKIP %s", checked->why);
		fprintf(out, "\n# %s\n", checked->why);
	}
}

// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "record/writer.h"
#include "show/report.h"
#include "show/verdict.h"

/* ---- for people ---- */

static void show_findings(FILE *out, const struct kct_findings *f)
{
	fprintf(out,
		"  requests         %" PRIu64 " made, %" PRIu64 " pending when the clock was set",
		f->made, f->pending_at_set);
	if (f->after_set_known)
		fprintf(out, ", %" PRIu64 " when that returned", f->pending_after_set);
	fprintf(out,
		"\n  judged           %" PRIu64 ": %" PRIu64 " served, %" PRIu64
		" cleared without an update of their own, %" PRIu64 " still pending\n",
		f->judged + f->unresolved, f->served, f->cleared, f->unresolved);
	fprintf(out,
		"  of the served    %" PRIu64 " took a new snapshot, %" PRIu64
		" kept the one there was\n",
		f->snapshots, f->kept);
	if (f->shared)
		fprintf(out,
			"  shared           %" PRIu64 " were cleared or kept it after another "
			"request had taken a new snapshot for them\n",
			f->shared);
	fprintf(out, "  updates          %" PRIu64 " in all, %" PRIu64 " set the clock\n",
		f->updates, f->clock_sets);
	fprintf(out,
		"  PVTI updates     %" PRIu64 "%s, %" PRIu64 " moved the line; drift %+" PRId64
		" ns in all, at most %+" PRId64 " and %+" PRId64 " (+ is forward)\n",
		f->pvti_updates, f->clock_sets ? " since the clock was set" : "", f->pvti_moved,
		(int64_t)f->drift.total, (int64_t)f->drift.max_forward,
		(int64_t)f->drift.max_backward);
	if (f->negative_deltas)
		fprintf(out,
			"  negative delta   %" PRIu64 " PVTI updates with a snapshot older than "
			"the TSC write; with %" PRIu64 " of them the guest's TSC jumped by "
			"years%s\n",
			f->negative_deltas, f->negative_wrong,
			f->negative_wrong ? ": compute_guest_tsc() takes the delta as unsigned"
					  : "");
	if (f->tsc_offsets_differ)
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
	show_findings(people->out, &judgement->findings);
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
	fprintf(out, "verdict: %s%s%s\n", kct_verdict_names[v->all.verdict],
		*v->all.why ? ": " : "", v->all.why);
	for (size_t i = 0; i < v->nr_checked; i++)
		fprintf(out, "expected %s: %s: %s\n", v->checked[i].expectation.text,
			words[v->checked[i].outcome], v->checked[i].why);
}

/* ---- for machines ---- */

json_t *kct_findings_json(const struct kct_findings *f)
{
	json_t *drift = json_pack("{s:I, s:I, s:I}", "total", (json_int_t)f->drift.total,
				  "max_forward", (json_int_t)f->drift.max_forward, "max_backward",
				  (json_int_t)f->drift.max_backward);

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:b, s:o, s:o}",
		"requests", kct_json_u64(f->made), "pending_at_set_clock",
		kct_json_u64(f->pending_at_set), "pending_after_set_clock",
		f->after_set_known ? kct_json_u64(f->pending_after_set) : json_null(), "judged",
		kct_json_u64(f->judged), "served", kct_json_u64(f->served), "cleared",
		kct_json_u64(f->cleared), "unresolved", kct_json_u64(f->unresolved),
		"new_snapshots", kct_json_u64(f->snapshots), "kept_snapshots",
		kct_json_u64(f->kept), "shared", kct_json_u64(f->shared), "repeated",
		kct_json_u64(f->repeated), "updates", kct_json_u64(f->updates), "set_clocks",
		kct_json_u64(f->clock_sets), "pvti_updates", kct_json_u64(f->pvti_updates),
		"pvti_moved", kct_json_u64(f->pvti_moved), "pvti_unstable",
		kct_json_u64(f->pvti_unstable), "negative_delta", kct_json_u64(f->negative_deltas),
		"negative_delta_wrong", kct_json_u64(f->negative_wrong), "tsc_offsets_differ",
		f->tsc_offsets_differ, "drift_ns", drift, "blackout_ns",
		f->blackout_ns ? json_integer((json_int_t)f->blackout_ns) : json_null());
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
		json_pack("{s:I, s:s, s:o, s:s, s:o, s:o}", "number", (json_int_t)judgement->number,
			  "name", name, "pid",
			  vm && kct_vm_has_pid(vm) ? json_integer(vm->info.pid) : json_null(),
			  "verdict", kct_verdict_names[judgement->verdict], "why",
			  kct_json_text(judgement->why), "evidence",
			  kct_findings_json(&judgement->findings)));
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
	object = json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
			   KCT_VERIFY_SCHEMA, "version", KCT_VERIFY_VERSION, "what", v->what,
			   "verdict", kct_verdict_names[v->all.verdict], "why",
			   kct_json_text(v->all.why), "holds",
			   v->nr_checked ? outcome_json(outcome_of_all(v)) : json_null(),
			   "expected", expected, "evidence", kct_findings_json(&v->all.findings),
			   "losses", kct_json_losses(v->model->losses), "missed",
			   kct_json_missed(&v->model->misses), "vms", machines.vms);
	kct_json_print(out, object);
}

/* ---- for test runners ---- */

/* A '#' would begin a directive, such as SKIP. */
static void put_description(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '#')
			fputc('\\', out);
		fputc(*text, out);
	}
}

void kct_show_verification_tap(FILE *out, const struct kct_verification *v)
{
	fprintf(out, "TAP version 13\n1..%zu\n", v->nr_checked);
	for (size_t i = 0; i < v->nr_checked; i++) {
		const struct kct_checked *checked = &v->checked[i];

		fprintf(out, "%sok %zu ", checked->outcome == KCT_FAILS ? "not " : "", i + 1);
		put_description(out, v->what);
		fprintf(out, ": %s", checked->expectation.text);
		if (checked->outcome == KCT_UNDECIDED)
			fprintf(out, " # SKIP %s", checked->why);
		fprintf(out, "\n# %s\n", checked->why);
	}
}

// SPDX-License-Identifier: GPL-2.0
/* What a change of the kernel, or of the VMM, would have done to what was recorded. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/span.h"
#include "record/load.h"
#include "show/whatif.h"

struct whatif {
	const char *path, *with;
	kct_changes changes;
	struct kct_span span;
	bool json, failed;
	struct kct_whatif *replay;
	struct kct_recording recording;
	struct kct_model model; /* as predicted */
	struct kct_judge *recorded, *predicted;
	struct kct_whatif_row *rows;
	size_t nr_rows;
};

static const struct argp_option options[] = {
	{"with", 'w', "CHANGE,...", 0,
	 "What is changed: zhang-1, zhang-2, zhang-3, dedup, offset, no-c52ffadc of the kernel; "
	 "clock-guest, qemu-realtime of the VMM",
	 0},
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{0},
};

static void take_changes(struct whatif *w, const char *text, struct argp_state *state)
{
	const char *bad;
	int length;

	if (kct_changes_parse(text, &w->changes, &bad, &length))
		argp_error(state, "--with: '%.*s' is no change, or there twice", length, bad);
	w->with = text;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct whatif *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->span;
		return 0;
	case 'w':
		take_changes(w, text, state);
		return 0;
	case 'j':
		w->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (w->path)
			argp_error(state, "one recording at a time");
		w->path = text;
		return 0;
	case ARGP_KEY_END:
		if (!w->with)
			argp_error(state, "--with which change?");
		if (!w->path)
			argp_error(state, "which recording? - is standard input");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- both runs ---- */

static int on_predicted(void *context, const union kct_any_event *event)
{
	struct whatif *w = context;
	int error = kct_judge_event(w->predicted, event);

	return error ? error : kct_model_event(&w->model, event, NULL);
}

static void begin(struct whatif *w)
{
	const struct kct_anchor *started = &w->recording.header.started;

	kct_judge_anchor(w->recorded, started->boot_ns, started->realtime_ns);
	kct_judge_anchor(w->predicted, started->boot_ns, started->realtime_ns);
	kct_whatif_host(w->replay, w->recording.header.clocksource);
}

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct whatif *w = context;

	(void)name;
	if (!w->recording.model.events)
		begin(w);
	if (kct_judge_event(w->recorded, event) || kct_whatif_event(w->replay, event))
		w->failed = true;
	return true;
}

static void doubt(struct whatif *w, struct kct_judge *judge)
{
	if (*w->recording.incomplete)
		kct_judge_doubt(judge, w->recording.incomplete);
	kct_judge_losses(judge, &w->recording.model);
	kct_judge_header(judge, &w->recording.header);
}

/* ---- the figures ---- */

static struct kct_foretold foretell(const struct kct_vm_counters *vm,
				    const struct kct_judgement *judgement)
{
	return (struct kct_foretold){
		.known = true,
		.lines_known = true,
		.updates = kct_updates(vm, KCT_ANY, KCT_ANY),
		.snapshots = kct_updates(vm, KCT_ANY, KCT_EFFECT_ENABLED) +
			     kct_updates(vm, KCT_ANY, KCT_EFFECT_RESNAPSHOT),
		.unnecessary = kct_unnecessary(vm),
		.pvti_moved = judgement->findings.pvti_moved,
		.drift_ns = judgement->findings.drift.total,
		.verdict = judgement->verdict,
	};
}

static int compare_number(const void *key, const void *member)
{
	uint32_t number = *(const uint32_t *)key;
	const struct kct_whatif_row *row = member;

	return (number > row->vm->number) - (number < row->vm->number);
}

/* They are in the order of numbers, behind that of all. */
static struct kct_whatif_row *row_of(struct whatif *w, uint32_t number)
{
	return bsearch(&number, w->rows + 1, w->nr_rows - 1, sizeof(*w->rows), compare_number);
}

static void add(struct kct_foretold *sum, const struct kct_foretold *one)
{
	sum->known &= one->known;
	sum->lines_known &= one->lines_known;
	sum->updates += one->updates;
	sum->snapshots += one->snapshots;
	sum->unnecessary += one->unnecessary;
	sum->pvti_moved += one->pvti_moved;
	sum->drift_ns = (int64_t)((uint64_t)sum->drift_ns + (uint64_t)one->drift_ns);
}

static void take_recorded(const struct kct_judgement *judgement, void *context)
{
	struct whatif *w = context;
	const struct kct_vm *vm = kct_model_find_vm(&w->recording.model, judgement->number);

	if (!vm)
		return;
	w->rows[w->nr_rows] =
		(struct kct_whatif_row){.vm = vm, .recorded = foretell(&vm->counters, judgement)};
	add(&w->rows[0].recorded, &w->rows[w->nr_rows++].recorded);
}

/* What rests on evidence that is not whole is not foretold. */
static void limit(struct whatif *w, struct kct_whatif_row *row, uint32_t number)
{
	enum kct_unknown unknown = kct_whatif_unknown(w->replay, number, &row->why);

	row->predicted.known &= unknown < KCT_ALL_UNKNOWN;
	row->predicted.lines_known &= unknown < KCT_LINES_UNKNOWN;
	if (row->recorded.verdict != KCT_VERDICT_INCONCLUSIVE)
		return;
	row->predicted.known = row->predicted.lines_known = false;
	row->why = "it rests on what was recorded, and that is not whole";
}

static void take_predicted(const struct kct_judgement *judgement, void *context)
{
	struct whatif *w = context;
	const struct kct_vm *vm = kct_model_find_vm(&w->model, judgement->number);
	struct kct_whatif_row *row = row_of(w, judgement->number);

	if (!vm || !row)
		return;
	row->predicted = foretell(&vm->counters, judgement);
	limit(w, row, judgement->number);
	add(&w->rows[0].predicted, &row->predicted);
}

static int fill(struct whatif *w, struct kct_judgement *recorded, struct kct_judgement *predicted)
{
	struct kct_whatif_row *all;

	w->rows = calloc(w->recording.model.nr_vms + 1, sizeof(*w->rows));
	if (!w->rows)
		return -1;
	all = w->rows;
	w->nr_rows = 1;
	all->recorded.known = all->recorded.lines_known = true;
	all->predicted.known = all->predicted.lines_known = true;
	kct_judge_each(w->recorded, take_recorded, w);
	kct_judge_each(w->predicted, take_predicted, w);
	*recorded = kct_judge_all(w->recorded);
	*predicted = kct_judge_all(w->predicted);
	all->recorded.verdict = recorded->verdict;
	all->predicted.verdict = predicted->verdict;
	if (recorded->verdict == KCT_VERDICT_INCONCLUSIVE)
		all->recorded.verdict_why = recorded->why;
	if (predicted->verdict == KCT_VERDICT_INCONCLUSIVE)
		all->predicted.verdict_why = predicted->why;
	limit(w, all, KCT_NO_VM);
	return 0;
}

/* ---- out ---- */

static int show(struct whatif *w)
{
	struct kct_judgement recorded, predicted;
	char *path = kct_text_dup(w->path, 0);
	struct kct_whatif_view view = {
		.path = path,
		.header = &w->recording.header,
		.changes = w->changes,
		.incomplete = *w->recording.incomplete ? w->recording.incomplete : NULL,
	};

	doubt(w, w->recorded);
	doubt(w, w->predicted);
	if (!path || fill(w, &recorded, &predicted)) {
		free(path);
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	view.rows = w->rows;
	view.nr_rows = w->nr_rows;
	if (w->json)
		kct_show_whatif_json(stdout, &view);
	else
		kct_show_whatif(stdout, &view);
	free(path);
	return view.incomplete ? KCT_EXIT_INCOMPLETE : KCT_EXIT_OK;
}

static int run(struct whatif *w)
{
	const struct kct_wanted wanted = {&w->span, on_event, w, NULL, false};
	int status;

	w->recorded = kct_judge_new();
	w->predicted = kct_judge_new();
	w->replay = kct_whatif_new(w->changes, on_predicted, w);
	if (!w->recorded || !w->predicted || !w->replay) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_load(w->path, &wanted, &w->recording);
	if (status == KCT_EXIT_USAGE)
		return status;
	if (kct_whatif_end(w->replay) || w->failed) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	return show(w);
}

int cmd_whatif(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RECORDING",
		.doc = "What would have happened: what was recorded, replayed through a model of "
		       "the kernel with a change; as recorded, and as predicted.",
		.children = children,
	};
	struct whatif w = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &w))
		return KCT_EXIT_USAGE;
	kct_model_init(&w.model);
	kct_model_init(&w.recording.model);
	status = run(&w);
	kct_whatif_free(w.replay);
	kct_judge_free(w.recorded);
	kct_judge_free(w.predicted);
	kct_model_clear(&w.model);
	kct_recording_clear(&w.recording);
	free(w.rows);
	return status;
}

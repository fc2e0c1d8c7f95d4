// SPDX-License-Identifier: GPL-2.0
/* The report as JSON: every field is always there, as docs/report.schema.json says. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "model/names.h"
#include "record/writer.h"
#include "show/figure.h"
#include "show/off.h"
#include "show/report.h"

static json_t *drift_json(const struct kct_drift *drift)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)drift->total, "max_forward",
			 (json_int_t)drift->max_forward, "max_backward",
			 (json_int_t)drift->max_backward, "set_clock",
			 (json_int_t)drift->set_clock);
}

/* What kernel threads do cannot be attributed to a VM on every host. */
static json_t *updates_json(const struct kct_vm_counters *counters, bool hyperv_is_shown)
{
	json_t *updates = json_object(), *cause = json_object(), *effect = json_object();

	for (int i = 0; i < KCT_NR_CAUSES; i++)
		kct_json_set_u64(cause, kct_cause_names[i], kct_updates(counters, i, KCT_ANY));
	if (!hyperv_is_shown)
		json_object_set_new(cause, kct_cause_names[KCT_CAUSE_HYPERV], json_null());
	for (int i = 0; i < KCT_NR_EFFECTS; i++)
		kct_json_set_u64(effect, kct_effect_names[i], kct_updates(counters, KCT_ANY, i));
	kct_json_set_u64(updates, "total", kct_updates(counters, KCT_ANY, KCT_ANY));
	json_object_set_new(updates, "cause", cause);
	json_object_set_new(updates, "effect", effect);
	return updates;
}

static json_t *origins_json(const struct kct_vcpu_counters *counters, kct_figures shown)
{
	json_t *origins = json_object();

	for (int i = 0; i < KCT_NR_ORIGINS; i++)
		kct_figure_set(origins, shown, KCT_FIGURE_OF_ORIGIN(i), counters->requests[i]);
	return origins;
}

static json_t *vcpu_effects_json(const struct kct_vcpu_counters *counters)
{
	json_t *effects = json_object();

	for (int i = 0; i < KCT_NR_EFFECTS; i++)
		kct_json_set_u64(effects, kct_effect_names[i], counters->updates[i]);
	return effects;
}

/* What a vCPU and the sum of a VM's have in common. */
static void set_vcpu_counters(json_t *object, const struct kct_vcpu_counters *c, kct_figures shown)
{
	kct_figure_set(object, shown, KCT_FIGURE_REQUESTS, kct_requests(c));
	json_object_set_new(object, "requests_by_origin", origins_json(c, shown));
	kct_json_set_u64(object, "requests_derived", c->requests_derived);
	kct_figure_set(object, shown, KCT_FIGURE_REQUESTS_CLEARED, c->requests_cleared);
	kct_json_set_u64(object, "pvti_updates", c->pvti_updates);
	kct_json_set_u64(object, "pvti_changed", c->pvti_changed);
	kct_json_set_u64(object, "pvti_rebased", c->pvti_rebased);
	kct_json_set_u64(object, "negative_deltas", c->negative_deltas);
	kct_figure_set(object, shown, KCT_FIGURE_TSC_WRITES, c->tsc_writes);
	json_object_set_new(object, "drift_ns", drift_json(&c->drift));
}

/*
 * The lists of VMs and vCPUs are written one by one: all of them as one object would take many
 * times the memory of the model itself.
 */
struct list {
	FILE *out;
	kct_figures shown;
	const char *clocksource; /* the host's */
	bool begun;
};

static void next(struct list *list)
{
	if (list->begun)
		fputc(',', list->out);
	list->begun = true;
}

/* An object but for the brace that closes it, and the name of the list that is its last member. */
static void write_open(FILE *out, json_t *object, const char *name)
{
	fputc('{', out);
	json_dumpf(object, out, JSON_COMPACT | JSON_EMBED);
	fprintf(out, ",\"%s\":[", name);
	json_decref(object);
}

static void write_vcpu(const struct kct_vcpu *vcpu, void *context)
{
	struct list *list = context;
	json_t *object = json_object();

	next(list);

	kct_json_set_u64(object, "id", vcpu->id);
	kct_figure_set_bool(object, list->shown, KCT_FIGURE_PENDING, vcpu->pending);
	set_vcpu_counters(object, &vcpu->counters, list->shown);
	kct_json_set_u64(object, "updates", kct_vcpu_updates(&vcpu->counters));
	json_object_set_new(object, "updates_by_effect", vcpu_effects_json(&vcpu->counters));
	json_dumpf(object, list->out, JSON_COMPACT);
	json_decref(object);
}

static void set_vm_counters(json_t *object, const struct kct_vm_counters *vm,
			    const struct kct_vcpu_counters *sum, kct_figures shown)
{
	json_object_set_new(object, "updates",
			    updates_json(vm, kct_figure_is_shown(shown, KCT_FIGURE_CAUSE_HYPERV)));
	kct_json_set_u64(object, "set_clocks", vm->set_clocks);
	kct_json_set_u64(object, "unnecessary", kct_unnecessary(vm));
	set_vcpu_counters(object, sum, shown);
}

static json_t *stack_json(uint32_t stack)
{
	const char *function = kct_stack_next(stack, NULL);
	json_t *array = function ? json_array() : json_null();

	for (; function; function = kct_stack_next(stack, function))
		json_array_append_new(array, json_string(function));
	return array;
}

json_t *kct_stack_counts_json(const struct kct_model *model, const struct kct_stack_counts *counts)
{
	struct kct_stack_line *lines = kct_stack_lines(counts);
	json_t *list = json_array();

	if (!kct_model_has_stacks(model)) {
		json_decref(list);
		return json_null();
	}
	for (uint32_t i = 0; lines && i < counts->nr_lines; i++) {
		const struct kct_stack_line *line = &lines[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:s}", "of",
						kct_event_names[line->update ? KCT_EVENT_UPDATE
									     : KCT_EVENT_REQUEST],
						"count", kct_json_u64(line->count), "stack",
						stack_json(line->stack), "stack_note",
						kct_stack_note_names[line->note]));
	}
	free(lines);
	return json_pack("{s:o, s:o}", "lines", list, "left_out", kct_json_u64(counts->left_out));
}

static void write_vm(const struct kct_vm *vm, void *context)
{
	struct kct_vcpu_counters sum = kct_vm_vcpu_sum(vm);
	struct list *vms = context, vcpus = {.out = vms->out, .shown = vms->shown};
	json_t *object = json_object();
	char number[16];

	next(vms);
	snprintf(number, sizeof(number), "vm#%" PRIu32, vm->number);
	kct_json_set_u64(object, "number", vm->number);
	json_object_set_new(object, "name", json_string(*vm->name.name ? vm->name.name : number));
	kct_json_set_identity(object, &vm->name);
	json_object_set_new(object, "pid",
			    kct_vm_has_pid(vm) ? json_integer(vm->info.pid) : json_null());
	json_object_set_new(object, "created", json_boolean(vm->info.created));
	json_object_set_new(object, "gone", json_boolean(vm->gone));
	json_object_set_new(object, "masterclock", json_string(kct_masterclock_names[vm->active]));
	json_object_set_new(object, "masterclock_off",
			    kct_vm_off_json(vm, vms->clocksource, vms->shown));
	set_vm_counters(object, &vm->counters, &sum, vms->shown);
	json_object_set_new(object, "stacks", kct_stack_counts_json(vm->model, &vm->stacks));
	write_open(vms->out, object, "vcpus");
	kct_vm_each_vcpu(vm, write_vcpu, &vcpus);
	fputs("]}", vms->out);
}

/* VMs that are gone and not among `vms`: what they counted in all. */
static json_t *folded_json(const struct kct_model *model, kct_figures shown)
{
	const struct kct_folded *gone = &model->folded;
	json_t *object = json_object();

	kct_json_set_u64(object, "vms", gone->nr_vms);
	kct_json_set_u64(object, "vcpus", gone->nr_vcpus);
	set_vm_counters(object, &gone->vm, &gone->vcpu, shown);
	json_object_set_new(object, "stacks", kct_stack_counts_json(model, &model->folded_stacks));
	return object;
}

static json_t *unattributed_json(const struct kct_model *model, kct_figures shown)
{
	const struct kct_unattributed *nobody = &model->unattributed;
	json_t *object = json_object();

	json_object_set_new(object, "updates", updates_json(&nobody->vm, true));
	kct_json_set_u64(object, "pvti_updates", nobody->vcpu.pvti_updates);
	kct_figure_set(object, shown, KCT_FIGURE_TSC_WRITES, nobody->vcpu.tsc_writes);
	json_object_set_new(object, "stacks", kct_stack_counts_json(model, &model->nobodys_stacks));
	return object;
}

void kct_show_report_json(FILE *out, const struct kct_report *report)
{
	const struct kct_header *header = report->header;
	json_t *object = json_object();
	struct list vms = {
		.out = out, .shown = kct_figures_shown(header), .clocksource = header->clocksource};

	json_object_set_new(object, "schema", json_string(KCT_REPORT_SCHEMA));
	json_object_set_new(object, "version", json_integer(KCT_REPORT_VERSION));
	json_object_set_new(object, "tool", json_string(header->tool));
	json_object_set_new(object, "host", kct_json_host(header));
	json_object_set_new(object, "command", kct_json_text(header->command));
	kct_json_set_u64(object, "started_ns", kct_began(header));
	kct_json_set_u64(object, "realtime_ns",
			 header->started.realtime_ns + kct_began(header) - header->started.boot_ns);
	json_object_set_new(object, "ended_ns",
			    report->ended_ns ? kct_json_u64(report->ended_ns) : json_null());
	json_object_set_new(object, "part", kct_json_part(&header->part));
	json_object_set_new(object, "complete", json_boolean(!report->incomplete));
	json_object_set_new(object, "incomplete_why", kct_json_text(report->incomplete));
	kct_json_set_u64(object, "events", report->model->events);
	kct_json_set_u64(object, "lost", kct_lost(report->model));
	json_object_set_new(object, "losses", kct_json_losses(report->model->lost.losses));
	json_object_set_new(object, "missed", kct_json_missed(&report->model->lost.misses));
	json_object_set_new(object, "passed_over", kct_json_passed(&report->model->passed));
	json_object_set_new(object, "hooks", kct_json_hooks(header));
	json_object_set_new(object, "unattributed", unattributed_json(report->model, vms.shown));
	json_object_set_new(object, "folded", folded_json(report->model, vms.shown));
	write_open(out, object, "vms");
	kct_model_each_vm(report->model, write_vm, &vms);
	fputs("]}\n", out);
}

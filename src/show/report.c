// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "model/names.h"
#include "show/figure.h"
#include "show/off.h"
#include "show/report.h"

void kct_show_name(char *text, size_t size, const struct kct_vm *vm)
{
	kct_vm_label(vm, text, size);
}

const char *kct_incomplete(const struct kct_model *model, char *text, size_t size)
{
	return kct_losses_text(model->lost.losses, text, size) ? text : NULL;
}

/* ---- the table ---- */

#define ROW	    "%s %s %8s %5s %-8s %8s %8s %6s %6s %8s %12s %10s %12s %12s\n"
#define NUMBER_SIZE 24
#define VM_COLUMNS  24
#define VMM_COLUMNS 12

static const char *number(char text[NUMBER_SIZE], uint64_t value)
{
	snprintf(text, NUMBER_SIZE, "%" PRIu64, value);
	return text;
}

static const char *drift(char text[NUMBER_SIZE], int64_t ns)
{
	snprintf(text, NUMBER_SIZE, "%+" PRId64, ns);
	return ns ? text : "0";
}

static uint64_t set_clock_updates(const struct kct_vm_counters *c)
{
	return kct_updates(c, KCT_CAUSE_SET_CLOCK, KCT_ANY) +
	       kct_updates(c, KCT_CAUSE_SET_CLOCK_REALTIME, KCT_ANY) +
	       kct_updates(c, KCT_CAUSE_SET_CLOCK_GUEST, KCT_ANY);
}

struct table {
	FILE *out;
	kct_figures shown;
	const char *clocksource; /* the host's */
	bool verbose;
};

static void show_vcpu_row(const struct kct_vcpu *vcpu, void *context)
{
	const struct kct_vcpu_counters *c = &vcpu->counters;
	const struct table *table = context;
	const char *pending = vcpu->pending ? "pending" : "";
	struct kct_number requests;
	char n[8][NUMBER_SIZE], name[24], column[2][KCT_COLUMN_ROOM(VM_COLUMNS)];

	snprintf(name, sizeof(name), "  vCPU %" PRIu32, vcpu->id);
	fprintf(table->out, ROW, kct_text_column(column[0], name, VM_COLUMNS),
		kct_text_column(column[1], "", VMM_COLUMNS), "", "",
		kct_figure_is_shown(table->shown, KCT_FIGURE_PENDING) ? pending : "?",
		kct_figure_text(&requests, table->shown, KCT_FIGURE_REQUESTS, kct_requests(c)),
		number(n[1], kct_vcpu_updates(c)), "",
		number(n[2], c->updates[KCT_EFFECT_RESNAPSHOT]), number(n[3], c->pvti_updates),
		drift(n[4], kct_drift_unasked(&c->drift)), drift(n[5], c->drift.max_forward),
		drift(n[6], c->drift.max_backward), drift(n[7], c->drift.set_clock));
}

static void show_vm_row(const struct kct_vm *vm, void *context)
{
	const struct table *table = context;
	struct kct_vcpu_counters sum = kct_vm_vcpu_sum(vm);
	struct kct_number requests;
	char n[11][NUMBER_SIZE], name[KCT_VM_LABEL_SIZE], column[2][KCT_COLUMN_ROOM(VM_COLUMNS)];

	kct_show_name(name, sizeof(name), vm);
	fprintf(table->out, ROW, kct_text_column(column[0], name, VM_COLUMNS),
		kct_text_column(column[1], *vm->name.vmm ? vm->name.vmm : "?", VMM_COLUMNS),
		kct_vm_has_pid(vm) ? number(n[0], vm->info.pid) : "?", number(n[1], vm->nr_vcpus),
		kct_masterclock_names[vm->active],
		kct_figure_text(&requests, table->shown, KCT_FIGURE_REQUESTS, kct_requests(&sum)),
		number(n[3], kct_updates(&vm->counters, KCT_ANY, KCT_ANY)),
		number(n[4], set_clock_updates(&vm->counters)),
		number(n[5], kct_unnecessary(&vm->counters)), number(n[6], sum.pvti_updates),
		drift(n[7], kct_drift_unasked(&sum.drift)), drift(n[8], sum.drift.max_forward),
		drift(n[9], sum.drift.max_backward), drift(n[10], sum.drift.set_clock));
	if (table->verbose)
		kct_vm_each_vcpu(vm, show_vcpu_row, context);
}

/* A VM whose vCPUs are still to come has nothing to be asked. */
static void show_why_off(const struct kct_vm *vm, void *context)
{
	const struct table *table = context;
	char name[KCT_VM_LABEL_SIZE];

	if (vm->active != KCT_NO || !vm->nr_vcpus)
		return;
	kct_show_name(name, sizeof(name), vm);
	fprintf(table->out, "%s: masterclock off: ", name);
	kct_show_vm_off(table->out, vm, table->clocksource, table->shown);
	fputc('\n', table->out);
}

static void show_unattributed(FILE *out, kct_figures shown, const struct kct_unattributed *nobody)
{
	struct kct_number writes;
	uint64_t created = kct_updates(&nobody->vm, KCT_CAUSE_VM_CREATE, KCT_ANY);
	uint64_t updates = kct_updates(&nobody->vm, KCT_ANY, KCT_ANY) - created;

	if (created)
		fprintf(out, "%" PRIu64 " VMs were made and never used\n", created);
	if (updates || nobody->vcpu.pvti_updates || nobody->vcpu.tsc_writes)
		fprintf(out,
			"not attributed to a VM: %" PRIu64
			" updates, %llu PVTI updates, %s TSC writes\n",
			updates, nobody->vcpu.pvti_updates,
			kct_figure_text(&writes, shown, KCT_FIGURE_TSC_WRITES,
					nobody->vcpu.tsc_writes));
}

static void show_folded(FILE *out, kct_figures shown, const struct kct_folded *gone)
{
	struct kct_number requests;

	if (!gone->nr_vms)
		return;
	fprintf(out,
		"%" PRIu64 " more VMs, gone, with %" PRIu64 " vCPUs: %s requests, %" PRIu64
		" updates (%" PRIu64 " unnecessary), %llu PVTI updates, drift %+" PRId64 " ns\n",
		gone->nr_vms, gone->nr_vcpus,
		kct_figure_text(&requests, shown, KCT_FIGURE_REQUESTS, kct_requests(&gone->vcpu)),
		kct_updates(&gone->vm, KCT_ANY, KCT_ANY), kct_unnecessary(&gone->vm),
		gone->vcpu.pvti_updates, kct_drift_unasked(&gone->vcpu.drift));
}

void kct_show_losses(FILE *out, const struct kct_model *model)
{
	const char *between = " (";

	fputs("LOST:", out);
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		if (model->lost.losses[i])
			fprintf(out, " %" PRIu64 " %s", model->lost.losses[i], kct_loss_names[i]);
	for (uint32_t i = 0; i < model->lost.misses.count; i++) {
		const struct kct_missed *missed = &model->lost.misses.list[i];

		if (!missed->calls)
			continue;
		fprintf(out, "%s%" PRIu64 " of %s", between, missed->calls, missed->evidence);
		between = ", ";
	}
	fprintf(out, "%s; the numbers above may be too small\n", *between == ',' ? ")" : "");
}

void kct_show_passed(FILE *out, const struct kct_passed *passed)
{
	if (passed->events || passed->fields || passed->words)
		fprintf(out,
			"PASSED OVER, of another release: %" PRIu64 " events, %" PRIu64
			" fields, %" PRIu64 " words\n",
			passed->events, passed->fields, passed->words);
}

static const char *why_missed(const char *way)
{
	if (!strcmp(way, "fentry") || !strcmp(way, "tracepoint"))
		return "its program was preempted on their CPU, as those of kprobes and trace "
		       "events are not: doctor says why there were none";
	return "a bpf(2) call on a map was preempted on their CPU, or too many threads were in the "
	       "function at once: trace again with less of that";
}

/* What the kernel skipped, why it does so, and what would help. */
static void show_missed(FILE *out, const struct kct_header *header, const struct kct_misses *misses)
{
	for (uint32_t i = 0; i < misses->count; i++) {
		const struct kct_missed *missed = &misses->list[i];

		for (uint32_t h = 0; missed->calls && h < header->nr_hooks; h++)
			if (!strcmp(header->hooks[h].evidence, missed->evidence))
				fprintf(out, "MISSED: %" PRIu64 " calls for %s, by %s: %s\n",
					missed->calls, missed->evidence, header->hooks[h].way,
					why_missed(header->hooks[h].way));
	}
}

void kct_show_table(FILE *out, const struct kct_header *header, const struct kct_model *model,
		    bool verbose)
{
	char column[2][KCT_COLUMN_ROOM(VM_COLUMNS)];
	struct table table = {out, kct_figures_shown(header), header->clocksource, verbose};
	char why[160];

	fprintf(out, ROW, kct_text_column(column[0], "VM", VM_COLUMNS),
		kct_text_column(column[1], "VMM", VMM_COLUMNS), "PID", "vCPUs", "CLOCK", "REQUESTS",
		"UPDATES", "SET", "UNNEC", "PVTI", "DRIFT ns", "FORWARD", "BACKWARD", "SET ns");
	kct_model_each_vm(model, show_vm_row, &table);
	kct_model_each_vm(model, show_why_off, &table);
	show_folded(out, table.shown, &model->folded);
	show_unattributed(out, table.shown, &model->unattributed);
	if (!kct_figure_is_shown(table.shown, KCT_FIGURE_REQUESTS))
		fputs("?: there was no hook that shows requests\n", out);
	if (kct_incomplete(model, why, sizeof(why)))
		kct_show_losses(out, model);
}

/* ---- the summary ---- */

static void show_updates(const struct kct_vm *vm, void *context)
{
	FILE *out = context;
	char name[KCT_VM_LABEL_SIZE];
	const char *between = "";

	if (!kct_updates(&vm->counters, KCT_ANY, KCT_ANY))
		return;
	kct_show_name(name, sizeof(name), vm);
	fprintf(out, "  %s: ", name);
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++) {
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++) {
			uint64_t count = vm->counters.updates[cause][effect];

			if (!count)
				continue;
			fprintf(out, "%s%" PRIu64 " %s %s%s", between, count,
				kct_cause_names[cause], kct_effect_names[effect],
				cause == KCT_CAUSE_VCPU_REQUEST && effect == KCT_EFFECT_RESNAPSHOT
					? " (unnecessary)"
					: "");
			between = ", ";
		}
	}
	fputc('\n', out);
}

/* ---- kernel stacks ---- */

void kct_show_stack(FILE *out, uint32_t stack, enum kct_stack_note note)
{
	char text[KCT_STACK_ROOM];

	kct_stack_text(text, sizeof(text), stack);
	if (*text)
		fputs(text, out);
	else
		fprintf(out, "? (%s)", kct_stack_note_names[note]);
	if (note == KCT_STACK_CUT)
		fputs(" < ... (cut)", out);
}

static void show_stack_counts(FILE *out, const char *whose, const struct kct_stack_counts *counts)
{
	struct kct_stack_line *lines = kct_stack_lines(counts);

	for (uint32_t i = 0; lines && i < counts->nr_lines; i++) {
		if (!i || lines[i].update != lines[i - 1].update)
			fprintf(out, "  %s, %s:\n", whose,
				lines[i].update ? "updates" : "requests");
		fprintf(out, "    %" PRIu64 " x ", lines[i].count);
		kct_show_stack(out, lines[i].stack, lines[i].note);
		fputc('\n', out);
	}
	if (counts->left_out)
		fprintf(out, "  %s: %" PRIu64 " more, whose stacks had no room\n", whose,
			counts->left_out);
	free(lines);
}

static void show_vm_stacks(const struct kct_vm *vm, void *context)
{
	char name[KCT_VM_LABEL_SIZE];

	kct_show_name(name, sizeof(name), vm);
	show_stack_counts(context, name, &vm->stacks);
}

void kct_show_stacks(FILE *out, const struct kct_model *model)
{
	if (!kct_model_has_stacks(model))
		return;
	fputs("\nkernel stacks, the innermost function first:\n", out);
	kct_model_each_vm(model, show_vm_stacks, out);
	show_stack_counts(out, "VMs that are gone", &model->folded_stacks);
	show_stack_counts(out, "not attributed to a VM", &model->nobodys_stacks);
}

void kct_show_report(FILE *out, const struct kct_report *report, bool verbose)
{
	const struct kct_header *header = report->header;
	uint64_t began_ns = kct_began(header);

	fprintf(out, "host %s, kernel %s, KVM %s, clocksource %s", header->host, header->kernel,
		header->kvm, header->clocksource);
	if (report->ended_ns >= began_ns)
		fprintf(out, report->part ? ", a part of %.3f s" : ", traced for %.3f s",
			(double)(report->ended_ns - began_ns) / KCT_NS_PER_S);
	fprintf(out, "; %" PRIu64 " events, %s%" PRIu64 " lost\n\n", report->model->events,
		report->part && kct_lost(report->model) ? "at most " : "", kct_lost(report->model));
	kct_show_table(out, header, report->model, verbose);
	fputs("\nupdates by cause and effect:\n", out);
	kct_model_each_vm(report->model, show_updates, out);
	kct_show_stacks(out, report->model);
	fputs("\nUNNEC: updates for a vCPU's request that only took a new snapshot. DRIFT: the new "
	      "PVTI against what\nthe one before gives at the same guest TSC, added up over the "
	      "vCPUs; + is a jump forward. SET ns: the same\nwhere KVM_SET_CLOCK came in between "
	      "and asked for it; DRIFT, FORWARD and BACKWARD are without that.\n",
	      out);
	show_missed(out, header, &report->model->lost.misses);
	kct_show_passed(out, &report->model->passed);
	if (report->incomplete)
		fprintf(out, "INCOMPLETE: %s\n", report->incomplete);
}

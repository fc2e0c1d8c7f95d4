// SPDX-License-Identifier: GPL-2.0
/* What is told of the host and of the monitor itself. */
#include <dirent.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/version.h"
#include "kvmclock/account.h"
#include "model/figures.h"
#include "model/names.h"
#include "monitor/inside.h"

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

void kct_metrics_init(struct kct_metrics *metrics)
{
	*metrics = (struct kct_metrics){.max_series = 10000};
	clock_gettime(CLOCK_REALTIME, &metrics->started);
}

void kct_metrics_clear(struct kct_metrics *metrics)
{
	tdestroy(metrics->labels, free);
	metrics->labels = NULL;
}

/* ---- events ---- */

static void on_jump(struct kct_metrics *metrics, const struct kct_pvti_event *e)
{
	bool backward = e->drift_ns < 0;
	uint64_t ns = backward ? -(uint64_t)e->drift_ns : (uint64_t)e->drift_ns, bound = 1;
	struct kct_jumps *jumps = &metrics->jumps[!!e->clock_set][backward];
	int bucket = 0;

	if (!e->has_drift || !ns)
		return;
	for (; bucket < KCT_JUMP_BUCKETS - 1 && ns > bound; bucket++)
		bound *= 10;
	jumps->buckets[bucket]++;
	jumps->sum_ns += ns;
}

int kct_metrics_event(struct kct_metrics *metrics, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	switch (event->event.kind) {
	case KCT_EVENT_PVTI:
		on_jump(metrics, &event->pvti);
		return 0;
	case KCT_EVENT_VM:
		return kct_label_vm(metrics, event->event.vm, name);
	case KCT_EVENT_VM_GONE:
		kct_unlabel_vm(metrics, event->event.vm);
		return 0;
	}
	return 0;
}

/* ---- what happened, host-wide ---- */

static void add_vm(const struct kct_vm *vm, void *context)
{
	kct_folded_add(context, vm);
}

/* Of all VMs there ever were, and of none: so each counter is there from the start, and only grows.
 */
static void sum_up(const struct kct_model *model, struct kct_folded *sum)
{
	*sum = model->folded;
	kct_model_each_vm(model, add_vm, sum);
	kct_vm_counters_add(&sum->vm, &model->unattributed.vm);
	for (int o = 0; o < KCT_NR_ORIGINS; o++)
		sum->vcpu.requests[o] += model->unattributed.vcpu.requests[o];
	sum->vcpu.requests_derived += model->unattributed.vcpu.requests_derived;
	sum->vcpu.requests_cleared += model->unattributed.vcpu.requests_cleared;
	sum->vcpu.pvti_updates += model->unattributed.vcpu.pvti_updates;
	sum->vcpu.pvti_changed += model->unattributed.vcpu.pvti_changed;
	sum->vcpu.pvti_rebased += model->unattributed.vcpu.pvti_rebased;
	sum->vcpu.tsc_writes += model->unattributed.vcpu.tsc_writes;
}

static void updates(struct kct_exposition *to, const struct kct_folded *sum, kct_figures shown)
{
	kct_family(to, "kvmclock_updates", KCT_COUNTER, NULL,
		   "Masterclock updates, by why they ran and what they did.");
	for (int c = 0; c < KCT_NR_CAUSES; c++) {
		if (c == KCT_CAUSE_HYPERV && !kct_figure_is_shown(shown, KCT_FIGURE_CAUSE_HYPERV))
			continue;
		for (int e = 0; e < KCT_NR_EFFECTS; e++)
			kct_sample(
				to,
				LABELS("cause", kct_cause_names[c], "effect", kct_effect_names[e]),
				sum->vm.updates[c][e]);
	}
}

static void requests(struct kct_exposition *to, const struct kct_folded *sum, kct_figures shown)
{
	kct_family(to, "kvmclock_requests", KCT_COUNTER, NULL,
		   "Requests for an update that were made, by who made them.");
	for (int o = 0; o < KCT_NR_ORIGINS; o++)
		if (kct_figure_is_shown(shown, KCT_FIGURE_OF_ORIGIN(o)))
			kct_sample(to, LABELS("origin", kct_origin_names[o]),
				   sum->vcpu.requests[o]);
}

static void counter(struct kct_exposition *to, const char *name, uint64_t value, const char *help)
{
	kct_family(to, name, KCT_COUNTER, NULL, help);
	kct_sample(to, NULL, value);
}

static void gauge(struct kct_exposition *to, const char *name, uint64_t value, const char *help)
{
	kct_family(to, name, KCT_GAUGE, NULL, help);
	kct_sample(to, NULL, value);
}

static void others(struct kct_exposition *to, const struct kct_folded *sum, kct_figures shown)
{
	counter(to, "kvmclock_unnecessary_updates", kct_unnecessary(&sum->vm),
		"Updates for a vCPU's request that only took a new snapshot.");
	if (kct_figure_is_shown(shown, KCT_FIGURE_REQUESTS))
		counter(to, "kvmclock_requests_derived", sum->vcpu.requests_derived,
			"Of the requests, those that were derived from what came of them.");
	if (kct_figure_is_shown(shown, KCT_FIGURE_REQUESTS_CLEARED))
		counter(to, "kvmclock_requests_cleared", sum->vcpu.requests_cleared,
			"Requests that were cleared, and no update came of them.");
	counter(to, "kvmclock_clock_settings", sum->vm.set_clocks,
		"How often the clock of a VM was set.");
	if (kct_figure_is_shown(shown, KCT_FIGURE_TSC_WRITES))
		counter(to, "kvmclock_tsc_writes", sum->vcpu.tsc_writes,
			"TSC offsets of vCPUs that were written.");
	counter(to, "kvmclock_pvti_updates", sum->vcpu.pvti_updates, "PVTIs published to guests.");
	counter(to, "kvmclock_pvti_changed", sum->vcpu.pvti_changed,
		"Of these, those that differ from the one before.");
	counter(to, "kvmclock_pvti_rebased", sum->vcpu.pvti_rebased,
		"Of these, those after a TSC write, of which no jump is claimed.");
}

/* Powers of ten as OpenMetrics wants them. */
static const char *const bounds[KCT_JUMP_BUCKETS] = {
	"1e-09", "1e-08", "1e-07", "1e-06", "1e-05", "0.0001",
	"0.001", "0.01",  "0.1",   "1.0",   "10.0",  "+Inf",
};

static void jumps(struct kct_exposition *to, const struct kct_metrics *metrics)
{
	static const char *const asked[] = {"no", "yes"}, *const way[] = {"forward", "backward"};

	kct_family(to, "kvmclock_clock_jump_seconds", KCT_HISTOGRAM, "seconds",
		   "Jumps of a vCPU's kvm-clock when its PVTI was published; asked: its clock had "
		   "been set.");
	for (int i = 0; i < 4; i++) {
		const struct kct_jumps *of = &metrics->jumps[i / 2][i % 2];
		uint64_t count = 0;

		for (int b = 0; b < KCT_JUMP_BUCKETS; b++) {
			count += of->buckets[b];
			kct_sample_of(to, "_bucket",
				      LABELS("asked", asked[i / 2], "direction", way[i % 2], "le",
					     bounds[b]),
				      count);
		}
		kct_sample_of(to, "_count", LABELS("asked", asked[i / 2], "direction", way[i % 2]),
			      count);
		kct_sample_of_ns(to, "_sum", LABELS("asked", asked[i / 2], "direction", way[i % 2]),
				 of->sum_ns);
	}
}

/* ---- how well it was seen ---- */

static void evidence(struct kct_exposition *to, const struct kct_header *header)
{
	kct_family(to, "kvmclock_evidence", KCT_INFO, NULL,
		   "The way in which each piece of evidence is obtained.");
	for (uint32_t i = 0; i < header->nr_hooks; i++)
		kct_sample(to,
			   LABELS("evidence", header->hooks[i].evidence, "way",
				  header->hooks[i].way, "target", header->hooks[i].target),
			   1);
}

static void losses(struct kct_exposition *to, const struct kct_metrics_of *of)
{
	struct kct_lost lost;

	kct_losses_now(of->losses, &lost);
	kct_family(to, "kvmclock_losses", KCT_COUNTER, NULL,
		   "Events that are missing in all this, or VMs and vCPUs without room.");
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		kct_sample(to, LABELS("reason", kct_loss_names[i]), lost.losses[i]);
	kct_family(to, "kvmclock_missed_calls", KCT_COUNTER, NULL,
		   "How often the kernel skipped the programs of a piece of evidence.");
	for (uint32_t i = 0; i < lost.misses.count; i++)
		if (lost.misses.list[i].counted)
			kct_sample(to, LABELS("evidence", lost.misses.list[i].evidence),
				   lost.misses.list[i].calls);
}

static void recorder(struct kct_exposition *to, const struct kct_recorder *recorder)
{
	const struct kct_store *store = &recorder->store;

	counter(to, "kvmclock_recorder_segments", recorder->segments, "Segments begun.");
	counter(to, "kvmclock_recorder_events", recorder->written, "Events written.");
	counter(to, "kvmclock_recorder_unwritten_events", recorder->unwritten,
		"Events that the disk did not take.");
	counter(to, "kvmclock_recorder_gaps", recorder->gaps, "Gaps in the recording.");
	counter(to, "kvmclock_recorder_removed_segments", store->removed,
		"Segments removed to keep the bounds.");
	gauge(to, "kvmclock_recorder_writing", recorder->file != NULL,
	      "1 while there is a segment to write to.");
	gauge(to, "kvmclock_recorder_full", recorder->is_full,
	      "1 while too little of the disk is free.");
	kct_family(to, "kvmclock_recorder_bytes", KCT_GAUGE, "bytes",
		   "What the directory holds, as it was seen last.");
	kct_sample(to, LABELS("kind", "segments"), store->bytes);
	kct_sample(to, LABELS("kind", "pinned"), store->pinned_bytes);
}

static void triggers(struct kct_exposition *to, const struct kct_triggers *triggers)
{
	kct_family(to, "kvmclock_triggers", KCT_COUNTER, NULL,
		   "Triggers of the flight recorder, by what became of each.");
	for (int t = 0; t < KCT_NR_TRIGGERS; t++)
		for (int r = 0; r < KCT_NR_TRIGGER_RESULTS; r++)
			kct_sample(to,
				   LABELS("trigger", kct_trigger_names[t], "result",
					  kct_trigger_result_names[r]),
				   triggers->pins.counts[t][r]);
	if (!triggers->options->command)
		return;
	kct_family(to, "kvmclock_trigger_commands", KCT_COUNTER, NULL,
		   "Runs of the command for what was pinned.");
	for (int r = 0; r < KCT_NR_COMMAND_RESULTS; r++)
		kct_sample(to, LABELS("result", kct_command_result_names[r]),
			   triggers->runner.counts[r]);
}

/* ---- itself ---- */

static void build(struct kct_exposition *to, const struct kct_header *header)
{
	kct_family(to, "kvmclock_build", KCT_INFO, NULL, "What traces, and on what.");
	kct_sample(to,
		   LABELS("version", KCT_VERSION, "kernel", header->kernel, "kvm", header->kvm,
			  "clocksource", header->clocksource),
		   1);
}

static uint64_t timeval_ns(const struct timeval *value)
{
	return (uint64_t)value->tv_sec * KCT_NS_PER_S + (uint64_t)value->tv_usec * 1000;
}

static void cpu(struct kct_exposition *to)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return;
	kct_family(to, "process_cpu_seconds", KCT_COUNTER, "seconds",
		   "User and system time of the monitor; not that of its programs in the kernel.");
	kct_sample_ns(to, NULL, timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime));
	counter(to, "kvmclock_wakeups", (uint64_t)usage.ru_nvcsw,
		"How often the monitor was woken after it had waited for something.");
}

static void memory(struct kct_exposition *to)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages;

	if (!file)
		return;
	if (fscanf(file, "%*u %" SCNu64, &pages) == 1) {
		kct_family(to, "process_resident_memory_bytes", KCT_GAUGE, "bytes",
			   "Resident memory of the monitor.");
		kct_sample(to, NULL, pages * (uint64_t)sysconf(_SC_PAGESIZE));
	}
	fclose(file);
}

static void descriptors(struct kct_exposition *to)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t count = 0;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		count += *entry->d_name != '.';
	closedir(directory);
	/* But for the one that counted. */
	gauge(to, "process_open_fds", count - 1, "Open file descriptors of the monitor.");
}

static void itself(struct kct_exposition *to, const struct kct_metrics *metrics,
		   const struct kct_metrics_of *of)
{
	build(to, of->header);
	cpu(to);
	memory(to);
	descriptors(to);
	kct_family(to, "process_start_time_seconds", KCT_GAUGE, "seconds",
		   "When it began, since the epoch.");
	kct_sample_ns(to, NULL,
		      (uint64_t)metrics->started.tv_sec * KCT_NS_PER_S +
			      (uint64_t)metrics->started.tv_nsec);
}

void kct_metrics_write(struct kct_metrics *metrics, const struct kct_metrics_of *of,
		       enum kct_metrics_format format, FILE *out)
{
	struct kct_exposition to = {.out = out, .open = format == KCT_METRICS_OPEN};
	kct_figures shown = kct_figures_shown(of->header);
	struct kct_folded sum;

	sum_up(of->model, &sum);
	updates(&to, &sum, shown);
	requests(&to, &sum, shown);
	others(&to, &sum, shown);
	jumps(&to, metrics);
	counter(&to, "kvmclock_events", of->model->events, "Events taken in.");
	evidence(&to, of->header);
	losses(&to, of);
	if (of->recorder)
		recorder(&to, of->recorder);
	if (of->triggers)
		triggers(&to, of->triggers);
	itself(&to, metrics, of);
	counter(&to, "kvmclock_vms_gone", of->model->folded.nr_vms, "VMs that were destroyed.");
	kct_metrics_of_vms(&to, metrics, of, shown);
	kct_exposition_end(&to);
}

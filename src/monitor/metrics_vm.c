// SPDX-License-Identifier: GPL-2.0
/* What is told of each VM. Its series end with it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "host/host.h"
#include "model/names.h"
#include "model/off.h"
#include "monitor/inside.h"

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- labels ---- */

struct label {
	uint32_t number; /* first: the key in its tree */
	char uuid[40], text[56];
};

struct search {
	const char *uuid;
	bool found;
};

static void look_at(void *item, void *context)
{
	const struct label *label = item;
	struct search *search = context;

	search->found |= !strcmp(label->uuid, search->uuid);
}

int kct_label_vm(struct kct_metrics *metrics, uint32_t number, const struct kct_vm_name *name)
{
	struct label label = {.number = number};
	struct search search = {.uuid = label.uuid};
	bool added;

	for (size_t i = 0; name && i < sizeof(label.uuid) - 1 && name->uuid[i]; i++)
		label.uuid[i] = (char)tolower((unsigned char)name->uuid[i]);
	if (*label.uuid)
		kct_tree_each(&metrics->labels, look_at, &search);
	if (!*label.uuid || search.found)
		snprintf(label.text, sizeof(label.text), "%s#%" PRIu32,
			 search.found ? label.uuid : "vm", number);
	else
		memcpy(label.text, label.uuid, sizeof(label.uuid));
	return kct_tree_find_or_add(&metrics->labels, &label, sizeof(label), &added) ? 0 : -ENOMEM;
}

void kct_unlabel_vm(struct kct_metrics *metrics, uint32_t number)
{
	void *label = kct_tree_find(&metrics->labels, number);

	if (!label)
		return;
	kct_tree_remove(&metrics->labels, label);
	free(label);
}

/* ---- those that are told of ---- */

struct told {
	const char *label;
	const struct kct_vm *vm;
	struct kct_vcpu_counters sum;
	uint64_t nr_pending;
	uint32_t reasons; /* why its masterclock is off; 0: it is not, or that is not known */
	uint64_t age_ns;  /* of the snapshot; UINT64_MAX: there is none, or it is not known */
};

struct vms {
	const struct kct_metrics *metrics;
	const struct kct_metrics_of *of;
	uint64_t base_ns; /* now, on the kvmclock base */
	struct told *list;
	size_t count, room, nr_vms, nr_vcpus;
};

static void count_vm(const struct kct_vm *vm, void *context)
{
	struct vms *vms = context;

	vms->nr_vms += !vm->gone;
	vms->nr_vcpus += vm->gone ? 0 : vm->nr_vcpus;
}

static void add_pending(const struct kct_vcpu *vcpu, void *context)
{
	struct told *told = context;

	told->nr_pending += vcpu->pending;
}

/* A host without memory tells no reason. */
static uint32_t reasons_of(const struct kct_vm *vm, const struct kct_header *header)
{
	struct kct_off off;
	uint32_t reasons = 0;

	if (vm->active != KCT_NO)
		return 0;
	if (!kct_off_find(&off, vm, header->clocksource))
		reasons = off.reasons;
	kct_off_clear(&off);
	return reasons;
}

static uint64_t age_of(const struct vms *vms, uint32_t number)
{
	const struct kct_state_vm *vm = kct_state_vm(vms->of->state, number);
	const struct kct_masterclock *clock = vm ? &vm->vm.masterclock : NULL;

	if (!clock || clock->active != KCT_YES || clock->kernel_ns > vms->base_ns)
		return UINT64_MAX;
	return vms->base_ns - clock->kernel_ns;
}

static void take_vm(const struct kct_vm *vm, void *context)
{
	struct vms *vms = context;
	const struct label *label = kct_tree_find(&vms->metrics->labels, vm->number);
	struct told *told = &vms->list[vms->count];

	if (vm->gone || !label || vms->count == vms->room)
		return;
	vms->count++;
	*told = (struct told){.label = label->text, .vm = vm, .sum = kct_vm_vcpu_sum(vm)};
	kct_vm_each_vcpu(vm, add_pending, told);
	told->reasons = reasons_of(vm, vms->of->header);
	told->age_ns = age_of(vms, vm->number);
}

/* ---- families ---- */

static void info(struct kct_exposition *to, const struct told *told)
{
	const struct kct_vm *vm = told->vm;
	const struct kct_vm_name *name = &vm->name;
	char number[12], pid[12] = "";

	snprintf(number, sizeof(number), "%" PRIu32, vm->number);
	if (kct_vm_has_pid(vm))
		snprintf(pid, sizeof(pid), "%" PRIu32, vm->info.pid);
	kct_sample(to,
		   LABELS("vm", told->label, "number", number, "name", name->name, "name_source",
			  kct_name_sources[name->source], "uuid", name->uuid, "vmm", name->vmm,
			  "pid", pid, "orchestrator", kct_orchestrators[name->orchestrator],
			  "namespace", name->space, "id", name->id),
		   1);
}

static void vcpus(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), told->vm->nr_vcpus);
}

static void updates(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label),
		   kct_updates(&told->vm->counters, KCT_ANY, KCT_ANY));
}

static void unnecessary(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), kct_unnecessary(&told->vm->counters));
}

static void requests(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), kct_requests(&told->sum));
}

static void pending(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), told->nr_pending);
}

static void settings(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), told->vm->counters.set_clocks);
}

static void pvtis(struct kct_exposition *to, const struct told *told)
{
	kct_sample(to, LABELS("vm", told->label), told->sum.pvti_updates);
}

static void drift(struct kct_exposition *to, const struct told *told)
{
	kct_sample_signed_ns(to, LABELS("vm", told->label), kct_drift_unasked(&told->sum.drift));
}

static void active(struct kct_exposition *to, const struct told *told)
{
	if (told->vm->active != KCT_NOT_KNOWN)
		kct_sample(to, LABELS("vm", told->label), told->vm->active == KCT_YES);
}

static void off(struct kct_exposition *to, const struct told *told)
{
	for (int i = 0; i < KCT_NR_REASONS; i++)
		if (told->reasons & 1U << i)
			kct_sample(to, LABELS("vm", told->label, "reason", kct_reason_names[i]), 1);
}

static void age(struct kct_exposition *to, const struct told *told)
{
	if (told->age_ns != UINT64_MAX)
		kct_sample_ns(to, LABELS("vm", told->label), told->age_ns);
}

/* Of a figure that a host may not show; KCT_NR_FIGURES: all do. */
static const struct family {
	const char *name;
	enum kct_family_type type;
	const char *unit, *help;
	void (*write)(struct kct_exposition *to, const struct told *told);
	enum kct_figure figure;
} families[] = {
	{"kvmclock_vm", KCT_INFO, NULL, "Who a VM is.", info, KCT_NR_FIGURES},
	{"kvmclock_vm_vcpus", KCT_GAUGE, NULL, "vCPUs of a VM that were seen.", vcpus,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_updates", KCT_COUNTER, NULL, "Masterclock updates of a VM.", updates,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_unnecessary_updates", KCT_COUNTER, NULL,
	 "Of these, those for a vCPU's request that only took a new snapshot.", unnecessary,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_requests", KCT_COUNTER, NULL, "Requests for an update that were made.",
	 requests, KCT_FIGURE_REQUESTS},
	{"kvmclock_vm_requests_pending", KCT_GAUGE, NULL, "vCPUs with a request pending.", pending,
	 KCT_FIGURE_PENDING},
	{"kvmclock_vm_clock_settings", KCT_COUNTER, NULL, "How often its clock was set.", settings,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_pvti_updates", KCT_COUNTER, NULL, "PVTIs published to its vCPUs.", pvtis,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_clock_drift_seconds", KCT_GAUGE, "seconds",
	 "Jumps of its kvm-clock that nobody asked for, added up over its vCPUs; positive: "
	 "forward.",
	 drift, KCT_NR_FIGURES},
	{"kvmclock_vm_masterclock_active", KCT_GAUGE, NULL, "1 while its masterclock is on.",
	 active, KCT_NR_FIGURES},
	{"kvmclock_vm_masterclock_off", KCT_GAUGE, NULL, "Why its masterclock is off.", off,
	 KCT_NR_FIGURES},
	{"kvmclock_vm_snapshot_age_seconds", KCT_GAUGE, "seconds",
	 "How long ago the masterclock's snapshot was taken.", age, KCT_NR_FIGURES},
};

/* The most that a VM has: one of each family, and each reason for being off. */
#define SERIES (sizeof(families) / sizeof(families[0]) - 1 + KCT_NR_REASONS)

static void totals(struct kct_exposition *to, const struct vms *vms)
{
	kct_family(to, "kvmclock_vms", KCT_GAUGE, NULL, "VMs that there are.");
	kct_sample(to, NULL, vms->nr_vms);
	kct_family(to, "kvmclock_vcpus", KCT_GAUGE, NULL, "Their vCPUs.");
	kct_sample(to, NULL, vms->nr_vcpus);
	kct_family(to, "kvmclock_vms_left_out", KCT_GAUGE, NULL,
		   "VMs without series of their own, as there may be no more series.");
	kct_sample(to, NULL, vms->nr_vms - vms->count);
}

void kct_metrics_of_vms(struct kct_exposition *to, struct kct_metrics *metrics,
			const struct kct_metrics_of *of, kct_figures shown)
{
	struct vms vms = {.metrics = metrics, .of = of};
	struct kct_anchor now;

	kct_host_anchor(&now);
	vms.base_ns = now.base_ns;
	kct_model_each_vm(of->model, count_vm, &vms);
	vms.room = metrics->max_series / SERIES;
	if (vms.room > vms.nr_vms)
		vms.room = vms.nr_vms;
	vms.list = calloc(vms.room + 1, sizeof(*vms.list));
	if (vms.list)
		kct_model_each_vm(of->model, take_vm, &vms);
	totals(to, &vms);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *family = &families[i];

		if (family->figure != KCT_NR_FIGURES && !kct_figure_is_shown(shown, family->figure))
			continue;
		kct_family(to, family->name, family->type, family->unit, family->help);
		for (size_t j = 0; j < vms.count; j++)
			family->write(to, &vms.list[j]);
	}
	free(vms.list);
}

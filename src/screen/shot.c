// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/off.h"
#include "screen/shot.h"

void kct_shot_clear(struct kct_shot *shot)
{
	free(shot->vms);
	free(shot->vcpus);
	memset(shot, 0, sizeof(*shot));
}

/* ---- rows ---- */

struct taking {
	struct kct_shot *shot;
	const struct kct_shot_of *of;
	struct kct_shot_vm *vm; /* that is taken */
	const struct kct_watch_vm *watched;
	struct kct_row *vcpu; /* the next one's place */
};

static void take_vcpu(const struct kct_vcpu *vcpu, void *context)
{
	struct taking *t = context;
	const struct kct_watch_vcpu *watched = kct_watch_vcpu(t->watched, vcpu->id);
	struct kct_vcpu_counters c = kct_vcpu_since_zero(&vcpu->counters, watched);
	struct kct_row *row = t->vcpu++, *sum = &t->vm->row;

	row->vm = sum->vm;
	row->vcpu = vcpu->id;
	row->updates = row->by_cause[KCT_CAUSE_VCPU_REQUEST] = kct_vcpu_updates(&c);
	row->unnecessary = c.updates[KCT_EFFECT_RESNAPSHOT];
	row->requests = kct_requests(&c);
	row->pending = vcpu->pending;
	row->drift_ns = kct_drift_unasked(&c.drift);
	if (watched) {
		row->largest = watched->largest;
		row->last = watched->last;
		row->spark = watched->updates;
	}
	row->rate = kct_spark_rate(&row->spark, t->shot->since_ns, t->shot->now_ns);
	t->vm->nr_vcpus++;
	sum->requests += row->requests;
	sum->pending += row->pending;
	sum->drift_ns = (int64_t)((uint64_t)sum->drift_ns + (uint64_t)row->drift_ns);
}

/* Where the clock is off, its snapshot is none. */
static void take_age(struct taking *t)
{
	const struct kct_masterclock *clock;
	uint64_t then;

	if (!t->watched || t->vm->gone || t->vm->active != KCT_YES)
		return;
	clock = &t->watched->clock;
	then = kct_boot_of_base(t->of->clocks, clock->kernel_ns);
	if (!clock->kernel_ns || then > t->of->now_ns)
		return;
	t->vm->has_age = true;
	t->vm->age_ns = t->of->now_ns - then;
}

static void take_reasons(struct kct_shot_vm *to, const struct kct_vm *vm, const char *clocksource)
{
	struct kct_off off;

	if (vm->active != KCT_NO)
		return;
	to->reasons = kct_off_find(&off, vm, clocksource) ? 1U << KCT_REASON_UNKNOWN : off.reasons;
	kct_off_clear(&off);
}

static void count_counters(struct kct_row *row, const struct kct_vm_counters *c)
{
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		row->by_cause[cause] = kct_updates(c, cause, KCT_ANY);
	row->updates = kct_updates(c, KCT_ANY, KCT_ANY);
	row->unnecessary = kct_unnecessary(c);
}

static void add_to_sum(struct kct_shot_sum *sum, const struct kct_shot_vm *vm)
{
	sum->nr_vms += !vm->gone;
	sum->nr_gone += vm->gone;
	/* One whose vCPUs are still to come has nothing to be asked. */
	sum->nr_off += !vm->gone && vm->active == KCT_NO && vm->nr_vcpus;
	sum->nr_vcpus += vm->gone ? 0 : vm->nr_vcpus;
	sum->pending += vm->gone ? 0 : vm->row.pending;
	sum->updates += vm->row.updates;
	sum->unnecessary += vm->row.unnecessary;
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		sum->by_cause[cause] += vm->row.by_cause[cause];
}

static void take_vm(const struct kct_vm *vm, void *context)
{
	struct taking *t = context;
	struct kct_shot_vm *to = t->vm = &t->shot->vms[t->shot->nr_vms++];
	struct kct_vm_counters c;

	t->watched = kct_watch_vm(t->of->watch, vm->number);
	c = kct_since_zero(&vm->counters, t->watched);
	to->row.vm = vm->number;
	to->row.vcpu = KCT_NO_VCPU;
	count_counters(&to->row, &c);
	kct_vm_label(vm, to->name, sizeof(to->name));
	snprintf(to->uuid, sizeof(to->uuid), "%s", vm->name.uuid);
	to->pid = kct_vm_has_pid(vm) ? vm->info.pid : KCT_NO_NUMBER;
	to->gone = vm->gone;
	to->active = vm->active;
	take_reasons(to, vm, t->of->header->clocksource);
	take_age(t);
	if (t->watched) {
		to->row.largest = t->watched->largest;
		to->row.last = t->watched->last;
		to->row.spark = t->watched->updates;
	}
	to->row.rate = kct_spark_rate(&to->row.spark, t->shot->since_ns, t->shot->now_ns);
	to->vcpus = t->vcpu;
	kct_vm_each_vcpu(vm, take_vcpu, t);
	add_to_sum(&t->shot->sum, to);
}

/* ---- what is no VM's, or no VM's any more ---- */

static void add_others(struct kct_shot_sum *sum, const struct kct_vm_counters *c)
{
	struct kct_row row = {0};

	count_counters(&row, c);
	sum->updates += row.updates;
	sum->unnecessary += row.unnecessary;
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		sum->by_cause[cause] += row.by_cause[cause];
}

static void take_others(struct kct_shot *shot, const struct kct_shot_of *of)
{
	struct kct_vm_counters nobody = of->model->unattributed.vm, folded = of->model->folded.vm;

	nobody = kct_counters_less(&nobody, &of->watch->zero_nobody);
	folded = kct_counters_less(&folded, &of->watch->zero_folded);
	add_others(&shot->sum, &nobody);
	add_others(&shot->sum, &folded);
	shot->sum.nr_gone += of->model->folded.nr_vms;
	shot->sum.nobodys = kct_updates(&nobody, KCT_ANY, KCT_ANY) -
			    kct_updates(&nobody, KCT_CAUSE_VM_CREATE, KCT_ANY);
	shot->sum.rate = kct_spark_rate(&of->watch->updates, shot->since_ns, shot->now_ns);
}

int kct_shot_take(struct kct_shot *shot, const struct kct_shot_of *of)
{
	struct taking t = {.shot = shot, .of = of};

	memset(shot, 0, sizeof(*shot));
	shot->vms = calloc(of->model->nr_vms + 1, sizeof(*shot->vms));
	shot->vcpus = calloc(of->model->nr_vcpus + 1, sizeof(*shot->vcpus));
	if (!shot->vms || !shot->vcpus) {
		kct_shot_clear(shot);
		return -ENOMEM;
	}
	shot->now_ns = of->now_ns;
	shot->since_ns = of->watch->since_ns;
	shot->zero_ns = of->watch->zero_ns;
	shot->shown = kct_figures_shown(of->header);
	t.vcpu = shot->vcpus;
	kct_model_each_vm(of->model, take_vm, &t);
	take_others(shot, of);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* Events in, counters out. What is right was counted by hand from the events that each test makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"
#include "show/report.h"

/* ---- events ---- */

static struct kct_event head(uint32_t kind, uint32_t vm, uint32_t vcpu)
{
	return (struct kct_event){.ns = 1000, .vm = vm, .vcpu = vcpu, .tid = 42, .kind = kind};
}

static void take(struct kct_model *model, const union kct_any_event *event)
{
	assert_int_equal(kct_model_event(model, event, NULL), 0);
}

static void take_update(struct kct_model *model, uint32_t vm, uint32_t vcpu, int cause, int effect)
{
	union kct_any_event e = {.update = {.event = head(KCT_EVENT_UPDATE, vm, vcpu),
					    .before = {.active = KCT_NOT_KNOWN},
					    .after = {.active = KCT_YES},
					    .cause = (uint8_t)cause,
					    .effect = (uint8_t)effect}};

	take(model, &e);
}

static void take_request(struct kct_model *model, uint32_t vcpu, int origin, int derived)
{
	union kct_any_event e = {.request = {.event = head(KCT_EVENT_REQUEST, 1, vcpu),
					     .op = KCT_REQUEST_MADE,
					     .origin = (uint8_t)origin,
					     .derived = (uint8_t)derived}};

	take(model, &e);
}

static void take_clearing(struct kct_model *model, uint32_t vcpu)
{
	union kct_any_event e = {.request = {.event = head(KCT_EVENT_REQUEST, 1, vcpu),
					     .op = KCT_REQUEST_CLEARED,
					     .origin = KCT_ORIGIN_TSC_WRITE,
					     .derived = 1}};

	take(model, &e);
}

static void take_drift(struct kct_model *model, uint32_t vcpu, int64_t ns, int clock_set)
{
	union kct_any_event e = {.pvti = {.event = head(KCT_EVENT_PVTI, 1, vcpu),
					  .old_pvti = {1, 2, 3, 4, 0, 0},
					  .new_pvti = {2, 3, 3, 4, 0, 0},
					  .drift_ns = ns,
					  .has_old = 1,
					  .has_drift = 1,
					  .clock_set = (uint8_t)clock_set}};

	take(model, &e);
}

static void take_kind(struct kct_model *model, uint32_t kind, uint32_t vm, uint32_t vcpu)
{
	union kct_any_event e;

	memset(&e, 0, sizeof(e));
	e.event = head(kind, vm, vcpu);
	take(model, &e);
}

static union kct_any_event vm_event(uint32_t number, int created, uint32_t effect)
{
	return (union kct_any_event){.vm = {.event = head(KCT_EVENT_VM, number, KCT_NO_VCPU),
					    .masterclock = {.active = KCT_NO, .nr_vcpus = 3},
					    .pid = 100 + number,
					    .created = (uint32_t)created,
					    .create_effect = effect,
					    .comm = "vmm"}};
}

static const struct kct_vm *find(const struct kct_model *model, uint32_t number)
{
	const struct kct_vm *vm = kct_model_find_vm(model, number);

	assert_non_null(vm);
	assert_int_equal(vm->number, number);
	return vm;
}

struct sought {
	uint32_t id;
	const struct kct_vcpu *found;
};

static void seek(const struct kct_vcpu *vcpu, void *context)
{
	struct sought *sought = context;

	if (vcpu->id == sought->id)
		sought->found = vcpu;
}

static const struct kct_vcpu *find_vcpu(const struct kct_model *model, uint32_t vm, uint32_t id)
{
	struct sought sought = {.id = id};

	kct_vm_each_vcpu(find(model, vm), seek, &sought);
	assert_non_null(sought.found);
	return sought.found;
}

static int set_up(void **state)
{
	struct kct_model *model = malloc(sizeof(*model));

	kct_model_init(model);
	*state = model;
	return 0;
}

static int tear_down(void **state)
{
	struct kct_model *model = *state;

	kct_model_clear(model);
	assert_null(model->vms);
	assert_int_equal(model->nr_vms, 0);
	assert_int_equal(model->nr_vcpus, 0);
	free(model);
	return 0;
}

/* ---- updates ---- */

/* Each cause with each effect a different number of times: 1, 2, 3 and so on. */
static void test_every_update(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vm *vm;
	uint64_t all = 0, count = 0;

	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++) {
			count++;
			for (uint64_t i = 0; i < count; i++)
				take_update(model, 1, KCT_NO_VCPU, cause, effect);
		}
	vm = find(model, 1);
	count = 0;
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++) {
			assert_int_equal(vm->counters.updates[cause][effect], ++count);
			assert_int_equal(kct_updates(&vm->counters, cause, effect), count);
			all += count;
		}
	/* 7 causes, 6 effects: the numbers from 1 to 42, row by row */
	assert_int_equal(KCT_NR_CAUSES * KCT_NR_EFFECTS, 42);
	assert_int_equal(all, 903);
	assert_int_equal(kct_updates(&vm->counters, KCT_ANY, KCT_ANY), 903);
	assert_int_equal(model->events, 903);
	/* the first row: 1 to 6; the last: 37 to 42 */
	assert_int_equal(kct_updates(&vm->counters, KCT_CAUSE_UNKNOWN, KCT_ANY), 21);
	assert_int_equal(kct_updates(&vm->counters, KCT_CAUSE_HYPERV, KCT_ANY), 237);
	/* the first column: 1, 7, 13, 19, 25, 31, 37; the last: 6, 12, 18, 24, 30, 36, 42 */
	assert_int_equal(kct_updates(&vm->counters, KCT_ANY, KCT_EFFECT_UNKNOWN), 133);
	assert_int_equal(kct_updates(&vm->counters, KCT_ANY, KCT_EFFECT_INACTIVE), 168);
	/* row vcpu-request is the sixth, 31 to 36; resnapshot is its fourth */
	assert_int_equal(kct_unnecessary(&vm->counters), 34);
	assert_int_equal(vm->nr_vcpus, 0);
	assert_int_equal(kct_updates(&model->unattributed.vm, KCT_ANY, KCT_ANY), 0);
}

/* Only a new snapshot for a vCPU's request is unnecessary. */
static void test_unnecessary(void **state)
{
	struct kct_model *model = *state;

	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++) {
			bool is =
				cause == KCT_CAUSE_VCPU_REQUEST && effect == KCT_EFFECT_RESNAPSHOT;
			uint32_t number = (uint32_t)(1 + cause * KCT_NR_EFFECTS + effect);

			take_update(model, number, 0, cause, effect);
			assert_int_equal(kct_unnecessary(&find(model, number)->counters), is);
		}
}

/* A vCPU's updates are those for its request; a KVM_SET_CLOCK that it called is the VM's. */
static void test_updates_of_vcpus(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vcpu *vcpu;

	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_SUPPRESSED);
	take_update(model, 1, 0, KCT_CAUSE_SET_CLOCK_GUEST, KCT_EFFECT_RESNAPSHOT);
	take_update(model, 1, 7, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_DISABLED);
	take_update(model, 1, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	assert_int_equal(kct_updates(&find(model, 1)->counters, KCT_ANY, KCT_ANY), 6);
	assert_int_equal(kct_unnecessary(&find(model, 1)->counters), 2);
	assert_int_equal(find(model, 1)->nr_vcpus, 2);
	vcpu = find_vcpu(model, 1, 0);
	assert_int_equal(vcpu->counters.updates[KCT_EFFECT_RESNAPSHOT], 2);
	assert_int_equal(vcpu->counters.updates[KCT_EFFECT_SUPPRESSED], 1);
	assert_int_equal(kct_vcpu_updates(&vcpu->counters), 3);
	vcpu = find_vcpu(model, 1, 7);
	assert_int_equal(vcpu->counters.updates[KCT_EFFECT_DISABLED], 1);
	assert_int_equal(kct_vcpu_updates(&vcpu->counters), 1);
}

/* Numbers that no enum has count nothing, and touch nothing. */
static void test_impossible_numbers(void **state)
{
	struct kct_model *model = *state;

	take_update(model, 1, 0, KCT_NR_CAUSES, 0);
	take_update(model, 1, 0, 0, KCT_NR_EFFECTS);
	take_update(model, 1, 0, 255, 255);
	take_request(model, 0, KCT_NR_ORIGINS, 1);
	take_kind(model, KCT_NR_EVENTS, 1, 0);
	assert_int_equal(kct_updates(&find(model, 1)->counters, KCT_ANY, KCT_ANY), 0);
	assert_int_equal(kct_requests(&find_vcpu(model, 1, 0)->counters), 0);
	assert_int_equal(find_vcpu(model, 1, 0)->counters.requests_derived, 0);
}

/* ---- requests ---- */

static void test_requests(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vcpu_counters *c;

	/* Each origin twice as often as the one before, less one: 1, 3, 5, ...; 9 origins: 81. */
	for (int origin = 0; origin < KCT_NR_ORIGINS; origin++)
		for (int i = 0; i < 2 * origin + 1; i++)
			take_request(model, 3, origin, origin == KCT_ORIGIN_CLOCKSOURCE);
	take_clearing(model, 3);
	take_clearing(model, 3);
	c = &find_vcpu(model, 1, 3)->counters;
	for (int origin = 0; origin < KCT_NR_ORIGINS; origin++)
		assert_int_equal(c->requests[origin], 2 * origin + 1);
	assert_int_equal(KCT_NR_ORIGINS, 9);
	assert_int_equal(kct_requests(c), 81);
	/* clocksource is the sixth of them: 11; a cleared one is no request and not derived */
	assert_int_equal(c->requests_derived, 11);
	assert_int_equal(c->requests_cleared, 2);
}

static void test_pending(void **state)
{
	struct kct_model *model = *state;
	union kct_any_event e = {.vcpu = {.event = head(KCT_EVENT_VCPU, 1, 0), .pending = 1}};

	take(model, &e);
	assert_true(find_vcpu(model, 1, 0)->pending);
	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	assert_false(find_vcpu(model, 1, 0)->pending);
	take_request(model, 0, KCT_ORIGIN_TSC_WRITE, 0);
	assert_true(find_vcpu(model, 1, 0)->pending);
	take_clearing(model, 0);
	assert_false(find_vcpu(model, 1, 0)->pending);
	/* another vCPU's update serves another vCPU's request */
	take_request(model, 0, KCT_ORIGIN_TSC_WRITE, 0);
	take_update(model, 1, 1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	assert_true(find_vcpu(model, 1, 0)->pending);
	/* nor does the VM's own */
	take_update(model, 1, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	assert_true(find_vcpu(model, 1, 0)->pending);
}

/* ---- drift ---- */

static void check_drift(const struct kct_drift *drift, int64_t total, int64_t forward,
			int64_t backward, int64_t set_clock)
{
	assert_int_equal(drift->total, total);
	assert_int_equal(drift->max_forward, forward);
	assert_int_equal(drift->max_backward, backward);
	assert_int_equal(drift->set_clock, set_clock);
}

static void test_drift(void **state)
{
	struct kct_model *model = *state;
	struct kct_vcpu_counters sum;

	take_drift(model, 0, 4, 0);
	check_drift(&find_vcpu(model, 1, 0)->counters.drift, 4, 4, 0, 0);
	take_drift(model, 0, -400, 0);
	check_drift(&find_vcpu(model, 1, 0)->counters.drift, -396, 4, -400, 0);
	take_drift(model, 0, 3, 0);
	take_drift(model, 0, -399, 0);
	check_drift(&find_vcpu(model, 1, 0)->counters.drift, -792, 4, -400, 0);
	take_drift(model, 0, 1000000, 1);
	take_drift(model, 0, 0, 1);
	check_drift(&find_vcpu(model, 1, 0)->counters.drift, 999208, 4, -400, 1000000);
	take_drift(model, 1, -5000, 1);
	check_drift(&find_vcpu(model, 1, 1)->counters.drift, -5000, 0, 0, -5000);
	sum = kct_vm_vcpu_sum(find(model, 1));
	check_drift(&sum.drift, 994208, 4, -400, 995000);
	assert_int_equal(kct_drift_unasked(&sum.drift), -792);
	assert_int_equal(sum.pvti_updates, 7);
	assert_int_equal(sum.pvti_changed, 7);
}

/* A recording may hold any number: sums wrap, and nothing is undefined. */
static void test_drift_extremes(void **state)
{
	struct kct_model *model = *state;
	struct kct_vcpu_counters sum;

	take_drift(model, 0, INT64_MAX, 1);
	take_drift(model, 0, INT64_MAX, 1);
	check_drift(&find_vcpu(model, 1, 0)->counters.drift, -2, 0, 0, -2);
	take_drift(model, 1, INT64_MIN, 1);
	take_drift(model, 1, INT64_MIN, 0);
	check_drift(&find_vcpu(model, 1, 1)->counters.drift, 0, 0, INT64_MIN, INT64_MIN);
	take_drift(model, 2, INT64_MIN, 1);
	sum = kct_vm_vcpu_sum(find(model, 1));
	/* -2 + 0 + min, and -2 + min + min */
	check_drift(&sum.drift, INT64_MAX - 1, 0, INT64_MIN, -2);
	assert_int_equal(kct_drift_unasked(&sum.drift), INT64_MIN);
}

static void test_pvti_counts(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vcpu_counters *c;
	union kct_any_event e = {
		.pvti = {.event = head(KCT_EVENT_PVTI, 1, 0), .new_pvti = {10, 20, 30, 1, 1, 0}}};

	take(model, &e); /* the first one seen: a change */
	e.pvti.has_old = 1;
	e.pvti.has_drift = 1;
	e.pvti.old_pvti = e.pvti.new_pvti;
	take(model, &e); /* the same again: none */
	e.pvti.new_pvti.flags = 3;
	take(model, &e); /* other flags: a change */
	e.pvti.new_pvti.flags = 1;
	e.pvti.new_pvti.system_time++;
	e.pvti.drift_ns = 77; /* not claimed, so it must not count */
	e.pvti.has_drift = 0;
	e.pvti.rebased = 1;
	e.pvti.negative_delta = 1;
	take(model, &e); /* another line, rebased */
	c = &find_vcpu(model, 1, 0)->counters;
	assert_int_equal(c->pvti_updates, 4);
	assert_int_equal(c->pvti_changed, 3);
	assert_int_equal(c->pvti_rebased, 1);
	assert_int_equal(c->negative_deltas, 1);
	check_drift(&c->drift, 0, 0, 0, 0);
}

static void test_other_counts(void **state)
{
	struct kct_model *model = *state;

	take_kind(model, KCT_EVENT_TSC_WRITE, 1, 2);
	take_kind(model, KCT_EVENT_TSC_WRITE, 1, 2);
	take_kind(model, KCT_EVENT_TSC_TRACK, 1, 2);
	take_kind(model, KCT_EVENT_SET_CLOCK, 1, KCT_NO_VCPU);
	take_kind(model, KCT_EVENT_SET_CLOCK, 1, KCT_NO_VCPU);
	take_kind(model, KCT_EVENT_SET_CLOCK, 1, KCT_NO_VCPU);
	assert_int_equal(find_vcpu(model, 1, 2)->counters.tsc_writes, 2);
	assert_int_equal(find(model, 1)->counters.set_clocks, 3);
	assert_int_equal(find(model, 1)->nr_vcpus, 1);
	assert_int_equal(model->events, 6);
}

/* ---- VMs ---- */

static void test_introduction(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vm_name web = {.vmm = "qemu", .name = "web"}, other = {.name = "x"};
	union kct_any_event e = vm_event(5, 0, 0);

	/* known by number only */
	take_kind(model, KCT_EVENT_TSC_WRITE, 5, 0);
	assert_false(find(model, 5)->introduced);
	assert_int_equal(find(model, 5)->active, KCT_NOT_KNOWN);
	e.vm.masterclock.active = KCT_YES;
	assert_int_equal(kct_model_event(model, &e, &web), 0);
	assert_true(find(model, 5)->introduced);
	assert_string_equal(find(model, 5)->name.name, "web");
	assert_string_equal(find(model, 5)->name.vmm, "qemu");
	assert_int_equal(find(model, 5)->info.pid, 105);
	assert_int_equal(find(model, 5)->active, KCT_YES);
	/* what was counted before is kept */
	assert_int_equal(find_vcpu(model, 5, 0)->counters.tsc_writes, 1);
	/* a second time: ignored */
	e.vm.pid = 999;
	e.vm.masterclock.active = KCT_NO;
	e.vm.created = 1;
	assert_int_equal(kct_model_event(model, &e, &other), 0);
	assert_string_equal(find(model, 5)->name.name, "web");
	assert_int_equal(find(model, 5)->info.pid, 105);
	assert_int_equal(find(model, 5)->active, KCT_YES);
	assert_int_equal(kct_updates(&find(model, 5)->counters, KCT_ANY, KCT_ANY), 0);
	assert_int_equal(model->nr_vms, 1);
	/* one without a name */
	e = vm_event(6, 0, 0);
	take(model, &e);
	assert_string_equal(find(model, 6)->name.name, "");
	assert_null(kct_model_find_vm(model, 7));
}

static void test_masterclock_state(void **state)
{
	struct kct_model *model = *state;
	union kct_any_event e = {.update = {.event = head(KCT_EVENT_UPDATE, 1, KCT_NO_VCPU),
					    .before = {.active = KCT_YES},
					    .after = {.active = KCT_NO},
					    .cause = KCT_CAUSE_SET_CLOCK,
					    .effect = KCT_EFFECT_DISABLED}};

	take(model, &e);
	assert_int_equal(find(model, 1)->active, KCT_NO);
	take_update(model, 1, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_ENABLED);
	assert_int_equal(find(model, 1)->active, KCT_YES);
}

/* The update in KVM_CREATE_VM is nobody's until the VM is introduced. */
static void test_adoption(void **state)
{
	struct kct_model *model = *state;
	const struct kct_vm_counters *nobody = &model->unattributed.vm;
	union kct_any_event e;

	for (int i = 0; i < 3; i++)
		take_update(model, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_VM_CREATE,
			    KCT_EFFECT_INACTIVE);
	take_update(model, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_VM_CREATE, KCT_EFFECT_ENABLED);
	take_update(model, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_INACTIVE);
	assert_int_equal(kct_updates(nobody, KCT_CAUSE_VM_CREATE, KCT_ANY), 4);

	e = vm_event(1, 1, KCT_EFFECT_INACTIVE);
	take(model, &e);
	assert_int_equal(find(model, 1)->counters.updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_INACTIVE],
			 1);
	assert_int_equal(kct_updates(&find(model, 1)->counters, KCT_ANY, KCT_ANY), 1);
	assert_int_equal(nobody->updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_INACTIVE], 2);
	assert_int_equal(nobody->updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_ENABLED], 1);
	/* one that ran already when tracing began takes none over */
	e = vm_event(2, 0, KCT_EFFECT_INACTIVE);
	take(model, &e);
	assert_int_equal(kct_updates(&find(model, 2)->counters, KCT_ANY, KCT_ANY), 0);
	assert_int_equal(nobody->updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_INACTIVE], 2);
	/* one whose update was lost counts it all the same, and leaves no debt */
	e = vm_event(3, 1, KCT_EFFECT_SUPPRESSED);
	take(model, &e);
	assert_int_equal(
		find(model, 3)->counters.updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_SUPPRESSED], 1);
	assert_int_equal(nobody->updates[KCT_CAUSE_VM_CREATE][KCT_EFFECT_SUPPRESSED], 0);
	/* an effect that there is not */
	e = vm_event(4, 1, KCT_NR_EFFECTS);
	take(model, &e);
	assert_int_equal(kct_updates(&find(model, 4)->counters, KCT_ANY, KCT_ANY), 0);
	assert_int_equal(kct_updates(nobody, KCT_CAUSE_VM_CREATE, KCT_ANY), 3);
	assert_int_equal(kct_updates(nobody, KCT_ANY, KCT_ANY), 4);
}

static void test_unattributed(void **state)
{
	struct kct_model *model = *state;
	const struct kct_unattributed *nobody = &model->unattributed;

	take_update(model, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_UNKNOWN, KCT_EFFECT_UNKNOWN);
	take_update(model, KCT_NO_VM, 3, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	take_kind(model, KCT_EVENT_PVTI, KCT_NO_VM, KCT_NO_VCPU);
	take_kind(model, KCT_EVENT_PVTI, KCT_NO_VM, KCT_NO_VCPU);
	take_kind(model, KCT_EVENT_TSC_WRITE, KCT_NO_VM, KCT_NO_VCPU);
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++)
		if (kind != KCT_EVENT_UPDATE && kind != KCT_EVENT_PVTI &&
		    kind != KCT_EVENT_TSC_WRITE)
			take_kind(model, kind, KCT_NO_VM, KCT_NO_VCPU);
	assert_int_equal(model->nr_vms, 0);
	assert_int_equal(nobody->vm.updates[KCT_CAUSE_UNKNOWN][KCT_EFFECT_UNKNOWN], 1);
	assert_int_equal(nobody->vm.updates[KCT_CAUSE_VCPU_REQUEST][KCT_EFFECT_RESNAPSHOT], 1);
	assert_int_equal(nobody->vcpu.updates[KCT_EFFECT_RESNAPSHOT], 1);
	assert_int_equal(nobody->vcpu.pvti_updates, 2);
	assert_int_equal(nobody->vcpu.tsc_writes, 1);
	assert_int_equal(model->events, 5 + KCT_NR_EVENTS - 3);
}

static void test_gone(void **state)
{
	struct kct_model *model = *state;

	take_kind(model, KCT_EVENT_TSC_WRITE, 1, 0);
	assert_false(find(model, 1)->gone);
	take_kind(model, KCT_EVENT_VM_GONE, 1, KCT_NO_VCPU);
	assert_true(find(model, 1)->gone);
	assert_int_equal(find(model, 1)->nr_vcpus, 1);
	/* one that was never heard of */
	take_kind(model, KCT_EVENT_VM_GONE, 2, KCT_NO_VCPU);
	assert_true(find(model, 2)->gone);
	assert_false(find(model, 2)->introduced);
}

static void check_table(const struct kct_model *model, const char *line)
{
	const struct kct_header header = {.nr_hooks = 0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	kct_show_table(out, &header, model, false);
	fclose(out);
	assert_non_null(strstr(text, line));
	free(text);
}

/* Of VMs that are gone the oldest are added up; what the VMM asked for is no drift there either. */
static void test_folded(void **state)
{
	struct kct_model *model = *state;

	take_request(model, 0, KCT_ORIGIN_TSC_WRITE, 0);
	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	take_drift(model, 0, 40000000, 1);
	take_drift(model, 3, -5, 0);
	take_kind(model, KCT_EVENT_TSC_WRITE, 2, 0);
	take_kind(model, KCT_EVENT_VM_GONE, 1, KCT_NO_VCPU);
	take_kind(model, KCT_EVENT_VM_GONE, 2, KCT_NO_VCPU);
	kct_model_fold_gone(model, 5); /* two VMs with three vCPUs */
	assert_int_equal(model->folded.nr_vms, 0);
	kct_model_fold_gone(model, 4);
	assert_int_equal(model->folded.nr_vms, 1);
	assert_int_equal(model->folded.nr_vcpus, 2);
	assert_null(kct_model_find_vm(model, 1));
	assert_int_equal(find(model, 2)->nr_vcpus, 1);
	assert_int_equal(kct_requests(&model->folded.vcpu), 1);
	assert_int_equal(kct_unnecessary(&model->folded.vm), 1);
	check_drift(&model->folded.vcpu.drift, 39999995, 0, -5, 40000000);
	check_table(model, "1 more VMs, gone, with 2 vCPUs: ? requests, 1 updates (1 unnecessary), "
			   "2 PVTI updates, drift -5 ns\n");
	kct_model_fold_gone(model, 0);
	assert_int_equal(model->folded.nr_vms, 2);
	assert_int_equal(model->folded.vcpu.tsc_writes, 1);
	assert_int_equal(model->nr_vms, 0);
}

static void note_number(const struct kct_vm *vm, void *context)
{
	uint32_t **at = context;

	*(*at)++ = vm->number;
}

static void note_id(const struct kct_vcpu *vcpu, void *context)
{
	uint32_t **at = context;

	*(*at)++ = vcpu->id;
}

static void test_order(void **state)
{
	static const uint32_t numbers[] = {500, 3, 4294967295U, 1, 77, 4, 2};
	static const uint32_t sorted[] = {1, 2, 3, 4, 77, 500, 4294967295U};
	struct kct_model *model = *state;
	uint32_t seen[7], *at = seen;

	for (int i = 0; i < 7; i++) {
		take_kind(model, KCT_EVENT_VM_GONE, numbers[i], KCT_NO_VCPU);
		take_kind(model, KCT_EVENT_TSC_WRITE, 77, numbers[i] - 1);
	}
	assert_int_equal(model->nr_vms, 7);
	kct_model_each_vm(model, note_number, &at);
	assert_memory_equal(seen, sorted, sizeof(sorted));
	at = seen;
	kct_vm_each_vcpu(find(model, 77), note_id, &at);
	for (int i = 0; i < 7; i++)
		assert_int_equal(seen[i], sorted[i] - 1);
}

static void test_drop(void **state)
{
	struct kct_model *model = *state;

	for (uint32_t number = 1; number <= 5; number++)
		for (uint32_t id = 0; id < number; id++)
			take_kind(model, KCT_EVENT_TSC_WRITE, number, id);
	assert_int_equal(model->nr_vms, 5);
	assert_int_equal(model->nr_vcpus, 15);
	kct_model_drop_vm(model, 3);
	assert_null(kct_model_find_vm(model, 3));
	assert_int_equal(model->nr_vms, 4);
	assert_int_equal(model->nr_vcpus, 12);
	kct_model_drop_vm(model, 3);
	kct_model_drop_vm(model, 99);
	assert_int_equal(model->nr_vms, 4);
	/* the one looked up last must not be found where it was */
	take_kind(model, KCT_EVENT_TSC_WRITE, 5, 0);
	kct_model_drop_vm(model, 5);
	assert_int_equal(model->nr_vcpus, 7);
	take_kind(model, KCT_EVENT_TSC_WRITE, 5, 0);
	assert_int_equal(find(model, 5)->nr_vcpus, 1);
	assert_int_equal(find_vcpu(model, 5, 0)->counters.tsc_writes, 1);
	assert_int_equal(find_vcpu(model, 4, 3)->counters.tsc_writes, 1);
	assert_int_equal(model->nr_vcpus, 8);
}

/* ---- sums ---- */

static void test_sum_of_vcpus(void **state)
{
	struct kct_model *model = *state;
	union kct_any_event pvti = {.pvti = {.event = head(KCT_EVENT_PVTI, 1, 0),
					     .has_old = 1,
					     .rebased = 1,
					     .negative_delta = 1}};
	struct kct_vcpu_counters sum;

	take_request(model, 0, KCT_ORIGIN_TSC_WRITE, 0);
	take_request(model, 0, KCT_ORIGIN_TSC_WRITE, 1);
	take_request(model, 9, KCT_ORIGIN_XEN, 1);
	take_clearing(model, 9);
	take_update(model, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_ENABLED);
	take_update(model, 1, 9, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_ENABLED);
	take_update(model, 1, 4, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_INACTIVE);
	take_kind(model, KCT_EVENT_TSC_WRITE, 1, 4);
	take_kind(model, KCT_EVENT_TSC_WRITE, 1, 9);
	take_kind(model, KCT_EVENT_PVTI, 1, 9);
	take_kind(model, KCT_EVENT_TSC_WRITE, 2, 9); /* another VM's */
	pvti.pvti.event.vcpu = 9;
	take(model, &pvti);
	pvti.pvti.event.vcpu = 4;
	take(model, &pvti);
	sum = kct_vm_vcpu_sum(find(model, 1));
	assert_int_equal(sum.requests[KCT_ORIGIN_TSC_WRITE], 2);
	assert_int_equal(sum.requests[KCT_ORIGIN_XEN], 1);
	assert_int_equal(kct_requests(&sum), 3);
	assert_int_equal(sum.requests_derived, 2);
	assert_int_equal(sum.requests_cleared, 1);
	assert_int_equal(sum.updates[KCT_EFFECT_ENABLED], 2);
	assert_int_equal(sum.updates[KCT_EFFECT_INACTIVE], 1);
	assert_int_equal(kct_vcpu_updates(&sum), 3);
	assert_int_equal(sum.tsc_writes, 2);
	assert_int_equal(sum.pvti_updates, 3);
	assert_int_equal(sum.pvti_changed, 1);
	assert_int_equal(sum.pvti_rebased, 2);
	assert_int_equal(sum.negative_deltas, 2);
}

static void test_lost(void **state)
{
	struct kct_model *model = *state;

	char text[160];

	assert_int_equal(kct_lost(model), 0);
	assert_false(kct_losses_text(model->lost.losses, text, sizeof(text)));
	assert_string_equal(text, "");
	/* What had no room is no event. */
	model->lost.losses[KCT_LOSS_VMS_FULL] = 906;
	assert_true(kct_losses_text(model->lost.losses, text, sizeof(text)));
	assert_string_equal(text, "906 VMs had no room (--max-vms)");
	model->lost.losses[KCT_LOSS_VCPUS_FULL] = 16;
	assert_int_equal(kct_lost(model), 0);
	model->lost.losses[KCT_LOSS_RING_FULL] = 30;
	model->lost.losses[KCT_LOSS_MISSED] = 1;
	assert_int_equal(kct_lost(model), 31);
	assert_true(kct_losses_text(model->lost.losses, text, sizeof(text)));
	assert_string_equal(text, "31 events were lost, 906 VMs had no room (--max-vms), "
				  "16 vCPUs had no room (--max-vms)");
	/* more than can be counted is not none */
	model->lost.losses[KCT_LOSS_RING_FULL] = model->lost.losses[KCT_LOSS_MISSED] = 1ULL << 63;
	assert_int_equal(kct_lost(model), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_update),
		TEST(test_unnecessary),
		TEST(test_updates_of_vcpus),
		TEST(test_impossible_numbers),
		TEST(test_requests),
		TEST(test_pending),
		TEST(test_drift),
		TEST(test_drift_extremes),
		TEST(test_pvti_counts),
		TEST(test_other_counts),
		TEST(test_introduction),
		TEST(test_masterclock_state),
		TEST(test_adoption),
		TEST(test_unattributed),
		TEST(test_gone),
		TEST(test_folded),
		TEST(test_order),
		TEST(test_drop),
		TEST(test_sum_of_vcpus),
		TEST(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* VMs come and go without end: what is held of them does not grow, and none is forgotten. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/filter.h"
#include "model/model.h"

#define VMS	 1000000
#define EVERY	 100000
#define KEPT	 100 /* VMs and vCPUs */
#define OWN_PID	 7
#define VCPU_ID	 3
#define DRIFT_NS 5

/* Bytes that are allocated now; with a sanitizer, whose header gcc does not bring, it knows. */
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#define allocated() __sanitizer_get_current_allocated_bytes()
#else
#define allocated() mallinfo2().uordblks
#endif

static const struct kct_vm_name name = {.name = "guest"};

static union kct_any_event event_of(uint32_t kind, uint32_t vm, uint32_t vcpu)
{
	union kct_any_event e;

	memset(&e, 0, sizeof(e));
	e.event = (struct kct_event){.ns = 1000, .vm = vm, .vcpu = vcpu, .tid = 42, .kind = kind};
	return e;
}

/* Each VM has one vCPU, which takes one unnecessary snapshot and one jump. */
static void take_life(struct kct_model *model, struct kct_filter *filter, uint32_t vm, uint32_t pid)
{
	union kct_any_event life[] = {
		event_of(KCT_EVENT_VM, vm, KCT_NO_VCPU),
		event_of(KCT_EVENT_UPDATE, vm, VCPU_ID),
		event_of(KCT_EVENT_PVTI, vm, VCPU_ID),
		event_of(KCT_EVENT_VM_GONE, vm, KCT_NO_VCPU),
	};

	life[0].vm.pid = pid;
	life[1].update.cause = KCT_CAUSE_VCPU_REQUEST;
	life[1].update.effect = KCT_EFFECT_RESNAPSHOT;
	life[2].pvti.has_old = life[2].pvti.has_drift = 1;
	life[2].pvti.drift_ns = DRIFT_NS;
	for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++)
		if (kct_filter_event(filter, &life[i], &name))
			assert_int_equal(kct_model_event(model, &life[i], &name), 0);
	kct_model_fold_gone(model, KEPT);
}

static void check_totals(const struct kct_model *model, uint64_t vms)
{
	const struct kct_folded *folded = &model->folded;
	uint64_t gone = vms - model->nr_vms;

	assert_int_equal(model->nr_vms, KEPT / 2);
	assert_int_equal(model->nr_vcpus, KEPT / 2);
	assert_int_equal(folded->nr_vms, gone);
	assert_int_equal(folded->nr_vcpus, gone);
	assert_int_equal(kct_updates(&folded->vm, KCT_ANY, KCT_ANY), gone);
	assert_int_equal(kct_unnecessary(&folded->vm), gone);
	assert_int_equal(folded->vcpu.updates[KCT_EFFECT_RESNAPSHOT], gone);
	assert_int_equal(folded->vcpu.pvti_updates, gone);
	assert_int_equal(folded->vcpu.drift.total, gone * DRIFT_NS);
	assert_int_equal(folded->vcpu.drift.max_forward, DRIFT_NS);
}

static void check_flat(struct kct_filter *filter, uint32_t every_nth)
{
	struct kct_model model;
	size_t before = 0;

	kct_model_init(&model);
	for (uint32_t vm = 1; vm <= VMS; vm++) {
		take_life(&model, filter, vm, vm % every_nth ? OWN_PID + 1 : OWN_PID);
		if (vm == EVERY)
			before = allocated();
		if (vm % EVERY == 0)
			assert_int_equal(allocated(), before);
	}
	check_totals(&model, VMS / every_nth);
	/* The last ones are held, and the last one is. */
	assert_non_null(kct_model_find_vm(&model, VMS));
	assert_null(kct_model_find_vm(&model, VMS - KEPT / 2 * every_nth));
	kct_model_clear(&model);
	assert_int_equal(model.folded.nr_vms, 0);
}

static void test_all(void **state)
{
	struct kct_filter filter = {0};

	(void)state;
	check_flat(&filter, 1);
	kct_filter_clear(&filter);
}

static void test_some(void **state)
{
	struct kct_filter filter = {.pid = OWN_PID};

	(void)state;
	check_flat(&filter, 4);
	kct_filter_clear(&filter);
}

/* What a VM counts after its end, or twice its end, is counted once. */
static void test_odd_ends(void **state)
{
	union kct_any_event gone = event_of(KCT_EVENT_VM_GONE, 1, KCT_NO_VCPU);
	union kct_any_event pvti = event_of(KCT_EVENT_PVTI, 1, VCPU_ID);
	struct kct_model model;

	(void)state;
	kct_model_init(&model);
	kct_model_event(&model, &gone, NULL);
	kct_model_event(&model, &gone, NULL);
	kct_model_event(&model, &pvti, NULL);
	assert_int_equal(model.nr_gone, 2);
	kct_model_fold_gone(&model, 2);
	assert_int_equal(model.nr_vms, 1);
	kct_model_fold_gone(&model, 1);
	assert_int_equal(model.nr_vms + model.nr_vcpus + model.nr_gone, 0);
	assert_int_equal(model.folded.nr_vms, 1);
	assert_int_equal(model.folded.vcpu.pvti_updates, 1);
	/* One that is dropped is in no list any more. */
	kct_model_event(&model, &gone, NULL);
	kct_model_drop_vm(&model, 1);
	kct_model_fold_gone(&model, 0);
	assert_int_equal(model.folded.nr_vms, 1);
	kct_model_clear(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_some),
		cmocka_unit_test(test_odd_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

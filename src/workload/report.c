// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/report.h"
#include "workload/report_text.h"
#include "workload/step.h"

void wl_report_count(const struct wl_vm *vm, struct wl_counts *counts)
{
	const struct wl_vcpu *vcpu;

	wl_counts_add(counts, &vm->counts);
	kct_for_each_vcpu (vcpu, vm)
		wl_counts_add(counts, &vcpu->counts);
}

static json_t *ioctls_json(const struct wl_counts *counts)
{
	json_t *json = wl_need(json_object());

	for (int i = 0; i < WL_IOCTLS; i++) {
		if (counts->calls[i])
			wl_set_u64(json, wl_ioctl_name(i), counts->calls[i]);
	}
	return json;
}

/*
 * Only what the ioctls' documented rules make certain on every kernel: how often vCPUs update the
 * masterclock in KVM_RUN depends on the kernel, and is what is to be found out.
 */
static json_t *expect_json(const json_t *ioctls, const char *role)
{
	json_t *json = wl_need(json_object());
	json_t *made = json_object_get(ioctls, wl_ioctl_name(WL_CREATE_VM));
	json_t *set = json_object_get(ioctls, wl_ioctl_name(WL_SET_CLOCK));
	json_t *guest = json_object_get(ioctls, wl_ioctl_name(WL_SET_CLOCK_GUEST));

	wl_set_u64(json, "vm_create_updates", (uint64_t)json_integer_value(made));
	wl_set_u64(json, "set_clock_updates",
		   (uint64_t)(json_integer_value(set) + json_integer_value(guest)));
	if (!strcmp(role, "steady"))
		wl_set_u64(json, "quiet_updates", 0);
	return json;
}

json_t *wl_report_summary(const char *role, unsigned int job, uint64_t vms, unsigned int vcpus,
			  const struct wl_counts *counts)
{
	json_t *json = wl_need(json_object());
	json_t *ioctls = ioctls_json(counts);

	wl_set_text(json, "role", role);
	wl_set_u64(json, "job", job);
	wl_set_u64(json, "count", vms);
	wl_set_u64(json, "vcpus", vcpus);
	wl_set(json, "ioctls", ioctls);
	wl_set(json, "expect", expect_json(ioctls, role));
	return json;
}

static json_t *vcpu_json(const struct wl_vcpu *vcpu)
{
	json_t *json = wl_need(json_object());

	wl_set_u64(json, "vcpu", vcpu->id);
	wl_set_u64(json, "fd", (uint64_t)vcpu->fd);
	wl_set_u64(json, "tid", (uint64_t)vcpu->tid);
	wl_set_u64(json, "pvti_address", wl_guest_pvti_address(vcpu->id));
	wl_set(json, "clock_on", json_boolean(vcpu->clock_on));
	wl_set(json, "ioctls", ioctls_json(&vcpu->counts));
	return json;
}

static json_t *vm_json(const struct wl_vm *vm)
{
	json_t *json = wl_need(json_object());
	json_t *vcpus = wl_need(json_array());
	struct wl_counts counts = {0};
	const struct wl_vcpu *vcpu;
	json_t *ioctls;

	wl_report_count(vm, &counts);
	ioctls = ioctls_json(&counts);
	kct_for_each_vcpu (vcpu, vm)
		wl_append(vcpus, vcpu_json(vcpu));
	wl_set_text(json, "role", vm->role);
	wl_set_u64(json, "vm", vm->number);
	wl_set_u64(json, "count", 1);
	wl_set_u64(json, "fd", (uint64_t)vm->fd);
	wl_set_u64(json, "tid", (uint64_t)vm->controller);
	wl_set_u64(json, "vcpus", vm->nr_vcpus);
	wl_set(json, "ioctls", ioctls);
	wl_set(json, "expect", expect_json(ioctls, vm->role));
	wl_set(json, "vcpu_list", vcpus);
	wl_set(json, "steps", json_incref(vm->steps));
	return json;
}

static json_t *options_json(const struct kct_workload *workload)
{
	json_t *json = wl_need(json_object());

	for (unsigned int i = 0; i < KCT_WORKLOAD_OPTIONS; i++) {
		const struct kct_workload_option_info *info = &kct_workload_option_info[i];
		uint64_t value = workload->values[i];
		char name[32];

		if (!(workload->scenario->accepts & (1U << i)))
			continue;
		snprintf(name, sizeof(name), "%s%s", info->name,
			 info->kind == KCT_WORKLOAD_IS_DURATION ? "_ns" : "");
		for (char *dash = strchr(name, '-'); dash; dash = strchr(dash, '-'))
			*dash = '_';
		if (info->kind == KCT_WORKLOAD_IS_FLAG)
			wl_set(json, name, json_boolean(value));
		else
			wl_set_u64(json, name, value);
	}
	return json;
}

/* The jobs' threads, and those of the vCPUs that have one. */
static json_t *threads_json(const struct wl *wl)
{
	json_t *threads = wl_need(json_copy(wl->threads));

	for (unsigned int i = 0; i < wl->nr_vms; i++) {
		const struct wl_vcpu *vcpu;

		kct_for_each_vcpu (vcpu, wl->vms[i]) {
			json_t *json;

			if (!vcpu->threaded)
				continue;
			json = wl_need(json_object());
			wl_set_u64(json, "tid", (uint64_t)vcpu->tid);
			wl_set_text(json, "role", "vcpu");
			wl_set_u64(json, "vm", i);
			wl_set_u64(json, "vcpu", vcpu->id);
			wl_append(threads, json);
		}
	}
	return threads;
}

/* Add up a number that may be missing in some of the objects. */
static void add_up(json_t *sums, json_t *numbers)
{
	const char *key;
	json_t *value;

	json_object_foreach (numbers, key, value) {
		json_int_t sum = json_integer_value(json_object_get(sums, key));

		wl_set_u64(sums, key, (uint64_t)(sum + json_integer_value(value)));
	}
}

json_t *wl_report(struct wl *wl)
{
	json_t *report = wl_need(json_object());
	json_t *ioctls = wl_need(json_object());
	json_t *expect = wl_need(json_object());
	json_t *vms = wl_need(json_copy(wl->summaries));
	size_t i;
	json_t *vm;

	for (unsigned int n = 0; n < wl->nr_vms; n++)
		wl_append(vms, vm_json(wl->vms[n]));
	json_array_foreach (vms, i, vm) {
		add_up(ioctls, json_object_get(vm, "ioctls"));
		add_up(expect, json_object_get(vm, "expect"));
	}
	wl_set_text(report, "scenario", wl->workload->scenario->name);
	wl_set_u64(report, "pid", (uint64_t)getpid());
	wl_set(report, "threads", threads_json(wl));
	wl_set(report, "options", options_json(wl->workload));
	if (wl->result)
		wl_set(report, "result", json_incref(wl->result));
	wl_set(report, "ioctls", ioctls);
	wl_set(report, "expect", expect);
	wl_set(report, "vms", vms);
	return report;
}

int wl_report_print(const json_t *report, bool as_json)
{
	int failed = 0;

	if (as_json) {
		failed = json_dumpf(report, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		wl_report_text(report);
	}
	/* main() says so. */
	return failed || fflush(stdout) || ferror(stdout) ? KCT_EXIT_INCOMPLETE : 0;
}

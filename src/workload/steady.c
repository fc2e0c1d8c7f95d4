// SPDX-License-Identifier: GPL-2.0
/* A VM that just runs, idle guests that wake up a hundred times a second: nothing may happen. */
#include <poll.h>

#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

#define NS_PER_MS 1000000ULL

/* The quiet time, cut short by a signal. */
static int be_quiet(struct wl_vm *vm, void *context)
{
	const struct wl *wl = context;
	json_t *step = wl_step_begin(vm->steps, "quiet");
	uint64_t end = wl_now() + WL_OPTION(wl, DURATION);
	struct pollfd stop = {.fd = wl->stop_fd, .events = POLLIN};

	for (uint64_t now = wl_now(); now < end; now = wl_now()) {
		uint64_t ms = (end - now + NS_PER_MS - 1) / NS_PER_MS;

		if (poll(&stop, 1, (int)ms) > 0)
			break;
	}
	wl_step_end(step);
	return 0;
}

static int steady(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	int status;

	(void)context;
	if (WL_OPTION(wl, OLD_MSR))
		vm->clock_msr = WL_MSR_SYSTEM_TIME_OLD;
	status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_IDLE, true);
	return status ? status : wl_phase_run(vm, be_quiet, wl);
}

int wl_steady(struct wl *wl)
{
	static const char *const roles[] = {"steady"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, steady, NULL);
}

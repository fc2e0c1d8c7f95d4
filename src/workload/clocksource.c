// SPDX-License-Identifier: GPL-2.0
/*
 * The host's clocksource is taken away from under VMs that run, and given back: KVM then turns all
 * masterclocks of the host off. It needs root, and to be told explicitly to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/guard.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

#define FOLDER	  "/sys/devices/system/clocksource/clocksource0/"
#define CURRENT	  FOLDER "current_clocksource"
#define AVAILABLE FOLDER "available_clocksource"

struct change {
	struct wl_guard guard;
	char other[32];
};

/* One that the masterclock cannot go by. */
static int find_other(char *other, size_t size)
{
	char line[256] = "", *rest = line, *name;
	int fd = open(AVAILABLE, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return wl_fail(KCT_EXIT_HOST, AVAILABLE ": %s", strerror(errno));
	length = read(fd, line, sizeof(line) - 1);
	close(fd);
	while (length > 0 && (name = strsep(&rest, " \n"))) {
		if (!*name || !strcmp(name, "tsc") || strlen(name) >= size)
			continue;
		strcpy(other, name);
		return 0;
	}
	return wl_fail(KCT_EXIT_HOST, "this host has no other clocksource than the TSC");
}

static int change_to(struct wl_vm *vm, struct change *change, const char *name)
{
	json_t *step = wl_step_begin(vm->steps, "change-clocksource");
	int error = wl_guard_write(&change->guard, name);

	wl_step_end(step);
	wl_set_text(step, "clocksource", name);
	return error ? wl_fail(KCT_EXIT_HOST, CURRENT ": %s", strerror(-error)) : 0;
}

/*
 * KVM hears of it at the next tick, and asks the vCPUs in a work item: the load is what makes them
 * serve that soon.
 */
static int change_and_back(struct wl_vm *vm, void *context)
{
	struct change *change = context;
	int status = change_to(vm, change, change->other);

	status = status ? status : wl_phase_settle(vm);
	wl_phase_pass(vm, "other-clocksource", 100000000);
	status = status ? status : change_to(vm, change, change->guard.before);
	return status ? status : wl_phase_settle(vm);
}

static int run(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);

	return status ? status : wl_phase_run(vm, change_and_back, context);
}

static int change_clocksource(struct wl *wl, struct change *change)
{
	static const char *const roles[] = {"clocksource"};
	int status = find_other(change->other, sizeof(change->other));

	if (!status && strcmp(change->guard.before, "tsc"))
		status = wl_fail(KCT_EXIT_HOST, "the host's clocksource is %s, not the TSC",
				 change->guard.before);
	if (status)
		return status;
	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, run, change);
}

int wl_clocksource(struct wl *wl)
{
	struct change change;
	int status, error;

	if (!WL_OPTION(wl, CHANGE_CLOCKSOURCE))
		return wl_fail(KCT_EXIT_USAGE, "clocksource: this changes the host's clocksource "
					       "for a moment, for all its VMs; "
					       "--change-clocksource allows it");
	error = wl_guard_begin(&change.guard, CURRENT);
	if (error)
		return wl_fail(KCT_EXIT_HOST, CURRENT ": %s", strerror(-error));
	status = change_clocksource(wl, &change);
	error = wl_guard_end(&change.guard);
	if (!error)
		return status;
	/* Whatever has been said before. */
	kct_error(CURRENT ": %s could not be put back: %s", change.guard.before, strerror(-error));
	return KCT_EXIT_FAILED;
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/json.h"
#include "workload/step.h"

#define WAKEUP_NS 200000ULL /* about what a sleep may oversleep on a busy host */

void *wl_need(void *p)
{
	if (!p) {
		kct_error("out of memory");
		exit(KCT_EXIT_FAILED);
	}
	return p;
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * KCT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t wl_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void wl_pass(uint64_t ns)
{
	uint64_t begin = read_clock(CLOCK_MONOTONIC);

	if (ns > WAKEUP_NS) {
		uint64_t until = begin + ns - WAKEUP_NS;
		struct timespec ts = {(time_t)(until / KCT_NS_PER_S), (long)(until % KCT_NS_PER_S)};

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
			;
	}
	while (read_clock(CLOCK_MONOTONIC) - begin < ns)
		;
}

void wl_set(json_t *object, const char *key, json_t *value)
{
	wl_need(value);
	wl_need(json_object_set_new(object, key, value) ? NULL : object);
}

void wl_append(json_t *array, json_t *value)
{
	wl_need(value);
	wl_need(json_array_append_new(array, value) ? NULL : array);
}

void wl_set_u64(json_t *object, const char *key, uint64_t value)
{
	wl_set(object, key, kct_json_u64(value));
}

void wl_set_text(json_t *object, const char *key, const char *value)
{
	wl_set(object, key, json_string(value));
}

json_t *wl_step_begin(json_t *steps, const char *name)
{
	json_t *step = wl_need(json_object());

	wl_set_text(step, "step", name);
	wl_append(steps, step);
	wl_set_u64(step, "begin_ns", wl_now());
	return step;
}

void wl_step_end(json_t *step)
{
	wl_set_u64(step, "end_ns", wl_now());
}

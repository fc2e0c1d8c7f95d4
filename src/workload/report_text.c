// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "workload/report_text.h"

#define NS_PER_MS 1e6

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* A number that wl_set_u64() wrote, of either kind. */
static void print_u64(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		printf("  %s %s", key, json_string_value(value));
	else
		printf("  %s %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
}

static void print_ioctls(json_t *ioctls)
{
	const char *separator = "  ";
	const char *key;
	json_t *value;

	json_object_foreach (ioctls, key, value) {
		printf("%s%s %" JSON_INTEGER_FORMAT, separator, key, json_integer_value(value));
		separator = ", ";
	}
	putchar('\n');
}

/* Of the many PVTIs of a run only the final ones; all of them where there are no others. */
static void print_pvtis(const json_t *pvtis)
{
	const json_t *pvti;
	size_t i;

	json_array_foreach (pvtis, i, pvti) {
		if (json_is_false(json_object_get(pvti, "final")))
			continue;
		printf("    vCPU %" JSON_INTEGER_FORMAT ":", number(pvti, "vcpu"));
		print_u64(pvti, "version");
		print_u64(pvti, "tsc_timestamp");
		print_u64(pvti, "system_time");
		print_u64(pvti, "tsc_to_system_mul");
		printf("  tsc_shift %" JSON_INTEGER_FORMAT, number(pvti, "tsc_shift"));
		print_u64(pvti, "flags");
		putchar('\n');
	}
}

static void print_step(const json_t *step)
{
	json_int_t ns = number(step, "end_ns") - number(step, "begin_ns");

	printf("  %-14s %12.3f ms\n", text(step, "step"), (double)ns / NS_PER_MS);
	print_pvtis(json_object_get(step, "pvti"));
}

static void print_vm(const json_t *vm)
{
	const json_t *step;
	size_t i;

	printf("%s: %" JSON_INTEGER_FORMAT " VM, vCPUs: %" JSON_INTEGER_FORMAT "\n",
	       text(vm, "role"), number(vm, "count"), number(vm, "vcpus"));
	print_ioctls(json_object_get(vm, "ioctls"));
	json_array_foreach (json_object_get(vm, "steps"), i, step)
		print_step(step);
}

void wl_report_text(const json_t *report)
{
	const json_t *result = json_object_get(report, "result");
	const json_t *vm;
	size_t i;

	printf("%s (pid %" JSON_INTEGER_FORMAT ")\n", text(report, "scenario"),
	       number(report, "pid"));
	json_array_foreach (json_object_get(report, "vms"), i, vm)
		print_vm(vm);
	if (result)
		printf("%" JSON_INTEGER_FORMAT " in %.3f ms: %.0f per second\n",
		       number(result, "count"), (double)number(result, "elapsed_ns") / NS_PER_MS,
		       json_real_value(json_object_get(result, "per_second")));
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf/debuginfo.h"
#include "attach/plan.h"
#include "attach/refused.h"
#include "attach/try.h"
#include "base/error.h"
#include "host/host.h"

_Static_assert(KCT_MAX_EVIDENCE <= KCT_MAX_HOOKS, "a header has room for every row");

/* Is this place one that can be probed, and the vCPU found there? */
static bool is_usable(const struct kct_inlined_site *site)
{
	return site->req_known && !site->is_symbol && site->vcpu_where != KCT_WHERE_UNKNOWN &&
	       site->vcpu_reg >= 0 && site->vcpu_reg < 16;
}

static int try_inlined(struct kct_plan *plan, const struct kct_tries *tries,
		       struct kct_attempt *attempt)
{
	int error = 0;
	size_t usable = 0;

	for (size_t i = 0; i < plan->nr_sites; i++)
		usable += is_usable(&plan->sites[i]);
	if (!plan->nr_sites) {
		if (!*attempt->why)
			snprintf(attempt->why, sizeof(attempt->why),
				 "debug information was not asked for (--debuginfo)");
		return -ENOENT;
	}
	if (usable < plan->nr_sites) {
		snprintf(attempt->why, sizeof(attempt->why),
			 "at %zu of %zu places the vCPU cannot be found", plan->nr_sites - usable,
			 plan->nr_sites);
		return -ENODATA;
	}
	for (size_t i = 0; !error && i < plan->nr_sites; i++)
		error = kct_try_place(tries, plan->sites[i].function, plan->sites[i].offset,
				      attempt->why, sizeof(attempt->why));
	return error;
}

/* Of several targets, the first that can be hooked; else the one that is at least there. */
static int try_targets(struct kct_tries *tries, const struct kct_way *way,
		       struct kct_attempt *attempt)
{
	struct kct_attempt one = {0};

	attempt->error = -ENOENT;
	for (int i = 0; i < KCT_MAX_TARGETS && way->targets[i]; i++) {
		one.target = way->targets[i];
		one.error = kct_try(tries, way->method, one.target, one.why, sizeof(one.why));
		if (i == 0 || !one.error || attempt->error == -ENOENT || attempt->error == -ESRCH)
			*attempt = one;
		if (!one.error)
			break;
	}
	attempt->tried = true;
	return attempt->error;
}

static int try_way(struct kct_plan *plan, struct kct_tries *tries, const struct kct_way *way,
		   struct kct_attempt *attempt)
{
	if (way->method == KCT_DERIVED)
		return 0;
	if (way->method == KCT_INLINED)
		return try_inlined(plan, tries, attempt);
	if (try_targets(tries, way, attempt) || !way->unless_preempted ||
	    !kct_try_preemption(tries))
		return attempt->error;
	snprintf(attempt->why, sizeof(attempt->why),
		 "the kernel may preempt its program here, and skips it for what comes meanwhile");
	return -EBUSY;
}

/* An iterator is not a choice: there is no other way to see what runs already. */
static bool may_use(const struct kct_plan_options *options, enum kct_method method)
{
	if (method == KCT_SYSCALL)
		return options->ioctls;
	/* A trace event is a tracepoint's. */
	if (method == KCT_TRACE_EVENT)
		method = KCT_TRACEPOINT;
	return options->method < 0 || (int)method == options->method || method == KCT_ITERATOR ||
	       method == KCT_DERIVED || method == KCT_INLINED;
}

static void explain_unwanted(struct kct_attempt *attempt, const struct kct_plan_options *options,
			     enum kct_method method)
{
	if (method == KCT_SYSCALL)
		snprintf(attempt->why, sizeof(attempt->why),
			 "system calls are only hooked on request (record --ioctls)");
	else
		snprintf(attempt->why, sizeof(attempt->why), "only %s was asked for",
			 kct_method_names[options->method]);
}

static void plan_row(struct kct_plan *plan, struct kct_plan_row *row, struct kct_tries *tries,
		     const struct kct_plan_options *options, bool all)
{
	row->chosen = -1;
	for (size_t i = 0; i < row->evidence->nr_ways; i++) {
		const struct kct_way *way = &row->evidence->ways[i];
		struct kct_attempt *attempt = &row->attempts[i];

		if (row->chosen >= 0 && !all)
			break;
		attempt->tried = true;
		attempt->target = way->targets[0];
		if (way->host_only && !kct_host_is_pid_namespace()) {
			attempt->error = -EXDEV;
			snprintf(attempt->why, sizeof(attempt->why),
				 "this is a PID namespace of its own");
			continue;
		}
		if (!may_use(options, way->method)) {
			attempt->error = -ECANCELED;
			explain_unwanted(attempt, options, way->method);
			continue;
		}
		attempt->error = try_way(plan, tries, way, attempt);
		if (!attempt->error && row->chosen < 0)
			row->chosen = (int)i;
	}
}

/* Other offsets would probe other instructions. */
static int check_debuginfo(const char *path)
{
	switch (kct_debuginfo_check(path)) {
	case -ESTALE:
		kct_error("%s: of another build than the running kernel (by build ID)", path);
		return KCT_EXIT_USAGE;
	case -ENODATA:
		kct_error("%s: whether it is of the running kernel cannot be told: no build ID",
			  path);
		return KCT_EXIT_USAGE;
	default: /* what else is wrong, whoever reads it will tell */
		return 0;
	}
}

static int read_sites(struct kct_plan *plan, const char *debuginfo)
{
	char path[512], why[160] = "it was found nowhere";
	int error;

	if (!debuginfo)
		return 0;
	if (*debuginfo) {
		snprintf(path, sizeof(path), "%s", debuginfo);
		error = check_debuginfo(path);
		if (error)
			return error;
	} else if ((error = kct_debuginfo_path(path, sizeof(path))) != 0) {
		kct_error("no debug information of this kernel's KVM: %s",
			  error == -ESTALE ? "what there is belongs to another build" : why);
		return KCT_EXIT_HOST;
	}
	error = kct_inlined_find(path, &plan->sites, &plan->nr_sites, why, sizeof(why));
	if (!error && plan->nr_sites)
		return 0;
	kct_error("%s: %s", path, *why ? why : strerror(-error));
	return *debuginfo ? KCT_EXIT_USAGE : KCT_EXIT_HOST;
}

/* A way that is only short of something is not refused: the next one would be worse. */
static int find_shortage(const struct kct_plan *plan)
{
	for (size_t i = 0; i < plan->nr_rows; i++) {
		for (size_t k = 0; k < plan->rows[i].evidence->nr_ways; k++) {
			int error = -plan->rows[i].attempts[k].error;

			if (kct_is_shortage(error))
				return kct_explain_refusal(error);
		}
	}
	return 0;
}

int kct_plan_make(struct kct_plan *plan, const struct kct_kernel_btf *kernel,
		  const struct kct_plan_options *options, bool all)
{
	struct kct_tries tries;
	int error = kct_check_descriptors();

	memset(plan, 0, sizeof(*plan));
	if (!error && kct_is_shortage(-kernel->error))
		error = kct_explain_refusal(-kernel->error);
	if (!error)
		error = read_sites(plan, options->debuginfo);
	if (error)
		return error;
	kct_tries_begin(&tries, kernel, all || options->method >= 0);
	plan->nr_rows = kct_nr_evidence;
	for (size_t i = 0; i < plan->nr_rows; i++) {
		plan->rows[i].evidence = &kct_evidence[i];
		plan_row(plan, &plan->rows[i], &tries, options, all);
	}
	kct_tries_end(&tries);
	return find_shortage(plan);
}

void kct_plan_clear(struct kct_plan *plan)
{
	free(plan->sites);
	memset(plan, 0, sizeof(*plan));
}

static const struct kct_way *way_of(const struct kct_plan_row *row)
{
	return row->chosen < 0 ? NULL : &row->evidence->ways[row->chosen];
}

const struct kct_way *kct_plan_way(const struct kct_plan *plan, const char *evidence)
{
	for (size_t i = 0; i < plan->nr_rows; i++)
		if (!strcmp(plan->rows[i].evidence->name, evidence))
			return way_of(&plan->rows[i]);
	return NULL;
}

const char *kct_plan_target(const struct kct_plan *plan, const char *evidence,
			    enum kct_method method)
{
	for (size_t i = 0; i < plan->nr_rows; i++) {
		const struct kct_plan_row *row = &plan->rows[i];
		const struct kct_way *way = way_of(row);

		if (!strcmp(row->evidence->name, evidence))
			return way && way->method == method ? row->attempts[row->chosen].target
							    : NULL;
	}
	return NULL;
}

const struct kct_plan_row *kct_plan_missing(const struct kct_plan *plan)
{
	for (size_t i = 0; i < plan->nr_rows; i++)
		if (plan->rows[i].evidence->vital && plan->rows[i].chosen < 0)
			return &plan->rows[i];
	return NULL;
}

bool kct_plan_is_whole(const struct kct_plan *plan)
{
	for (size_t i = 0; i < plan->nr_rows; i++) {
		const struct kct_way *way = way_of(&plan->rows[i]);

		if (!way || way->method == KCT_DERIVED || way->cannot)
			return false;
	}
	return true;
}

static void write_note(char *note, size_t size, const struct kct_way *way, const char *why)
{
	const char *cannot = way->cannot ? way->cannot : "";

	snprintf(note, size, "%s%s%s%s",
		 *cannot && way->method != KCT_DERIVED ? "does not show " : "", cannot,
		 *cannot && *why ? "; " : "", why);
}

void kct_plan_hooks(const struct kct_plan *plan, struct kct_header *header)
{
	header->nr_hooks = (uint32_t)plan->nr_rows;
	for (size_t i = 0; i < plan->nr_rows; i++) {
		const struct kct_plan_row *row = &plan->rows[i];
		const struct kct_way *way = way_of(row);
		struct kct_hook *hook = &header->hooks[i];
		const char *target = way ? row->attempts[row->chosen].target : NULL;

		snprintf(hook->evidence, sizeof(hook->evidence), "%s", row->evidence->name);
		snprintf(hook->way, sizeof(hook->way), "%s",
			 way ? kct_method_names[way->method] : "none");
		snprintf(hook->target, sizeof(hook->target), "%s", target ? target : "");
		if (way)
			write_note(hook->note, sizeof(hook->note), way,
				   row->attempts[row->chosen].why);
	}
}

int kct_origin_of_caller(const char *function)
{
	static const struct {
		const char *function;
		enum kct_origin origin;
	} callers[] = {
		{"kvm_write_system_time", KCT_ORIGIN_SYSTEM_TIME},
		{"pvclock_gtod_update_fn", KCT_ORIGIN_CLOCKSOURCE},
		{"kvm_arch_enable_virtualization_cpu", KCT_ORIGIN_RESUME},
		{"kvm_arch_hardware_enable", KCT_ORIGIN_RESUME},
		{"kvm_hv_set_msr_pw", KCT_ORIGIN_HYPERV},
		{"kvm_xen_shared_info_init", KCT_ORIGIN_XEN},
	};

	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		if (!strcmp(callers[i].function, function))
			return callers[i].origin;
	/* kvm_track_tsc_matching(): a new vCPU or a TSC write, the ioctl in progress tells. */
	return KCT_ORIGIN_UNKNOWN;
}

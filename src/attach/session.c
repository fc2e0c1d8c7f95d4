// SPDX-License-Identifier: GPL-2.0
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/census.h"
#include "attach/inside.h"
#include "attach/refused.h"
#include "attach/symbols.h"
#include "attach/try.h"
#include "host/host.h"
#include "base/error.h"
#include "model/stacks.h"
#include "record/fields.h"

/* So many VMs and vCPUs that found no room are counted exactly; more are not told from these. */
#define ROOM_FOR_REFUSED 16384

/* libbpf tells every failed attempt at length; what matters of it we say ourselves. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_DEBUG && getenv("KVMCLOCK_TRACE_DEBUG"))
		return vfprintf(stderr, format, args);
	return 0;
}

int kct_check_kernel(void)
{
	if (!kct_kernel_is_too_old())
		return 0;
	kct_error("this kernel lacks bpf_task_pt_regs(): tracing needs Linux 5.15 or later");
	return KCT_EXIT_HOST;
}

/* The function by whose hook the event may have been noticed; NULL if it was another way. */
static const char *hooked_by(const struct kct_session *session, const union kct_any_event *event)
{
	static const char *const evidence[KCT_NR_ORIGINS] = {
		[KCT_ORIGIN_SYSTEM_TIME] = "request-system-time",
		[KCT_ORIGIN_CLOCKSOURCE] = "request-clocksource",
		[KCT_ORIGIN_RESUME] = "request-resume",
		[KCT_ORIGIN_XEN] = "request-xen",
	};
	const char *name = "update", *target;

	if (event->event.kind == KCT_EVENT_REQUEST)
		name = evidence[event->request.origin] ? evidence[event->request.origin]
						       : "request";
	target = kct_plan_target(&session->plan, name, KCT_KPROBE);
	return target ? target : kct_plan_target(&session->plan, name, KCT_FENTRY);
}

/* Put the stack that is behind an event in the ring buffer into the event, by its number. */
static void name_stack(struct kct_session *session, union kct_any_event *event, const char *data,
		       size_t size)
{
	size_t own = kct_event_size(event->event.kind);
	struct kct_raw_stack raw;
	uint32_t *stack;
	uint8_t *note = kct_event_stack(event, &stack);
	bool cleared =
		event->event.kind == KCT_EVENT_REQUEST && event->request.op == KCT_REQUEST_CLEARED;

	if (!note || cleared || *note != KCT_STACK_NOT_ASKED)
		return;
	if (!session->names) {
		*note = KCT_STACK_NO_SYMBOLS;
	} else if (size < own + sizeof(raw)) {
		*note = KCT_STACK_NOT_TAKEN;
	} else {
		memcpy(&raw, data + own, sizeof(raw));
		*note = (uint8_t)kct_stack_name(session->names, &raw, hooked_by(session, event),
						stack);
	}
}

static int on_record(void *context, void *data, size_t size)
{
	struct kct_session *session = context;
	union kct_any_event event;

	memcpy(&event, data, size < sizeof(event) ? size : sizeof(event));
	if (session->stacks)
		name_stack(session, &event, data, size);
	if (event.event.kind == KCT_EVENT_VM)
		session->born++;
	session->on_event(session->context, &event);
	/* A negative number ends ring_buffer__consume(); this event has been consumed. */
	return --session->left ? 0 : -ECANCELED;
}

static int prepare(struct kct_session *session, const struct kct_session_options *options,
		   const struct kct_kernel_btf *kernel)
{
	struct kvmclock_bpf *bpf = session->bpf;
	int error;

	bpf->rodata->emitted_kinds = options->emitted_kinds;
	bpf->rodata->with_stacks = session->names != NULL;
	bpf->rodata->loads_directly = kernel->vmlinux && kct_kernel_loads_directly(kernel->vmlinux);
	if (bpf_map__set_max_entries(bpf->maps.vms, options->max_vms) ||
	    bpf_map__set_max_entries(bpf->maps.vcpus, options->max_vms * KCT_VCPUS_PER_VM) ||
	    bpf_map__set_max_entries(bpf->maps.refused, ROOM_FOR_REFUSED) ||
	    bpf_map__set_max_entries(bpf->maps.generations, options->max_vms * 2) ||
	    bpf_map__set_max_entries(bpf->maps.events, options->ring_bytes))
		return -errno;
	error = kct_programs_choose(session);
	if (!error)
		kct_census_choose(bpf, true);
	return error;
}

/* Why there is no way to have what nothing can be traced without. */
static int explain_missing(const struct kct_plan_row *row, const struct kct_plan_options *options)
{
	for (size_t i = 0; i < row->evidence->nr_ways; i++) {
		const struct kct_attempt *attempt = &row->attempts[i];

		if (options->method >= 0 && (int)row->evidence->ways[i].method == options->method) {
			kct_error("%s is not available by %s: %s: %s", row->evidence->name,
				  kct_method_names[options->method], attempt->target, attempt->why);
			return KCT_EXIT_HOST;
		}
		if (options->method < 0 && row->evidence->ways[i].method == KCT_TRACEPOINT)
			return kct_explain_refusal(-attempt->error);
	}
	return kct_explain_refusal(ESRCH);
}

static int plan_session(struct kct_session *session, const struct kct_kernel_btf *kernel,
			const struct kct_plan_options *options)
{
	const struct kct_plan_row *missing;
	int error = kct_plan_make(&session->plan, kernel, options, false);

	if (error)
		return error;
	missing = kct_plan_missing(&session->plan);
	return missing ? explain_missing(missing, options) : 0;
}

/* Where libbpf has tried in vain to share memory with programs, it goes on without. */
static int load(struct kvmclock_bpf *bpf)
{
	int error = kvmclock_bpf__load(bpf);

	return error || bpf->bss ? error : -EOPNOTSUPP;
}

/* Of the functions whose way is fentry or fexit, too: what is hooked of them is in the stacks. */
static void open_names(struct kct_session *session)
{
	const struct kct_plan *plan = &session->plan;
	const char *target;

	session->names = kct_stack_names_open(KCT_KALLSYMS);
	for (size_t i = 0; session->names && i < plan->nr_rows; i++) {
		target = kct_plan_target(plan, plan->rows[i].evidence->name, KCT_FENTRY);
		if (target)
			kct_stack_names_hook(session->names, target);
	}
}

static int load_session(struct kct_session *session, const struct kct_session_options *options,
			const struct kct_kernel_btf *kernel)
{
	int error = plan_session(session, kernel, &options->plan);

	if (error)
		return error;
	if (options->stacks)
		open_names(session);
	session->bpf = kvmclock_bpf__open();
	error = session->bpf ? prepare(session, options, kernel) : -errno;
	if (!error)
		error = load(session->bpf);
	if (!error)
		error = kct_census_begin(&session->census, session->bpf);
	if (!error)
		error = kct_programs_attach(session);
	if (error)
		return kct_explain_refusal(-error);
	kct_note_uncounted(session);
	return 0;
}

int kct_session_open(struct kct_session **out, const struct kct_session_options *options,
		     kct_on_event on_event, void *context)
{
	struct kct_session *session = calloc(1, sizeof(*session));
	struct kct_kernel_btf kernel;
	int error;

	*out = session;
	libbpf_set_print(quiet);
	if (!session) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	session->on_event = on_event;
	session->context = context;
	session->max_vms = options->max_vms;
	session->ring_bytes = options->ring_bytes;
	session->tells_vm_gone = options->emitted_kinds >> KCT_EVENT_VM_GONE & 1;
	session->last_counters = options->last_counters;
	session->stacks = options->stacks;
	/* It takes several MB, and is not kept. */
	kct_kernel_btf_open(&kernel);
	error = kct_check_kernel();
	if (!error)
		error = load_session(session, options, &kernel);
	kct_kernel_btf_close(&kernel);
	if (error)
		return error;
	session->ring =
		ring_buffer__new(bpf_map__fd(session->bpf->maps.events), on_record, session, NULL);
	return session->ring ? 0 : kct_explain_refusal(errno);
}

void kct_session_disarm(struct kct_session *session)
{
	session->bpf->bss->armed = 0;
	kct_programs_detach(session);
}

const struct kct_plan *kct_session_plan(const struct kct_session *session)
{
	return &session->plan;
}

void kct_session_close(struct kct_session *session)
{
	if (!session)
		return;
	kct_programs_detach(session);
	kct_census_clear(&session->census);
	free(session->attached);
	ring_buffer__free(session->ring);
	kvmclock_bpf__destroy(session->bpf);
	kct_plan_clear(&session->plan);
	kct_stack_names_close(session->names);
	free(session);
}

/*
 * Twice: before we count, so that what is counted then has something to be compared with; and
 * after, so that what is announced is what the first event begins with.
 */
int kct_session_arm(struct kct_session *session)
{
	int error = kct_census_find(&session->census);

	if (!error)
		error = kct_census_seed(&session->census);
	if (!error)
		error = kct_census_arm(&session->census);
	if (!error)
		error = kct_census_find(&session->census);
	if (!error)
		error = kct_census_seed(&session->census);
	if (error)
		return kct_explain_refusal(-error);
	if (!kct_host_is_pid_namespace())
		kct_error("%s", kct_census_is_partial(&session->census) ? KCT_HOST_PARTIAL
									: KCT_HOST_NAMELESS);
	return 0;
}

int kct_session_reap(struct kct_session *session)
{
	int error = kct_reap(session);

	return error ? kct_explain_refusal(-error) : 0;
}

void kct_session_watch_ioctls(struct kct_session *session, uint32_t pid)
{
	session->bpf->bss->ioctls_of = pid;
}

int kct_session_fd(const struct kct_session *session)
{
	return ring_buffer__epoll_fd(session->ring);
}

int kct_session_consume(struct kct_session *session, uint32_t max, bool *more)
{
	int got = kct_read_ring(session, max);

	if (got < 0) {
		kct_error("reading the ring buffer: %s", strerror(-got));
		return KCT_EXIT_HOST;
	}
	*more = got;
	/* Make room before there is none: churn may leave thousands of dead VMs behind. */
	if (session->born > session->max_vms / 4)
		return kct_session_reap(session);
	return 0;
}

/* ---- the census alone ---- */

static int load_census(struct kct_census *census, struct kvmclock_bpf *bpf)
{
	struct bpf_program *program;
	int error;

	bpf_object__for_each_program(program, bpf->obj)
	{
		bpf_program__set_autoload(program, false);
	}
	kct_census_choose(bpf, false);
	error = load(bpf);
	return error ? error : kct_census_begin(census, bpf);
}

int kct_census(kct_census_visit visit, void *context, bool *partial)
{
	struct kct_census census = {0};
	struct kvmclock_bpf *bpf;
	int error;

	libbpf_set_print(quiet);
	error = kct_check_kernel();
	if (!error)
		error = kct_check_descriptors();
	if (error)
		return error;
	bpf = kvmclock_bpf__open();
	error = bpf ? load_census(&census, bpf) : -errno;
	if (!error)
		error = kct_census_find(&census);
	if (!error)
		error = kct_census_visit_each(&census, visit, context);
	*partial = !error && kct_census_is_partial(&census);
	kct_census_clear(&census);
	kvmclock_bpf__destroy(bpf);
	return error ? kct_explain_refusal(-error) : 0;
}

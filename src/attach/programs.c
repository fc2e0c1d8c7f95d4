// SPDX-License-Identifier: GPL-2.0
/* Which BPF programs are loaded, and where they are attached: the plan carried out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/cost.h"
#include "attach/inside.h"
#include "attach/kprobe.h"
#include "attach/trace_event.h"
#include "base/error.h"

/* A program that goes to the return of a function. */
static bool is_at_return(const struct bpf_program *program)
{
	return !strncmp(bpf_program__name(program), "kretprobe", strlen("kretprobe"));
}

static bool is_by_btf(enum kct_method method)
{
	return method == KCT_FENTRY || method == KCT_TRACEPOINT || method == KCT_SYSCALL ||
	       method == KCT_ITERATOR;
}

/* Load the programs of the ways that were chosen, for the targets that are there. 0 or -errno. */
int kct_programs_choose(struct kct_session *session)
{
	struct bpf_program *program;
	int error;

	bpf_object__for_each_program(program, session->bpf->obj)
	{
		bpf_program__set_autoload(program, false);
	}
	for (size_t i = 0; i < session->plan.nr_rows; i++) {
		const struct kct_plan_row *row = &session->plan.rows[i];
		const struct kct_way *way;

		if (row->chosen < 0)
			continue;
		way = &row->evidence->ways[row->chosen];
		for (int p = 0; p < KCT_MAX_PROGRAMS && way->programs[p]; p++) {
			program = kct_program(session, way->programs[p]);
			if (!program)
				return -ENOENT;
			bpf_program__set_autoload(program, true);
			if (!is_by_btf(way->method))
				continue;
			error = bpf_program__set_attach_target(program, 0,
							       row->attempts[row->chosen].target);
			if (error)
				return error;
		}
	}
	return 0;
}

static int keep_link(struct kct_session *session, const struct bpf_program *program,
		     struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (session->nr_attached == session->max_attached) {
		bpf_link__destroy(link);
		return -E2BIG;
	}
	session->attached[session->nr_attached++] = (struct kct_attached){program, link, 0, true};
	return 0;
}

static int attach_kprobe(struct kct_session *session, const struct bpf_program *program,
			 const char *function, uint64_t offset, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_perf_event_opts, options, .bpf_cookie = cookie);
	int fd = kct_kprobe_open(function, offset, is_at_return(program));

	/* The link closes the descriptor. */
	return fd < 0 ? fd
		      : keep_link(session, program,
				  bpf_program__attach_perf_event_opts(program, fd, &options));
}

static int attach_sites(struct kct_session *session, const struct bpf_program *program)
{
	int error = 0;

	for (size_t i = 0; !error && i < session->plan.nr_sites; i++) {
		const struct kct_inlined_site *site = &session->plan.sites[i];

		error = attach_kprobe(session, program, site->function, site->offset,
				      KCT_SITE(site->vcpu_reg, site->vcpu_where == KCT_WHERE_MEMORY,
					       kct_origin_of_caller(site->caller),
					       site->vcpu_offset));
	}
	return error;
}

static int attach_trace_event(struct kct_session *session, const struct bpf_program *program,
			      const char *tracepoint)
{
	int fd = kct_trace_event_open(tracepoint);

	return fd < 0 ? fd
		      : keep_link(session, program, bpf_program__attach_perf_event(program, fd));
}

/* Two rows may rest on the same program. */
static bool is_attached_before(const struct kct_session *session, size_t row, const char *program)
{
	for (size_t i = 0; i < row; i++) {
		const struct kct_plan_row *other = &session->plan.rows[i];
		const struct kct_way *way;

		if (other->chosen < 0)
			continue;
		way = &other->evidence->ways[other->chosen];
		for (int p = 0; p < KCT_MAX_PROGRAMS && way->programs[p]; p++)
			if (!strcmp(way->programs[p], program))
				return true;
	}
	return false;
}

/* What it costs everybody is measured on ourselves, and said. */
static int attach_system_call(struct kct_session *session, const struct bpf_program *program,
			      char *cost, size_t size)
{
	double without = kct_system_call_ns(), with;
	int error = keep_link(session, program, bpf_program__attach_trace(program));

	if (error)
		return error;
	with = kct_system_call_ns();
	snprintf(cost, size,
		 "every system call on this host takes about %.0f ns longer meanwhile (measured: "
		 "%.0f ns without, %.0f ns with it)",
		 with > without ? with - without : 0, without, with);
	kct_error("%s", cost);
	return 0;
}

static int attach_program(struct kct_session *session, const struct kct_way *way,
			  struct bpf_program *program, struct kct_attempt *attempt)
{
	switch (way->method) {
	case KCT_SYSCALL:
		return attach_system_call(session, program, attempt->why, sizeof(attempt->why));
	case KCT_FENTRY:
	case KCT_TRACEPOINT:
		return keep_link(session, program, bpf_program__attach_trace(program));
	case KCT_TRACE_EVENT:
		return attach_trace_event(session, program, attempt->target);
	case KCT_KPROBE:
		return attach_kprobe(session, program, attempt->target, 0, 0);
	case KCT_INLINED:
		return attach_sites(session, program);
	default:
		/* The census is a file that is read when it is wanted. */
		return 0;
	}
}

int kct_programs_attach(struct kct_session *session)
{
	int error = 0;

	session->max_attached = KCT_MAX_EVIDENCE * KCT_MAX_PROGRAMS + session->plan.nr_sites;
	session->attached = calloc(session->max_attached, sizeof(*session->attached));
	if (!session->attached)
		return -ENOMEM;
	for (size_t i = 0; !error && i < session->plan.nr_rows; i++) {
		struct kct_plan_row *row = &session->plan.rows[i];
		const struct kct_way *way;

		if (row->chosen < 0)
			continue;
		way = &row->evidence->ways[row->chosen];
		for (int p = 0; !error && p < KCT_MAX_PROGRAMS && way->programs[p]; p++)
			if (!is_attached_before(session, i, way->programs[p]))
				error = attach_program(session, way,
						       kct_program(session, way->programs[p]),
						       &row->attempts[row->chosen]);
	}
	return error;
}

void kct_programs_detach(struct kct_session *session)
{
	for (size_t i = 0; i < session->nr_attached; i++) {
		struct kct_attached *attached = &session->attached[i];

		kct_count_missed(attached);
		bpf_link__destroy(attached->link);
		attached->link = NULL;
	}
}

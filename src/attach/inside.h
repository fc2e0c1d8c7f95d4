/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of a session, for the files that make it up: session, programs, counters, reap. */
#ifndef KCT_ATTACH_INSIDE_H
#define KCT_ATTACH_INSIDE_H

#include <bpf/libbpf.h>

#include "attach/session.h"
#include "kvmclock.skel.h"

/* A program where it is, or was, attached. */
struct kct_attached {
	const struct bpf_program *program;
	struct bpf_link *link; /* NULL: not any more */
	/* Then: what the kernel did not call the program for, if it counts that. */
	uint64_t missed;
	bool counted;
};

struct kct_session {
	struct kvmclock_bpf *bpf;
	struct kct_plan plan;
	struct kct_attached *attached;
	size_t nr_attached, max_attached;
	struct ring_buffer *ring;
	kct_on_event on_event;
	void *context;
	uint32_t max_vms;
	struct kct_model *last_counters; /* not ours; may be NULL */
	uint32_t born;			 /* `vm` events since the last reaping */
};

/* programs.c: 0 or -errno. */
int kct_programs_choose(struct kct_session *session);
int kct_programs_attach(struct kct_session *session);
void kct_programs_detach(struct kct_session *session);

/* The one of that name, of bpf/kvmclock.bpf.c. */
struct bpf_program *kct_program(const struct kct_session *session, const char *name);

/* counters.c: note what was missed where the program is still attached. */
void kct_count_missed(struct kct_attached *attached);
/* 0 or -ENOMEM. */
int kct_take_vm(struct kct_model *model, const struct kct_vm_state *state);
int kct_take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state);

/* session.c: say why the kernel refused (errno), and give the exit status. */
int kct_refused(int error);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of a session, for the files that make it up: session, programs, counters, reap. */
#ifndef KCT_ATTACH_INSIDE_H
#define KCT_ATTACH_INSIDE_H

#include <bpf/libbpf.h>
#include <errno.h>

#include "attach/census.h"
#include "attach/session.h"
#include "attach/stack.h"
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
	struct kct_census census;
	uint32_t max_vms, ring_bytes;
	struct kct_model *last_counters; /* not ours; may be NULL */
	bool tells_vm_gone;		 /* `vm-gone` is among the kinds that are emitted */
	uint32_t born;			 /* `vm` events since the last reaping */
	uint32_t left;			 /* events that may still be read at this time */
	bool stacks;			 /* they were asked for */
	struct kct_stack_names *names;	 /* then; NULL: there are none to be had */
};

/*
 * Deliver at most `max` events, KCT_ALL_IN_RING: those that are in the ring buffer now,
 * if not more. 1: there may be others; 0; -errno.
 */
#define KCT_ALL_IN_RING(session) ((session)->ring_bytes / sizeof(struct kct_event))
static inline int kct_read_ring(struct kct_session *session, uint32_t max)
{
	int error;

	session->left = max;
	error = ring_buffer__consume(session->ring);
	return error == -ECANCELED ? 1 : error < 0 ? error : 0;
}

/* programs.c: 0 or -errno. */
int kct_programs_choose(struct kct_session *session);
int kct_programs_attach(struct kct_session *session);
void kct_programs_detach(struct kct_session *session);

/* The one of that name, of bpf/kvmclock.bpf.c. */
static inline struct bpf_program *kct_program(const struct kct_session *session, const char *name)
{
	return bpf_object__find_program_by_name(session->bpf->obj, name);
}

/* counters.c: note what was missed where the program is still attached. */
void kct_count_missed(struct kct_attached *attached);
/* Note with each way taken whether the kernel counts all that it skips of it. */
void kct_note_uncounted(struct kct_session *session);
/*
 * counters.c: take the state of a VM, or of a vCPU, into a model. What the model does not know,
 * because the VM is not wanted, is left out. 0 or -ENOMEM.
 */
int kct_take_vm(const struct kct_session *session, struct kct_model *model,
		const struct kct_vm_state *state);
int kct_take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state);

/* reap.c: find out which VMs are gone, free their place, and deliver a `vm-gone` for each. */
int kct_reap(struct kct_session *session);

#endif

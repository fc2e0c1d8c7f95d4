/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of a session, for the files that make it up: session, programs, counters, reap. */
#ifndef KCT_ATTACH_INSIDE_H
#define KCT_ATTACH_INSIDE_H

#include <bpf/libbpf.h>

#include "attach/session.h"
#include "kvmclock.skel.h"

struct kct_session {
	struct kvmclock_bpf *bpf;
	struct kct_plan plan;
	struct bpf_link **links;
	size_t nr_links, max_links;
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

/* counters.c: 0 or -ENOMEM. */
int kct_take_vm(struct kct_model *model, const struct kct_vm_state *state);
int kct_take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state);

/* session.c: say why the kernel refused (errno), and give the exit status. */
int kct_refused(int error);

#endif

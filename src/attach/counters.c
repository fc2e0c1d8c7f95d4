// SPDX-License-Identifier: GPL-2.0
/* What the maps hold, taken into a model. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/inside.h"
#include "attach/maps.h"

/* struct bpf_link_info of a perf event's link, as 6.7 has it of a kprobe (3acf8ace6823). */
struct link_info {
	__u32 type, id, program, pad;
	__u32 event_type, pad2;
	__u64 name;
	__u32 name_length, offset;
	__u64 address;
	__u64 missed; /* the kprobe came while another was handled, or its return had no room */
};

#define EVENT_KPROBE	3 /* BPF_PERF_EVENT_KPROBE of link_info.event_type */
#define EVENT_KRETPROBE 4

/*
 * Of a program that perf calls. From that version on the kernel also counts, in the program's own
 * misses, the calls that it skips where a map operation of somebody's was preempted (dd8657894c11).
 */
void kct_count_missed(struct kct_attached *attached)
{
	struct link_info info = {0};
	__u32 size = sizeof(info);

	if (!attached->link || bpf_program__type(attached->program) == BPF_PROG_TYPE_TRACING)
		return;
	attached->counted = !bpf_obj_get_info_by_fd(bpf_link__fd(attached->link), &info, &size) &&
			    size == sizeof(info);
	if (info.event_type == EVENT_KPROBE || info.event_type == EVENT_KRETPROBE)
		attached->missed = info.missed;
}

/* Add the calls of a program that were skipped; false where the kernel does not count them all. */
static bool count_program(const struct kct_session *session, const struct bpf_program *program,
			  uint64_t *calls)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	bool counted = true;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return false;
	*calls += info.recursion_misses;
	for (size_t i = 0; i < session->nr_attached; i++) {
		struct kct_attached *attached = &session->attached[i];

		if (attached->program != program)
			continue;
		kct_count_missed(attached);
		*calls += attached->missed;
		counted &= attached->counted;
	}
	return counted;
}

static struct kct_missed missed_of(const struct kct_session *session,
				   const struct kct_plan_row *row)
{
	const struct kct_way *way = row->chosen < 0 ? NULL : &row->evidence->ways[row->chosen];
	struct kct_missed missed = {.counted = true};

	snprintf(missed.evidence, sizeof(missed.evidence), "%s", row->evidence->name);
	for (int p = 0; way && p < KCT_MAX_PROGRAMS && way->programs[p]; p++)
		missed.counted &= count_program(session, kct_program(session, way->programs[p]),
						&missed.calls);
	return missed;
}

void kct_note_uncounted(struct kct_session *session)
{
	for (size_t i = 0; i < session->plan.nr_rows; i++) {
		struct kct_plan_row *row = &session->plan.rows[i];
		struct kct_missed missed = missed_of(session, row);

		if (!missed.counted)
			snprintf(row->attempts[row->chosen].why,
				 sizeof(row->attempts[row->chosen].why),
				 "this kernel does not count all that it skips");
	}
}

void kct_session_losses(const struct kct_session *session, struct kct_lost *lost)
{
	struct bpf_program *program;

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		lost->losses[i] = session->bpf->bss->losses[i];
	bpf_object__for_each_program(program, session->bpf->obj)
	{
		if (bpf_program__autoload(program))
			count_program(session, program, &lost->losses[KCT_LOSS_MISSED]);
	}
	lost->misses.count = 0;
	for (size_t i = 0; i < session->plan.nr_rows; i++) {
		struct kct_missed missed = missed_of(session, &session->plan.rows[i]);

		if (missed.calls || !missed.counted)
			lost->misses.list[lost->misses.count++] = missed;
	}
}

/*
 * Has the VM been introduced, and is it wanted? Its `vm` event may not have been read yet, or may
 * have been lost; that comes first, as a VM has its name from it.
 */
static bool is_introduced(const struct kct_session *session, const struct kct_model *model,
			  const struct kct_vm_state *state)
{
	const struct kct_vm *vm = kct_model_find_vm(model, state->vm.event.vm);

	if (vm && vm->introduced)
		return true;
	if (state->announced)
		ring_buffer__consume(session->ring);
	else
		session->on_event(session->context, (const union kct_any_event *)&state->vm);
	vm = kct_model_find_vm(model, state->vm.event.vm);
	return vm && vm->introduced;
}

int kct_take_vm(const struct kct_session *session, struct kct_model *model,
		const struct kct_vm_state *state)
{
	struct kct_vm *vm;

	/* One that nothing was counted of, nor announced, came and went before we began. */
	if (!state->announced && !kct_updates(&state->counters, KCT_ANY, KCT_ANY))
		return 0;
	if (!is_introduced(session, model, state))
		return 0;
	vm = kct_model_vm(model, state->vm.event.vm);
	if (!vm)
		return -ENOMEM;
	vm->counters = state->counters;
	vm->active = state->masterclock.active;
	vm->conditions = state->conditions;
	vm->nr_online = state->masterclock.nr_vcpus;
	vm->host_clock = state->host_clock;
	return 0;
}

int kct_take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state)
{
	struct kct_vcpu *vcpu;

	if (!kct_model_find_vm(model, state->vm))
		return 0;
	vcpu = kct_vm_vcpu(kct_model_vm(model, state->vm), state->id);
	if (!vcpu)
		return -ENOMEM;
	vcpu->pending = kct_request_is_pending(state->request_changes);
	vcpu->counters = state->counters;
	vcpu->tsc = (struct kct_tsc){
		.vcpu = state->id, .khz = state->tsc_khz, .generation = state->tsc_generation};
	return 0;
}

struct taking {
	const struct kct_session *session;
	struct kct_model *model;
};

static int take_vm(void *context, const struct kct_key *key, const void *state)
{
	const struct taking *taking = context;

	(void)key;
	return kct_take_vm(taking->session, taking->model, state);
}

static int take_vcpu(void *context, const struct kct_key *key, const void *state)
{
	const struct taking *taking = context;

	(void)key;
	return kct_take_vcpu(taking->model, state);
}

int kct_session_counters(const struct kct_session *session, struct kct_model *model)
{
	struct taking taking = {session, model};
	int error = kct_map_each(bpf_map__fd(session->bpf->maps.vms), sizeof(struct kct_vm_state),
				 take_vm, &taking);

	if (!error)
		error = kct_map_each(bpf_map__fd(session->bpf->maps.vcpus),
				     sizeof(struct kct_vcpu_state), take_vcpu, &taking);
	model->unattributed = session->bpf->bss->unattributed;
	kct_session_losses(session, &model->lost);
	return error;
}

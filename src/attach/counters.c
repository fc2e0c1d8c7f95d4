// SPDX-License-Identifier: GPL-2.0
/* What the maps hold, taken into a model. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/inside.h"

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

static void count_evidence(const struct kct_session *session, const struct kct_plan_row *row,
			   struct kct_misses *misses)
{
	struct kct_missed missed = {.counted = true};
	const char *const *programs;

	if (row->chosen < 0)
		return;
	programs = row->evidence->ways[row->chosen].programs;
	for (int p = 0; p < KCT_MAX_PROGRAMS && programs[p]; p++)
		missed.counted &=
			count_program(session, kct_program(session, programs[p]), &missed.calls);
	if (missed.counted && !missed.calls)
		return;
	snprintf(missed.evidence, sizeof(missed.evidence), "%s", row->evidence->name);
	misses->list[misses->count++] = missed;
}

void kct_session_losses(const struct kct_session *session, uint64_t losses[KCT_NR_LOSSES],
			struct kct_misses *misses)
{
	struct bpf_program *program;

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		losses[i] = session->bpf->bss->losses[i];
	bpf_object__for_each_program(program, session->bpf->obj)
	{
		if (bpf_program__autoload(program))
			count_program(session, program, &losses[KCT_LOSS_MISSED]);
	}
	misses->count = 0;
	for (size_t i = 0; i < session->plan.nr_rows; i++)
		count_evidence(session, &session->plan.rows[i], misses);
}

int kct_take_vm(struct kct_model *model, const struct kct_vm_state *state)
{
	struct kct_vm *vm = kct_model_vm(model, state->vm.event.vm);

	if (!vm)
		return -ENOMEM;
	vm->introduced = true;
	vm->info = state->vm;
	vm->counters = state->counters;
	vm->active = state->masterclock.active;
	return 0;
}

int kct_take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state)
{
	struct kct_vm *vm = kct_model_vm(model, state->vm);
	struct kct_vcpu *vcpu = vm ? kct_vm_vcpu(vm, state->id) : NULL;

	if (!vcpu)
		return -ENOMEM;
	vcpu->pending = kct_request_is_pending(state->request_changes);
	vcpu->counters = state->counters;
	return 0;
}

int kct_session_counters(const struct kct_session *session, struct kct_model *model)
{
	int vms = bpf_map__fd(session->bpf->maps.vms);
	int vcpus = bpf_map__fd(session->bpf->maps.vcpus);
	struct kct_vcpu_state vcpu;
	struct kct_vm_state vm;
	struct kct_key key, *at;
	int error = 0;

	for (at = NULL; !error && !bpf_map_get_next_key(vms, at, &key); at = &key)
		if (!bpf_map_lookup_elem(vms, &key, &vm))
			error = kct_take_vm(model, &vm);
	for (at = NULL; !error && !bpf_map_get_next_key(vcpus, at, &key); at = &key)
		if (!bpf_map_lookup_elem(vcpus, &key, &vcpu))
			error = kct_take_vcpu(model, &vcpu);
	model->unattributed = session->bpf->bss->unattributed;
	kct_session_losses(session, model->losses, &model->misses);
	return error;
}

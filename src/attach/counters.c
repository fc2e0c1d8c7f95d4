// SPDX-License-Identifier: GPL-2.0
/* What the maps hold, taken into a model. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "attach/inside.h"

static void recursion_misses(const struct kvmclock_bpf *bpf, uint64_t *missed)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			*missed += info.recursion_misses;
	}
}

void kct_session_losses(const struct kct_session *session, uint64_t losses[KCT_NR_LOSSES])
{
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		losses[i] = session->bpf->bss->losses[i];
	recursion_misses(session->bpf, &losses[KCT_LOSS_MISSED]);
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
	kct_session_losses(session, model->losses);
	return error;
}

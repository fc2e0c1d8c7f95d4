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
	struct kct_tally per_cpu[session->nr_cpus];
	__u32 zero = 0;

	memset(losses, 0, KCT_NR_LOSSES * sizeof(*losses));
	if (bpf_map_lookup_elem(bpf_map__fd(session->bpf->maps.tally), &zero, per_cpu))
		return;
	for (int cpu = 0; cpu < session->nr_cpus; cpu++)
		for (int i = 0; i < KCT_NR_LOSSES; i++)
			losses[i] += per_cpu[cpu].losses[i];
	recursion_misses(session->bpf, &losses[KCT_LOSS_MISSED]);
}

static void read_unattributed(const struct kct_session *session, struct kct_unattributed *sum)
{
	struct kct_unattributed per_cpu[session->nr_cpus];
	uint64_t *to = (uint64_t *)sum;
	__u32 zero = 0;

	memset(sum, 0, sizeof(*sum));
	if (bpf_map_lookup_elem(bpf_map__fd(session->bpf->maps.unattributed), &zero, per_cpu))
		return;
	/* Every member is a u64 counter; the drifts are 0, as nobody's PVTIs have no old one. */
	for (int cpu = 0; cpu < session->nr_cpus; cpu++)
		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += ((const uint64_t *)&per_cpu[cpu])[i];
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
	vcpu->pending = state->pending;
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
	read_unattributed(session, &model->unattributed);
	kct_session_losses(session, model->losses);
	return error;
}

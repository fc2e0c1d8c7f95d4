// SPDX-License-Identifier: GPL-2.0
/*
 * 22/36 of the same: only a TSC frequency of its own ends the masterclock, in
 * pvclock_update_vm_gtod_copy() as in kvm_track_tsc_matching(), which also makes a request when the
 * vCPUs' TSCs begin, or cease, to match. While they do not, kvm_guest_time_update() leaves
 * PVCLOCK_TSC_STABLE_BIT out.
 */
#include "base/tree.h"
#include "whatif/inside.h"

struct frequencies {
	uint32_t khz;
	bool differ, known;
};

static void ask_frequency(void *item, void *context)
{
	const struct kernel_vcpu *vcpu = item;
	struct frequencies *f = context;

	f->known &= vcpu->khz != 0;
	f->differ |= f->khz && vcpu->khz != f->khz;
	f->khz = vcpu->khz;
}

/* Have all vCPUs that are known one TSC frequency? */
static bool one_frequency(const struct kernel_vm *vm)
{
	struct frequencies f = {.known = true};

	kct_tree_each(&vm->vcpus, ask_frequency, &f);
	return f.known && !f.differ;
}

static void track(struct tracking *tracking)
{
	tracking->wanted = tracking->host_tsc && one_frequency(tracking->vm);
	tracking->asks_anyway |= tracking->matched != tracking->vm->were_matched;
}

static bool may_be_active(const struct kernel_vm *vm, bool host_tsc, bool is)
{
	return is || (host_tsc && one_frequency(vm));
}

const struct change kct_change_offset = {.track = track, .may_be_active = may_be_active};

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/off.h"

/* gtod_is_based_on_tsc() of the kernel: VDSO_CLOCKMODE_TSC, VDSO_CLOCKMODE_HVCLOCK. */
#define MODE_TSC     1
#define MODE_HVCLOCK 3

enum kct_known kct_is_tsc_mode(uint32_t mode)
{
	if (mode == KCT_NO_NUMBER)
		return KCT_NOT_KNOWN;
	return mode == MODE_TSC || mode == MODE_HVCLOCK ? KCT_YES : KCT_NO;
}

enum kct_known kct_is_tsc_clocksource(const char *name)
{
	if (!name || !*name)
		return KCT_NOT_KNOWN;
	return !strcmp(name, "tsc") || !strcmp(name, "hyperv_clocksource_tsc_page") ? KCT_YES
										    : KCT_NO;
}

#define BIT(reason) (1U << KCT_REASON_##reason)

uint32_t kct_reasons(const struct kct_conditions *c, uint32_t nr_vcpus, enum kct_known host_tsc)
{
	uint32_t reasons = host_tsc == KCT_NO ? BIT(CLOCKSOURCE) : 0;

	if (!c->known)
		return reasons ? reasons : BIT(UNKNOWN);
	/* Without a vCPU, none is out of line. */
	if (nr_vcpus && c->tsc_matched == KCT_NO)
		reasons |= c->tsc_protected == KCT_YES ? BIT(TSC_PROTECTED) : BIT(TSC_UNMATCHED);
	if (c->tsc_backwards == KCT_YES)
		reasons |= BIT(TSC_BACKWARDS);
	if (c->old_kvmclock == KCT_YES)
		reasons |= BIT(OLD_KVMCLOCK);
	if (reasons)
		return reasons;
	if (host_tsc != KCT_YES || c->tsc_backwards != KCT_NO || c->old_kvmclock != KCT_NO)
		return BIT(UNKNOWN);
	return !nr_vcpus || c->tsc_matched == KCT_YES ? BIT(NOT_YET) : BIT(UNKNOWN);
}

/* ---- who is out of line ---- */

static int compare_generations(const void *a, const void *b)
{
	const struct kct_tsc *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return (x->vcpu > y->vcpu) - (x->vcpu < y->vcpu);
}

static size_t group_at(const struct kct_tsc *tscs, size_t count, size_t at)
{
	size_t end = at;

	while (end < count && tscs[end].generation == tscs[at].generation)
		end++;
	return end - at;
}

/* The others behind those that are odd, both in the order of ids. */
static int compare_odd(const void *a, const void *b)
{
	const struct kct_tsc *x = a, *y = b;

	if (x->odd != y->odd)
		return x->odd ? -1 : 1;
	return (x->vcpu > y->vcpu) - (x->vcpu < y->vcpu);
}

size_t kct_find_odd(struct kct_tsc *tscs, size_t count, bool *known)
{
	uint64_t in_line = 0;
	size_t largest = 0, size;

	*known = count != 0;
	for (size_t i = 0; i < count; i++)
		*known &= tscs[i].generation != 0;
	if (!*known)
		return 0;
	qsort(tscs, count, sizeof(*tscs), compare_generations);
	for (size_t i = 0; i < count; i += size) {
		size = group_at(tscs, count, i);
		if (size <= largest)
			continue;
		largest = size;
		in_line = tscs[i].generation;
	}
	for (size_t i = 0; i < count; i++)
		tscs[i].odd = tscs[i].generation != in_line;
	qsort(tscs, count, sizeof(*tscs), compare_odd);
	return count - largest;
}

/* ---- of a VM ---- */

static void take_tsc(const struct kct_vcpu *vcpu, void *context)
{
	struct kct_off *off = context;

	off->tscs[off->nr_tscs++] = vcpu->tsc;
}

int kct_off_find(struct kct_off *off, const struct kct_vm *vm, const char *clocksource)
{
	*off = (struct kct_off){.nr_vcpus = vm->nr_online, .conditions = vm->conditions};
	off->host_tsc = kct_is_tsc_mode(vm->host_clock);
	if (off->host_tsc == KCT_NOT_KNOWN)
		off->host_tsc = kct_is_tsc_clocksource(clocksource);
	off->reasons = kct_reasons(&off->conditions, off->nr_vcpus, off->host_tsc);
	if (!(off->reasons & BIT(TSC_UNMATCHED)) || vm->nr_vcpus != vm->nr_online)
		return 0;
	off->tscs = calloc(vm->nr_vcpus, sizeof(*off->tscs));
	if (!off->tscs)
		return -ENOMEM;
	kct_vm_each_vcpu(vm, take_tsc, off);
	off->nr_odd = kct_find_odd(off->tscs, off->nr_tscs, &off->odd_known);
	return 0;
}

void kct_off_clear(struct kct_off *off)
{
	free(off->tscs);
	off->tscs = NULL;
}

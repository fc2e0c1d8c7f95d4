/* SPDX-License-Identifier: GPL-2.0 */
/* Why a masterclock is off: the conditions of pvclock_update_vm_gtod_copy(), one by one. */
#ifndef KCT_MODEL_OFF_H
#define KCT_MODEL_OFF_H

#include "model/model.h"

struct kct_off {
	uint32_t reasons; /* bit of each enum kct_reason; never 0 */
	uint32_t nr_vcpus;
	enum kct_known host_tsc; /* is the host's clocksource the TSC? */
	struct kct_conditions conditions;
	/* Where TSCs do not match: derived, the vCPUs that are out of line; then the others. */
	struct kct_tsc *tscs;
	size_t nr_tscs, nr_odd;
	bool odd_known;
};

/* Is it the TSC, by the mode of the vDSO's clock (KCT_NO_NUMBER: not known), or by its name? */
enum kct_known kct_is_tsc_mode(uint32_t mode);
enum kct_known kct_is_tsc_clocksource(const char *name);

/*
 * Bit of each enum kct_reason that holds. It is KCT_REASON_UNKNOWN alone where no condition that is
 * known is in the way, and one is not known.
 */
uint32_t kct_reasons(const struct kct_conditions *conditions, uint32_t nr_vcpus,
		     enum kct_known host_tsc);

/*
 * Put those that are out of line first, by their id: all but the largest group that shares a
 * generation, or, of equal ones, the oldest. How many they are; *known is false where a generation
 * is not known.
 */
size_t kct_find_odd(struct kct_tsc *tscs, size_t count, bool *known);

/*
 * Why the masterclock of a VM is off, where vm->active is KCT_NO. `clocksource` is the host's, for
 * a VM of which no update tells it; NULL or "" is not known. 0 or -ENOMEM; the caller clears.
 */
int kct_off_find(struct kct_off *off, const struct kct_vm *vm, const char *clocksource);
void kct_off_clear(struct kct_off *off);

#endif

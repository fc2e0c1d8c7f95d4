/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of a migration, for the files that make it up: migration, vcpu, fit, instants. */
#ifndef KCT_MIGRATION_INSIDE_H
#define KCT_MIGRATION_INSIDE_H

#include "base/number.h"
#include "migration/migration.h"

static inline struct kct_ns kct_known(uint64_t ns)
{
	return (struct kct_ns){true, (int64_t)ns};
}

static inline struct kct_instant kct_instant_at(uint64_t boot_ns, bool derived)
{
	return (struct kct_instant){boot_ns != 0, derived, boot_ns};
}

/* ---- instants.c; and kct_between() ---- */

/* When the source's kvm-clock, as its PVTI has it, showed that. */
struct kct_instant kct_when_clock_was(const struct kct_side *source, uint64_t clock);
/* The clock that the VMM saved; false if it cannot be told. */
bool kct_saved_clock(const struct kct_history *source, const struct kct_history *target,
		     uint64_t *clock);

/* ---- vcpu.c ---- */

/* What one vCPU of the source and of the target tell, before anything is subtracted. */
struct kct_pair {
	const struct kct_vcpu_history *from, *to;
	bool has_saved, tsc_observed;
	uint64_t saved_tsc; /* at P1 */
	bool has_set;	    /* the two below are known */
	uint64_t set_tsc;   /* guest TSC at P4 */
	uint64_t set_clock; /* the clock then, in force */
	uint64_t since_set; /* ns by the target's rate from P4 to its first PVTI */
};

/* Fill the pair, of which `from` and `to` are set; why something of it is not known, or NULL. */
const char *kct_find_pair(const struct kct_history *target, struct kct_pair *pair);
bool kct_same_rate(const struct kct_pvti *a, const struct kct_pvti *b);
/* What was added to the clock of the VM: the same by each of its vCPUs that tells. */
struct kct_ns kct_clock_advance(const struct kct_migration *m, const struct kct_pair *pair);
/* T1, T2 and what follows from them; then what of the drift that was observed is explained. */
void kct_predict(struct kct_vcpu_migration *v, const struct kct_migration *m,
		 const struct kct_pair *pair);
void kct_explain(struct kct_vcpu_migration *v, const struct kct_pair *pair);

/* ---- fit.c ---- */

/* Two VMs that somebody took for one guest, and what of their clocks says that they are not. */
struct kct_fit {
	const struct kct_side *source, *target;
	struct kct_ns gap; /* from the source's last PVTI to P4 */
	int64_t slack;	   /* by which times of both sides may differ */
	char *why;
	size_t size;
	bool refused;
};

/* Is it a migration at all, in this direction? */
void kct_check_direction(struct kct_fit *fit, struct kct_migration *m);
/* Are both of them a vCPU of the same guest? */
void kct_check_fit(struct kct_fit *fit, const struct kct_migration *m, const struct kct_pair *pair);

#endif

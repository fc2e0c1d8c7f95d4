// SPDX-License-Identifier: GPL-2.0
/* In which way a VMM went about it. */
#include <sys/types.h>

#include "migration/migration.h"

#define TEXT(name, text) text,
const char *const kct_pattern_names[KCT_NR_PATTERNS] = {KCT_PATTERNS(TEXT)};

static ssize_t last_step(const struct kct_steps *steps, enum kct_ioctl ioctl)
{
	for (size_t i = steps->count; i > 0; i--)
		if (steps->list[i - 1].ioctl == ioctl)
			return (ssize_t)i - 1;
	return -1;
}

bool kct_pattern_is_known(const struct kct_migration *migration)
{
	if (migration->doubted)
		return false;
	return migration->pattern == KCT_PATTERN_CLOCK_GUEST ||
	       kct_figure_is_shown(migration->shown, KCT_FIGURE_VMM_PATTERN);
}

enum kct_pattern kct_pattern_of(const struct kct_history *target)
{
	const struct kct_steps *steps = &target->before;
	ssize_t clock = last_step(steps, KCT_IOCTL_SET_CLOCK);
	ssize_t tsc = last_step(steps, KCT_IOCTL_SET_TSC);
	ssize_t offset = last_step(steps, KCT_IOCTL_SET_TSC_OFFSET);
	ssize_t paused = last_step(steps, KCT_IOCTL_PAUSED);
	bool realtime = clock >= 0 && steps->list[clock].realtime;

	if (target->set.update.cause == KCT_CAUSE_SET_CLOCK_GUEST)
		return KCT_PATTERN_CLOCK_GUEST;
	if (clock < 0)
		return KCT_PATTERN_OTHER;
	if (offset >= 0 && realtime && clock < offset && tsc < 0)
		return KCT_PATTERN_DOCUMENTED;
	if (offset >= 0 && realtime)
		return tsc >= 0 && tsc < offset ? KCT_PATTERN_CLOUD_HYPERVISOR
						: KCT_PATTERN_OFFSET_REALTIME;
	if (offset >= 0)
		return KCT_PATTERN_OFFSET;
	if (tsc < 0)
		return KCT_PATTERN_OTHER;
	if (clock < tsc)
		return KCT_PATTERN_CLOCK_FIRST;
	if (realtime)
		return KCT_PATTERN_REALTIME;
	return paused >= 0 && paused < clock ? KCT_PATTERN_FIRECRACKER : KCT_PATTERN_CLASSIC;
}

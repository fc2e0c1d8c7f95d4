// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "show/savings.h"

#define CHANGE(name) [KCT_REMEDY_##name] = KCT_CHANGE_##name,
const enum kct_change_number kct_remedy_changes[KCT_NR_REMEDIES] = {KCT_REMEDIES(CHANGE)};

void kct_show_savings(FILE *out, const struct kct_savings *savings)
{
	fputs("\nWOULD HAVE SAVED, predicted\n", out);
	for (int i = 0; i < KCT_NR_REMEDIES; i++) {
		const struct kct_ns *saved = &savings->saved[i];
		const char *of = i == KCT_REMEDY_QEMU_REALTIME
					 ? "of drift over the migration"
					 : "of moves of all vCPUs' clocks since they were set";

		fprintf(out, "  %-14s", kct_change_names[kct_remedy_changes[i]]);
		if (saved->known)
			fprintf(out, " %14" PRId64 " ns  %s\n", saved->ns, of);
		else
			fprintf(out, " %14s ns  %s\n", "?", of);
	}
}

json_t *kct_savings_json(const struct kct_savings *savings)
{
	json_t *object = json_object();

	for (int i = 0; i < KCT_NR_REMEDIES; i++) {
		const struct kct_ns *saved = &savings->saved[i];

		json_object_set_new(object, kct_change_names[kct_remedy_changes[i]],
				    saved->known ? json_integer((json_int_t)saved->ns)
						 : json_null());
	}
	return object;
}

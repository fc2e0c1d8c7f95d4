/* SPDX-License-Identifier: GPL-2.0 */
/* Which VMs a command is about: --pid and --vm, the same for all commands. */
#ifndef KCT_CMD_FILTER_H
#define KCT_CMD_FILTER_H

#include <argp.h>
#include <stdbool.h>

#include "model/model.h"

struct kct_filter {
	uint32_t pid; /* of the VMM; 0 is any */
	/* A name or UUID, as it was given; NULL is any. A VM's printable name is as good. */
	const char *vm;
	char form[sizeof(((struct kct_vm_name *)0)->name)]; /* the printable form of `vm` */
	void *accepted; /* tree of the numbers of the VMs that passed */
};

/* A child of a command's argp; its input is a struct kct_filter. */
extern const struct argp kct_filter_argp;

bool kct_filter_is_set(const struct kct_filter *filter);
bool kct_filter_wants(const struct kct_filter *filter, uint32_t pid,
		      const struct kct_vm_name *name);

/*
 * Is the event about a VM that is wanted? `name` goes with a KCT_EVENT_VM. Without a filter all
 * are; with one, an event that cannot be attributed to a VM is not.
 */
bool kct_filter_event(struct kct_filter *filter, const union kct_any_event *event,
		      const struct kct_vm_name *name);
/* Has the VM of that number passed? */
bool kct_filter_accepted(const struct kct_filter *filter, uint32_t number);
void kct_filter_clear(struct kct_filter *filter);

#endif

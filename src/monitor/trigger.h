/* SPDX-License-Identifier: GPL-2.0 */
/* What makes the flight recorder keep what was before and behind it, and of which VMs. */
#ifndef KCT_MONITOR_TRIGGER_H
#define KCT_MONITOR_TRIGGER_H

#include "model/state.h"

/* The words, as --trigger, a pinned recording's header and metrics have them. */
#define KCT_TRIGGERS(X)                                                                            \
	X(SET_CLOCK, "set-clock")	      /* the clock of a VM was set */                      \
	X(UNNECESSARY, "unnecessary")	      /* so many unnecessary updates since that */         \
	X(JUMP, "jump")			      /* a clock jumped, and nobody had asked for it */    \
	X(MASTERCLOCK_OFF, "masterclock-off") /* it was on */                                      \
	X(VM_GONE, "vm-gone")		      /* a VM was destroyed */                             \
	X(SIGNAL, "signal")		      /* SIGUSR1 */

#define KCT_TRIGGER_ROW(name, text) KCT_TRIGGER_##name,
enum kct_trigger_kind { KCT_TRIGGERS(KCT_TRIGGER_ROW) KCT_NR_TRIGGERS };
extern const char *const kct_trigger_names[KCT_NR_TRIGGERS];

/* One that was asked for. */
struct kct_trigger {
	enum kct_trigger_kind kind;
	uint64_t at_least; /* updates; or ns */
	uint32_t pid;	   /* only VMs of this process; 0: of any */
	/* Only VMs of this name, as kct_vm_name_is() takes it, or its printable form; "": of any */
	const char *vm;
	char form[sizeof(((struct kct_vm_name *)0)->name)];
};

/* That it happened. */
struct kct_fired {
	enum kct_trigger_kind kind;
	uint64_t ns;   /* CLOCK_BOOTTIME */
	uint32_t vm;   /* KCT_NO_VM: about none that can be told */
	bool is_known; /* the VM was introduced: the next two are its */
	uint32_t pid;  /* KCT_NO_NUMBER */
	struct kct_vm_name name;
	bool has_value;
	int64_t value;	  /* updates; or ns, positive is forward */
	uint32_t reasons; /* of MASTERCLOCK_OFF: bit of each enum kct_reason; else 0 */
};

/*
 * KIND[>=VALUE][,pid=PID][,vm=NAME], where NAME is all that follows. `text` has to stay valid.
 * False: it is none.
 */
bool kct_trigger_parse(struct kct_trigger *trigger, const char *text);

/* Does the event fire it? `state` is as it was before the event. */
bool kct_trigger_fires(const struct kct_trigger *trigger, const union kct_any_event *event,
		       const struct kct_state *state, struct kct_fired *fired);

#endif

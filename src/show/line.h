/* SPDX-License-Identifier: GPL-2.0 */
/* One event as one line for people. */
#ifndef KCT_SHOW_LINE_H
#define KCT_SHOW_LINE_H

#include <stdio.h>

#include "kvmclock/event.h"
#include "model/model.h"

/* `vm` is the event's VM in the model, NULL if none; times are shown from `started_ns`. */
void kct_show_line(FILE *out, const union kct_any_event *event, const struct kct_vm *vm,
		   uint64_t started_ns);
/* With this text for the time. */
void kct_show_line_at(FILE *out, const char *time, const union kct_any_event *event,
		      const struct kct_vm *vm);

#endif

// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "kvmclock/event.h"
#include "model/names.h"

#define TEXT(name, text) text,

const char *const kct_event_names[KCT_NR_EVENTS] = {KCT_EVENTS(TEXT)};
const char *const kct_cause_names[KCT_NR_CAUSES] = {KCT_CAUSES(TEXT)};
const char *const kct_effect_names[KCT_NR_EFFECTS] = {KCT_EFFECTS(TEXT)};
const char *const kct_origin_names[KCT_NR_ORIGINS] = {KCT_ORIGINS(TEXT)};
const char *const kct_ioctl_names[KCT_NR_IOCTLS] = {KCT_IOCTLS(TEXT)};
const char *const kct_loss_names[KCT_NR_LOSSES] = {KCT_LOSSES(TEXT)};
const char *const kct_reason_names[KCT_NR_REASONS] = {KCT_REASONS(TEXT)};
const char *const kct_stack_note_names[KCT_NR_STACK_NOTES] = {KCT_STACK_NOTES(TEXT)};
const char *const kct_request_op_names[2] = {
	[KCT_REQUEST_MADE] = "made",
	[KCT_REQUEST_CLEARED] = "cleared",
};
const char *const kct_masterclock_names[3] = {
	[KCT_NO] = "inactive",
	[KCT_YES] = "active",
	[KCT_NOT_KNOWN] = "unknown",
};

int kct_name_number(const char *const *names, int count, const char *text)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], text))
			return i;
	return -1;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The texts of vocabulary.h's words, by number. */
#ifndef KCT_MODEL_NAMES_H
#define KCT_MODEL_NAMES_H

#include "kvmclock/vocabulary.h"

extern const char *const kct_event_names[KCT_NR_EVENTS];
extern const char *const kct_cause_names[KCT_NR_CAUSES];
extern const char *const kct_effect_names[KCT_NR_EFFECTS];
extern const char *const kct_origin_names[KCT_NR_ORIGINS];
extern const char *const kct_ioctl_names[KCT_NR_IOCTLS];
extern const char *const kct_loss_names[KCT_NR_LOSSES];
extern const char *const kct_reason_names[KCT_NR_REASONS];
extern const char *const kct_stack_note_names[KCT_NR_STACK_NOTES];
/* enum kct_request_op and enum kct_known (of a masterclock), of event.h. */
extern const char *const kct_request_op_names[2];
extern const char *const kct_masterclock_names[3];

/* The number of a text among `count` names, or -1. */
int kct_name_number(const char *const *names, int count, const char *text);

#endif

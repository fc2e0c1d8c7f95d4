/* SPDX-License-Identifier: GPL-2.0 */
/* The ends of a recording, its header and its trailer, from JSON. */
#ifndef KCT_RECORD_ENDS_H
#define KCT_RECORD_ENDS_H

#include <jansson.h>
#include <stdbool.h>

#include "record/recording.h"
#include "record/values.h"

/* Each is false, with the reason in `reading`, where it is not one. */
bool kct_read_header(struct kct_header *header, const json_t *object, struct kct_reading *reading);
bool kct_read_trailer(struct kct_trailer *trailer, const json_t *object,
		      struct kct_reading *reading);

#endif

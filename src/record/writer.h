/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of a recording, written to a stream. Errors of the stream stay there: ferror(). */
#ifndef KCT_RECORD_WRITER_H
#define KCT_RECORD_WRITER_H

#include <jansson.h>
#include <stdio.h>

#include "kvmclock/event.h"
#include "model/name.h"
#include "record/recording.h"

/* What tells which VM it is, beside its name; null is what is not known. */
void kct_json_set_identity(json_t *object, const struct kct_vm_name *name);

/* `name` goes with KCT_EVENT_VM only; NULL otherwise. */
void kct_write_event(FILE *out, const union kct_any_event *event, const struct kct_vm_name *name);
void kct_write_header(FILE *out, const struct kct_header *header);
void kct_write_trailer(FILE *out, const struct kct_trailer *trailer);

/* Header and trailer, and parts of them that reports show too; the caller owns the object. */
json_t *kct_json_header(const struct kct_header *header);
json_t *kct_json_trailer(const struct kct_trailer *trailer);
json_t *kct_json_host(const struct kct_header *header);
json_t *kct_json_hooks(const struct kct_header *header);
/* null where it is no part. */
json_t *kct_json_part(const struct kct_part *part);
json_t *kct_json_losses(const uint64_t losses[KCT_NR_LOSSES]);
json_t *kct_json_missed(const struct kct_misses *misses);
/* What was passed over while it was read. */
json_t *kct_json_passed(const struct kct_passed *passed);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* JSON values as all outputs have them, and objects as lines. */
#ifndef KCT_BASE_JSON_H
#define KCT_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* A u64: a decimal string where it does not fit into a reader's signed 64 bits. */
json_t *kct_json_u64(uint64_t value);
/* A string of a text that is printable (base/text.h); null of "" or NULL. */
json_t *kct_json_text(const char *text);

void kct_json_set_u64(json_t *object, const char *key, uint64_t value);

/* Print the object on one line, and release it. Errors of the stream stay there: ferror(). */
void kct_json_print(FILE *out, json_t *object);

#endif

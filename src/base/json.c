// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "base/json.h"

json_t *kct_json_u64(uint64_t value)
{
	char digits[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return json_string(digits);
}

json_t *kct_json_text(const char *text)
{
	json_t *string = text && *text ? json_string(text) : NULL;

	return string ? string : json_null();
}

void kct_json_set_u64(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, kct_json_u64(value));
}

void kct_json_print(FILE *out, json_t *object)
{
	if (object)
		json_dumpf(object, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(object);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A mutator for recordings. One in three changes is libFuzzer's own, of bytes; the others change
 * lines, or a value within a line that stays JSON: so more than the parser is reached.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed);

/* A number below `bound`. */
static size_t draw(unsigned int *seed, size_t bound)
{
	return (size_t)rand_r(seed) % bound;
}

struct span {
	size_t at, size; /* with its line feed */
};

static struct span line_from(const uint8_t *data, size_t size, size_t at)
{
	const uint8_t *end = memchr(data + at, '\n', size - at);

	return (struct span){at, end ? (size_t)(end - data) + 1 - at : size - at};
}

/* Any line: the one in which a byte drawn from all lies. */
static struct span any_line(const uint8_t *data, size_t size, unsigned int *seed)
{
	size_t at = draw(seed, size);

	while (at > 0 && data[at - 1] != '\n')
		at--;
	return line_from(data, size, at);
}

/* Have `text` in place of a part. The new size, or the old one if there is no room. */
static size_t replace(uint8_t *data, size_t size, size_t max, struct span part, const void *text,
		      size_t length)
{
	if (size - part.size + length > max)
		return size;
	memmove(data + part.at + length, data + part.at + part.size, size - part.at - part.size);
	memcpy(data + part.at, text, length);
	return size - part.size + length;
}

/* ---- lines ---- */

static size_t change_lines(uint8_t *data, size_t size, size_t max, unsigned int *seed)
{
	struct span line = any_line(data, size, seed), place = any_line(data, size, seed);
	uint8_t *copy = malloc(line.size);
	size_t length = line.size;

	memcpy(copy, data + line.at, length);
	switch (draw(seed, 3)) {
	case 0: /* without it */
		size = replace(data, size, max, line, "", 0);
		break;
	case 1: /* once more, somewhere */
		size = replace(data, size, max, (struct span){place.at, 0}, copy, length);
		break;
	case 2: /* it in the place of another */
		size = replace(data, size, max, place, copy, length);
		break;
	}
	free(copy);
	return size;
}

/* ---- values ---- */

static size_t count_values(json_t *value)
{
	size_t count = 1, index;
	const char *key;
	json_t *inner;

	if (json_is_object(value)) {
		json_object_foreach (value, key, inner)
			count += count_values(inner);
	} else if (json_is_array(value)) {
		json_array_foreach (value, index, inner)
			count += count_values(inner);
	}
	return count;
}

static json_t *another_number(json_int_t old, unsigned int *seed)
{
	static const json_int_t numbers[] = {0,	  1,	     2,		 127,	    128,       255,
					     256, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN, -1};

	switch (draw(seed, 4)) {
	case 0:
		return json_integer(numbers[draw(seed, COUNT(numbers))]);
	case 1:
		return json_integer((json_int_t)((uint64_t)old + draw(seed, 5) - 2));
	case 2:
		return json_integer((json_int_t)((uint64_t)old ^ 1ULL << draw(seed, 64)));
	}
	return json_integer((json_int_t)draw(seed, 8));
}

/* A text about as long as there is room for somewhere. */
static json_t *long_text(unsigned int *seed)
{
	static const size_t lengths[] = {16, 24, 32, 40, 64, 128, 160, 256, 4096};
	size_t length = lengths[draw(seed, COUNT(lengths))] + draw(seed, 3) - 1;
	char text[4098];

	memset(text, 'a', length);
	return json_stringn(text, length);
}

static json_t *another_text(unsigned int *seed)
{
	static const char *const words[] = {
		"made",	   "vcpu-request", "set-clock", "resnapshot", "9223372036854775808",
		"cleared", "suppressed",   "unknown",	"on",	      "18446744073709551615",
	};
	static const char *const unprintable[] = {"",  "\033[2J",  "\n", "\u202e",
						  "?", "\xc2\x9b", "é",	 "\u2026"};

	switch (draw(seed, 4)) {
	case 0:
		return long_text(seed);
	case 1:
		return json_string(unprintable[draw(seed, COUNT(unprintable))]);
	}
	return json_string(words[draw(seed, COUNT(words))]);
}

static json_t *another(const json_t *old, unsigned int *seed)
{
	if (!draw(seed, 10))
		return json_null();
	if (json_is_integer(old))
		return another_number(json_integer_value(old), seed);
	if (json_is_boolean(old))
		return json_boolean(!json_is_true(old));
	if (json_is_string(old))
		return another_text(seed);
	return another_number(0, seed);
}

/* Put another value in place of the one that `left` are before. */
static void change_value(json_t *value, size_t *left, unsigned int *seed)
{
	size_t index;
	const char *key;
	json_t *inner;
	void *next;

	if (json_is_array(value)) {
		json_array_foreach (value, index, inner) {
			if (!(*left)--)
				json_array_set_new(value, index, another(inner, seed));
			else
				change_value(inner, left, seed);
		}
		return;
	}
	json_object_foreach_safe(value, next, key, inner)
	{
		if ((*left)--)
			change_value(inner, left, seed);
		else if (draw(seed, 12))
			json_object_set_new(value, key, another(inner, seed));
		else
			json_object_del(value, key);
	}
}

static size_t change_values(uint8_t *data, size_t size, size_t max, unsigned int *seed)
{
	struct span line = any_line(data, size, seed);
	json_t *object = json_loadb((const char *)data + line.at, line.size, 0, NULL);
	size_t left;
	char *text;

	if (!json_is_object(object)) {
		json_decref(object);
		return LLVMFuzzerMutate(data, size, max);
	}
	left = draw(seed, count_values(object));
	change_value(object, &left, seed);
	text = json_dumps(object, JSON_COMPACT);
	line.size -= data[line.at + line.size - 1] == '\n';
	size = replace(data, size, max, line, text, strlen(text));
	free(text);
	json_decref(object);
	return size;
}

/* Have the trailer count the events that there are: what is cut off is soon done with. */
static size_t count_events(uint8_t *data, size_t size, size_t max)
{
	static const char key[] = "\"events\":";
	size_t lines = 0;

	for (struct span line = line_from(data, size, 0); line.at < size;
	     line = line_from(data, size, line.at + line.size), lines++) {
		uint8_t *at = memmem(data + line.at, line.size, key, sizeof(key) - 1);
		char number[24];
		size_t digits = 0;

		if (!at || lines < 1)
			continue;
		at += sizeof(key) - 1;
		while (at + digits < data + size && at[digits] >= '0' && at[digits] <= '9')
			digits++;
		return replace(data, size, max, (struct span){(size_t)(at - data), digits}, number,
			       (size_t)snprintf(number, sizeof(number), "%zu", lines - 1));
	}
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	bool counted = draw(&seed, 3);

	if (!size)
		return LLVMFuzzerMutate(data, size, max);
	switch (draw(&seed, 3)) {
	case 0:
		return LLVMFuzzerMutate(data, size, max);
	case 1:
		size = change_lines(data, size, max, &seed);
		break;
	case 2:
		size = change_values(data, size, max, &seed);
		break;
	}
	return counted && size ? count_events(data, size, max) : size;
}

/* The beginning of one, the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed)
{
	size_t head, tail;

	if (!a_size || !b_size)
		return 0;
	head = any_line(a, a_size, &seed).at;
	tail = any_line(b, b_size, &seed).at;
	if (head + b_size - tail > max)
		return 0;
	memcpy(out, a, head);
	memcpy(out + head, b + tail, b_size - tail);
	return head + b_size - tail;
}

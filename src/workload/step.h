/* SPDX-License-Identifier: GPL-2.0 */
/* What a scenario writes down of itself: JSON values, and steps with their times. */
#ifndef KCT_WORKLOAD_STEP_H
#define KCT_WORKLOAD_STEP_H

#include <jansson.h>
#include <stdint.h>

/* Return p, or end the program with one line on stderr if it is NULL: memory ran out. */
void *wl_need(void *p);

/* Nanoseconds of CLOCK_BOOTTIME, the clock that traces are stamped with. */
uint64_t wl_now(void);

/* Let that many nanoseconds pass: asleep for the greater part, then awake for precision. */
void wl_pass(uint64_t ns);

/* Set a member or append an element; the reference to value is taken. */
void wl_set(json_t *object, const char *key, json_t *value);
void wl_append(json_t *array, json_t *value);

/* A number, or above INT64_MAX, where JSON readers disagree, its decimal digits as a string. */
void wl_set_u64(json_t *object, const char *key, uint64_t value);
void wl_set_text(json_t *object, const char *key, const char *value);

/*
 * Begin a step: append {"step": name, "begin_ns": now} to steps. The result belongs to steps; more
 * members may be added to it. wl_step_end() adds "end_ns".
 */
json_t *wl_step_begin(json_t *steps, const char *name);
void wl_step_end(json_t *step);

#endif

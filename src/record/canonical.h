/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events in the very bytes that kct_write_event() makes of them: its inverse, by the same table.
 * It is many times faster than a JSON parser, and no second one: any other line, valid or not, is
 * left to the real one.
 */
#ifndef KCT_RECORD_CANONICAL_H
#define KCT_RECORD_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

#include "kvmclock/event.h"

/*
 * Read a line of that length, behind which there is a NUL. False, with anything in the event, if it
 * is not in that form, or holds texts or numbers past the signed 64 bits.
 */
bool kct_read_canonical(const char *line, size_t length, union kct_any_event *event);

#endif

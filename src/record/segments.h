/* SPDX-License-Identifier: GPL-2.0 */
/* The recordings in a directory, as a flight recorder leaves them there. */
#ifndef KCT_RECORD_SEGMENTS_H
#define KCT_RECORD_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Does a name end so, and is it more than that? */
bool kct_name_ends(const char *name, const char *end);

/* Is it the name of one: *.jsonl or *.jsonl.gz, and no journal (migrations*.jsonl)? */
bool kct_is_segment(const char *name);

/*
 * Their names, in the order of names, which is that of time. How many there are, or -errno; the
 * caller frees each and the list.
 */
int kct_segments(const char *directory, char ***names);
void kct_segments_free(char **names, int count);

#endif

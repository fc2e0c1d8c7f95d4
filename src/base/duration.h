/* SPDX-License-Identifier: GPL-2.0 */
/* Times, in ns; and durations as users type them: a whole number and a unit, such as 10s. */
#ifndef KCT_BASE_DURATION_H
#define KCT_BASE_DURATION_H

#include <stdint.h>

#define KCT_NS_PER_S 1000000000LL

/*
 * Read a duration: decimal digits and one of the units ns, us, ms, s, m (minutes), h; "0" needs
 * no unit. Nothing may stand before or after it, not even a space.
 *
 * Returns 0 and the nanoseconds in *ns, or -EINVAL, with *ns untouched, for anything else and for
 * what does not fit 64 bits.
 */
int kct_parse_duration(const char *text, uint64_t *ns);
/* An interval as vmstat takes it: plain seconds; or such a duration, and not 0. 0 or -EINVAL. */
int kct_parse_interval(const char *text, uint64_t *ns);

#endif

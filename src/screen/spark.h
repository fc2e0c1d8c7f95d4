/* SPDX-License-Identifier: GPL-2.0 */
/* How often something happened in each second of the last minute, and a line that shows it. */
#ifndef KCT_SCREEN_SPARK_H
#define KCT_SCREEN_SPARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KCT_SPARK_SECONDS 60
/* Room for the text of a whole minute: a character of at most three bytes a second. */
#define KCT_SPARK_ROOM (3 * KCT_SPARK_SECONDS + 1)

/* All zeroes is one to which nothing has happened. */
struct kct_spark {
	uint64_t second;		    /* the latest that `counts` is of, of CLOCK_BOOTTIME */
	uint32_t counts[KCT_SPARK_SECONDS]; /* by the second, modulo their number */
};

/* It happened at `ns` of CLOCK_BOOTTIME; what is older than a minute is not kept. */
void kct_spark_add(struct kct_spark *spark, uint64_t ns);

/*
 * How often in a second, on the average of those, up to ten, that were watched whole: they lie
 * between `since_ns` and `now_ns`. Less than 0: not one was, it is not known.
 */
double kct_spark_rate(const struct kct_spark *spark, uint64_t since_ns, uint64_t now_ns);

/*
 * The last minute in `columns` columns, a divisor of 60, with the second that runs at its end. The
 * highest character is the most that happened in any of them. A column of which no second was
 * watched is blank; one in which nothing happened is not. `ascii`: in nothing but ASCII. Returns
 * `text`.
 */
const char *kct_spark_text(char text[KCT_SPARK_ROOM], const struct kct_spark *spark,
			   uint64_t since_ns, uint64_t now_ns, size_t columns, bool ascii);

#endif

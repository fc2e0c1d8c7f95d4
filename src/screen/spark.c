// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/duration.h"
#include "screen/spark.h"

/* Seconds of which a rate is the average. */
#define RATE_SECONDS 10

static uint64_t second_of(uint64_t ns)
{
	return ns / KCT_NS_PER_S;
}

/* Forget what is older than a minute at that second. */
static void go_on(struct kct_spark *spark, uint64_t second)
{
	uint64_t new = second - spark->second;

	if (new > KCT_SPARK_SECONDS)
		new = KCT_SPARK_SECONDS;
	for (uint64_t i = 0; i < new; i++)
		spark->counts[(second - i) % KCT_SPARK_SECONDS] = 0;
	spark->second = second;
}

void kct_spark_add(struct kct_spark *spark, uint64_t ns)
{
	uint64_t second = second_of(ns);

	if (second > spark->second)
		go_on(spark, second);
	/* Events of two CPUs need not come in the order of time. */
	else if (spark->second - second >= KCT_SPARK_SECONDS)
		return;
	spark->counts[second % KCT_SPARK_SECONDS]++;
}

static uint32_t count_of(const struct kct_spark *spark, uint64_t second)
{
	if (second > spark->second || spark->second - second >= KCT_SPARK_SECONDS)
		return 0;
	return spark->counts[second % KCT_SPARK_SECONDS];
}

double kct_spark_rate(const struct kct_spark *spark, uint64_t since_ns, uint64_t now_ns)
{
	/* The first one that was watched whole, and the one that runs. */
	uint64_t first = second_of(since_ns + KCT_NS_PER_S - 1), end = second_of(now_ns), sum = 0;

	if (end > RATE_SECONDS && first < end - RATE_SECONDS)
		first = end - RATE_SECONDS;
	if (first >= end)
		return -1;
	for (uint64_t second = first; second < end; second++)
		sum += count_of(spark, second);
	return (double)sum / (double)(end - first);
}

/* ---- the line ---- */

/* Not watched; nothing; some, from little to most. */
static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const plain[] = {" ", "_", ".", ":", "-", "=", "+", "*", "#"};
#define LEVELS 7

/* What happened in the seconds of a column. */
static uint64_t column_sum(const struct kct_spark *spark, uint64_t end, uint64_t seconds)
{
	uint64_t sum = 0;

	for (uint64_t i = 1; i <= seconds && i <= end; i++)
		sum += count_of(spark, end - i);
	return sum;
}

const char *kct_spark_text(char text[KCT_SPARK_ROOM], const struct kct_spark *spark,
			   uint64_t since_ns, uint64_t now_ns, size_t columns, bool ascii)
{
	const char *const *levels = ascii ? plain : blocks;
	uint64_t each = KCT_SPARK_SECONDS / columns, sums[KCT_SPARK_SECONDS], most = 1;
	uint64_t now = second_of(now_ns), since = second_of(since_ns);
	char *to = text;

	for (size_t i = 0; i < columns; i++) {
		uint64_t ago = (columns - i - 1) * each;

		sums[i] = now + 1 < ago ? 0 : column_sum(spark, now + 1 - ago, each);
		if (sums[i] > most)
			most = sums[i];
	}
	for (size_t i = 0; i < columns; i++) {
		bool watched = now + 1 > (columns - i - 1) * each + since;
		uint64_t level = !watched ? 0 : !sums[i] ? 1 : 2 + sums[i] * (LEVELS - 1) / most;

		to = stpcpy(to, levels[level]);
	}
	return text;
}

// SPDX-License-Identifier: GPL-2.0
#include "screen/replay.h"

/* What is a second of a migration is over in no time, what is a day of a host takes long. */
static const struct {
	uint64_t times, by;
	const char *text;
} speeds[] = {
	{1, 100000, "x1/100000"}, {1, 10000, "x1/10000"}, {1, 1000, "x1/1000"}, {1, 100, "x1/100"},
	{1, 10, "x1/10"},	  {1, 2, "x1/2"},	  {1, 1, "x1"},		{2, 1, "x2"},
	{10, 1, "x10"},		  {60, 1, "x60"},	  {600, 1, "x600"},	{3600, 1, "x3600"},
};
#define NR_SPEEDS (sizeof(speeds) / sizeof(speeds[0]))
#define AS_IT_WAS 6

void kct_replay_init(struct kct_replay *replay, uint64_t start_ns, uint64_t end_ns,
		     uint64_t real_ns)
{
	*replay = (struct kct_replay){
		.start_ns = start_ns,
		.end_ns = end_ns > start_ns ? end_ns : start_ns,
		.at_ns = start_ns,
		.speed = AS_IT_WAS,
		.real_ns = real_ns,
	};
}

void kct_replay_go_on(struct kct_replay *replay, uint64_t real_ns)
{
	uint64_t took = real_ns - replay->real_ns, left = replay->end_ns - replay->at_ns, by;

	by = speeds[replay->speed].by;
	if (replay->paused) {
		replay->real_ns = real_ns;
		return;
	}
	/* A fraction of a nanosecond is left for the next time. */
	if (__builtin_mul_overflow(took / by, speeds[replay->speed].times, &took) || took >= left) {
		replay->at_ns = replay->end_ns;
		replay->paused = true;
		replay->real_ns = real_ns;
		return;
	}
	replay->at_ns += took;
	replay->real_ns = real_ns - (real_ns - replay->real_ns) % by;
}

void kct_replay_go_to(struct kct_replay *replay, uint64_t at_ns)
{
	replay->at_ns = at_ns < replay->start_ns ? replay->start_ns
			: at_ns > replay->end_ns ? replay->end_ns
						 : at_ns;
}

void kct_replay_pause(struct kct_replay *replay, bool paused, uint64_t real_ns)
{
	replay->paused = paused;
	replay->real_ns = real_ns;
	if (!paused && replay->at_ns == replay->end_ns)
		replay->at_ns = replay->start_ns;
}

void kct_replay_faster(struct kct_replay *replay)
{
	if (replay->speed + 1 < NR_SPEEDS)
		replay->speed++;
}

void kct_replay_slower(struct kct_replay *replay)
{
	if (replay->speed > 0)
		replay->speed--;
}

const char *kct_replay_speed_text(const struct kct_replay *replay)
{
	return speeds[replay->speed].text;
}

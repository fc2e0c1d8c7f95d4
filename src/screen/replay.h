/* SPDX-License-Identifier: GPL-2.0 */
/* The time of a replay: which instant of a recording is shown, and how fast it goes on. */
#ifndef KCT_SCREEN_REPLAY_H
#define KCT_SCREEN_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kct_replay {
	uint64_t start_ns, end_ns; /* of the recording, CLOCK_BOOTTIME of its host */
	uint64_t at_ns;		   /* shown, between them */
	bool paused;
	size_t speed;	  /* kct_replay_speed_text() has it */
	uint64_t real_ns; /* the real time of `at_ns` */
};

/* At its start, at the speed at which it was recorded. `real_ns` is of any clock that runs. */
void kct_replay_init(struct kct_replay *replay, uint64_t start_ns, uint64_t end_ns,
		     uint64_t real_ns);
/* So late it is now; at the end it is paused. */
void kct_replay_go_on(struct kct_replay *replay, uint64_t real_ns);
/* Show that instant, or the nearest there is. */
void kct_replay_go_to(struct kct_replay *replay, uint64_t at_ns);
/* At the end, to play is to play again. */
void kct_replay_pause(struct kct_replay *replay, bool paused, uint64_t real_ns);
void kct_replay_faster(struct kct_replay *replay);
void kct_replay_slower(struct kct_replay *replay);
/* Such as "x1", "x1/100". */
const char *kct_replay_speed_text(const struct kct_replay *replay);

#endif

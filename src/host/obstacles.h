/* SPDX-License-Identifier: GPL-2.0 */
/* What of this process's surroundings is in the way of tracing, and what would help. */
#ifndef KCT_HOST_OBSTACLES_H
#define KCT_HOST_OBSTACLES_H

#include <stddef.h>

#define KCT_MAX_OBSTACLES 8

struct kct_obstacle {
	const char *what;   /* "capabilities", "user-namespace", "seccomp", ... */
	char seen[128];	    /* what was found */
	const char *remedy; /* what to do about it */
};

/* Fill the list, and give how many there are. Each is found by trying or asking, none by a version.
 */
size_t kct_host_obstacles(struct kct_obstacle list[KCT_MAX_OBSTACLES]);

#endif

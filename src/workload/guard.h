/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file of the host's that is changed for a while, and gets back what it held in any case: a
 * process of its own, in a session of its own and deaf to signals, waits for the end of this one,
 * be it by SIGKILL, and writes it back then.
 */
#ifndef KCT_WORKLOAD_GUARD_H
#define KCT_WORKLOAD_GUARD_H

#include <sys/types.h>

struct wl_guard {
	const char *path; /* not copied */
	char before[64];  /* what it held, without its line end */
	pid_t pid;
	int fd; /* whose end tells the other process of ours */
};

/*
 * From here on the file is put back. Before there is a second thread, or a VM that would outlive
 * us in the other process. 0 or -errno; end it only after 0.
 */
int wl_guard_begin(struct wl_guard *guard, const char *path);
/* Write the file, as often as wanted. 0 or -errno. */
int wl_guard_write(const struct wl_guard *guard, const char *value);
/* Put it back now; 0, or -errno if it could not be. */
int wl_guard_end(struct wl_guard *guard);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that takes the place of another one whole: until it does, the old one is as it was. What
 * is not a plain file (a pipe, a device, a symbolic link to anything) is written as it is.
 */
#ifndef KCT_BASE_REPLACE_H
#define KCT_BASE_REPLACE_H

struct kct_replacement {
	int fd; /* to write to; the caller closes it */
	const char *path;
	char *temporary; /* the new file, beside `path`; NULL where `path` itself is open */
};

/*
 * Open what is to be at `path`, which has to stay valid. A new file is its owner's only. 0 or
 * -errno; -ENXIO of a FIFO that nobody has open for reading.
 */
int kct_replace_open(struct kct_replacement *file, const char *path);
/* From here on it is what is found at `path`. 0 or -errno, with the old one still there. */
int kct_replace_commit(struct kct_replacement *file);
/* Leave `path` as it was, if it has not been replaced yet. */
void kct_replace_abandon(struct kct_replacement *file);

#endif

// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/progress.h"

#define DELAY_NS    KCT_NS_PER_S
#define INTERVAL_NS 100000000ULL

#define MIB	    (1024.0 * 1024.0)
#define BAR	    40
#define BAR_BEGINS  " ["

static bool forbidden;

void kct_progress_forbid(void)
{
	forbidden = true;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * KCT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* One that was put into the background would be stopped when it writes there, or disturb. */
static bool is_our_terminal(void)
{
	return isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void kct_progress_begin(struct kct_progress *progress, uint64_t total)
{
	*progress = (struct kct_progress){.total = total};
	progress->possible = !forbidden && is_our_terminal();
	progress->due_ns = now_ns() + DELAY_NS;
}

/* ---- the text ---- */

static void add_bar(char *text, unsigned int percent)
{
	size_t used = strlen(text);

	used += (size_t)snprintf(text + used, KCT_PROGRESS_SIZE - used, BAR_BEGINS);
	for (unsigned int i = 0; i < BAR; i++)
		text[used++] = i * 100 < percent * BAR ? '#' : '.';
	snprintf(text + used, KCT_PROGRESS_SIZE - used, "]");
}

void kct_progress_text(const struct kct_progress *progress, size_t columns,
		       char text[KCT_PROGRESS_SIZE])
{
	/* A file that grows meanwhile is not read to more than its end. */
	uint64_t done = progress->done < progress->total ? progress->done : progress->total;
	unsigned int percent =
		progress->total ? (unsigned int)((double)done * 100 / (double)progress->total) : 0;

	if (!progress->total) {
		snprintf(text, KCT_PROGRESS_SIZE, "reading, %.1f MiB",
			 (double)progress->done / MIB);
	} else {
		snprintf(text, KCT_PROGRESS_SIZE, "reading %3u%%", percent);
		if (strlen(text) + strlen(BAR_BEGINS) + BAR + 1 <= columns)
			add_bar(text, percent);
	}
	if (columns < KCT_PROGRESS_SIZE)
		text[columns] = '\0';
}

/* ---- the terminal ---- */

/* Not through stderr, where only what is fit to print is written. Nothing is lost with it. */
static void put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* One column less than there are, since in the last one some terminals begin a new line. */
static size_t columns_there(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 79;
	return size.ws_col - 1U;
}

/* No escape sequences: what was there is overwritten. */
static void show(struct kct_progress *progress, const char *text)
{
	char line[2 * KCT_PROGRESS_SIZE];
	size_t length = strlen(text);
	size_t more = progress->columns > length ? progress->columns - length : 0;

	snprintf(line, sizeof(line), "\r%s%*s%s", text, (int)more, "", length ? "" : "\r");
	put(line);
	progress->columns = length;
}

void kct_progress_add(struct kct_progress *progress, uint64_t bytes)
{
	char text[KCT_PROGRESS_SIZE];
	uint64_t now;

	progress->done += bytes;
	if (!progress->possible)
		return;
	now = now_ns();
	if (now < progress->due_ns)
		return;
	progress->due_ns = now + INTERVAL_NS;
	kct_progress_text(progress, columns_there(), text);
	show(progress, text);
}

void kct_progress_end(struct kct_progress *progress)
{
	if (progress->columns)
		show(progress, "");
	progress->possible = false;
}

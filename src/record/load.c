// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "record/input.h"
#include "record/segments.h"
#include "record/take.h"

/* ---- one file ---- */

/* Why there is no recording in the file. */
static void say_no_recording(struct kct_loading *loading, enum kct_line last)
{
	const struct kct_reader *reader = &loading->reader;

	if (last == KCT_LINE_INVALID && *reader->why)
		snprintf(loading->why, sizeof(loading->why), "line %" PRIu64 ": %s",
			 reader->lines.count, reader->why);
	else
		snprintf(loading->why, sizeof(loading->why), "%s",
			 reader->lines.count == 1 && last == KCT_LINE_END ? "empty"
									  : "not a recording");
}

/* The end of the file, or of what can be read of it. */
static void end_file(struct kct_loading *loading, enum kct_line last)
{
	const struct kct_reader *reader = &loading->reader;
	char why[256];

	if (last == KCT_LINE_INVALID)
		snprintf(why, sizeof(why), "read up to line %" PRIu64 ": %s",
			 reader->lines.count - 1, reader->why);
	else if (last == KCT_LINE_CUT && reader->trailer_seen)
		snprintf(why, sizeof(why), "something is behind the trailer");
	else if (last == KCT_LINE_CUT)
		snprintf(why, sizeof(why), "cut off in line %" PRIu64, reader->lines.count);
	else if (!reader->trailer_seen)
		snprintf(why, sizeof(why), "cut off: it has no trailer");
	else
		return;
	kct_join_cut(&loading->join, why);
}

/* False if it is no recording: `why` tells the reason. */
static bool load_stream(struct kct_loading *loading, FILE *in)
{
	struct kct_reader *reader = &loading->reader;
	enum kct_line line;

	kct_reader_init(reader, in);
	loading->trailer_due = false;
	while ((line = kct_reader_next(reader)) < KCT_LINE_END)
		if (!kct_take_line(loading, line)) {
			line = loading->enough ? KCT_LINE_END : KCT_LINE_INVALID;
			break;
		}
	if (loading->refused)
		return false;
	if (!loading->enough && reader->header_seen)
		end_file(loading, line);
	else if (!reader->header_seen)
		say_no_recording(loading, line);
	if (loading->wanted->copy)
		kct_copy_end(&loading->copy, line == KCT_LINE_END);
	return reader->header_seen;
}

static bool load_file(struct kct_loading *loading, const char *path)
{
	FILE *in = kct_input_open(path, &loading->progress);
	bool done;

	if (!in) {
		snprintf(loading->why, sizeof(loading->why), "%s", strerror(errno));
		return false;
	}
	done = load_stream(loading, in);
	fclose(in);
	return done;
}

static bool read_first(struct kct_reader *reader, const char *path)
{
	FILE *in = kct_input_open(path, NULL);
	bool done;

	if (!in)
		return false;
	kct_reader_init(reader, in);
	done = kct_reader_next(reader) == KCT_LINE_HEADER;
	fclose(in);
	return done;
}

/* ---- a directory ---- */

/* The reader is at the header of that segment. False if it has none. */
static bool read_header_of(struct kct_reader *reader, const char *directory, const char *name)
{
	char *path;
	bool done;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return false;
	done = read_first(reader, path);
	free(path);
	return done;
}

/* The last one that begins before the part tells how that begins: those before it are not read. */
static int first_needed(struct kct_loading *loading, const char *directory, char **names, int count)
{
	for (int i = count - 1; i > 0; i--)
		if (read_header_of(&loading->reader, directory, names[i]) &&
		    kct_cut_is_before(&loading->cut, &loading->reader.header))
			return i;
	return 0;
}

static bool load_segment(struct kct_loading *loading, const char *directory, const char *name)
{
	char *path;
	bool done;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return false;
	done = load_file(loading, path);
	free(path);
	return done;
}

/* The part is over, and what was lost in its last segment is known. */
static bool has_enough(const struct kct_loading *loading)
{
	return loading->enough || (loading->cut.over && !loading->trailer_due);
}

/* What a crash left of a file before its header was whole does not spoil the others. */
static bool load_segments(struct kct_loading *loading, const char *directory, char **names,
			  int count)
{
	int first = loading->cut.span.since.kind == KCT_TIME_WALL
			    ? first_needed(loading, directory, names, count)
			    : 0;

	for (int i = first; i < count && !loading->refused && !has_enough(loading); i++)
		if (!load_segment(loading, directory, names[i]) && !loading->refused &&
		    loading->join.begun)
			kct_join_cut(&loading->join, loading->why);
	return loading->join.begun && !loading->refused;
}

static bool load_directory(struct kct_loading *loading, const char *directory)
{
	char **names;
	int count = kct_segments(directory, &names);
	bool done;

	if (count < 0) {
		snprintf(loading->why, sizeof(loading->why), "%s", strerror(-count));
		return false;
	}
	snprintf(loading->why, sizeof(loading->why), "no recording is in it");
	done = load_segments(loading, directory, names, count);
	kct_segments_free(names, count);
	return done;
}

/* ---- both ---- */

static bool is_directory(const char *path)
{
	struct stat status;

	return strcmp(path, "-") && !stat(path, &status) && S_ISDIR(status.st_mode);
}

static uint64_t size_of_file(int directory, const char *path)
{
	struct stat status;
	int failed = strcmp(path, "-") ? fstatat(directory, path, &status, 0)
				       : fstat(STDIN_FILENO, &status);

	return !failed && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

/* Bytes in all its files; 0 if nobody knows, as of a pipe. */
static uint64_t size_of(const char *path)
{
	int directory, count;
	uint64_t size = 0;
	char **names;

	if (!is_directory(path))
		return size_of_file(AT_FDCWD, path);
	directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	count = kct_segments(path, &names);
	for (int i = 0; i < count; i++)
		size += size_of_file(directory, names[i]);
	if (count >= 0)
		kct_segments_free(names, count);
	if (directory >= 0)
		close(directory);
	return size;
}

/* What was lost, which in a part of a recording need not be of that. */
static void tell_losses(struct kct_recording *recording)
{
	char text[160];

	if (!kct_losses_text(recording->model.lost.losses, text, sizeof(text)))
		return;
	if (kct_is_part(&recording->header, &recording->trailer))
		snprintf(recording->incomplete, sizeof(recording->incomplete),
			 "%s in the whole, and nobody knows whether in this part", text);
	else
		snprintf(recording->incomplete, sizeof(recording->incomplete), "%s", text);
}

/* All that is there is known; and what was lost before it came there? */
static int conclude(struct kct_recording *recording, const char *path)
{
	if (!*recording->incomplete)
		tell_losses(recording);
	if (!*recording->incomplete)
		return KCT_EXIT_OK;
	kct_error("%s: %s", path, recording->incomplete);
	return KCT_EXIT_INCOMPLETE;
}

/* All was read, and the part has not begun: nothing happened in it, or it is behind all that. */
static bool begin_late(struct kct_loading *loading)
{
	const struct kct_recording *recording = loading->recording;
	uint64_t ended = kct_ended(&recording->header, &recording->trailer);

	if (ended && ended < loading->cut.since_ns)
		return kct_take_refuse(loading, "nothing of it is in that span: it ends earlier");
	if (!kct_take_late(loading))
		return kct_take_refuse(loading, loading->reader.why);
	if (loading->wanted->copy)
		kct_copy_end(&loading->copy, true);
	return true;
}

static bool load_path(struct kct_loading *loading, const char *path)
{
	bool done;

	kct_progress_begin(&loading->progress, size_of(path));
	done = is_directory(path) ? load_directory(loading, path) : load_file(loading, path);
	kct_progress_end(&loading->progress);
	if (done && !loading->begun)
		done = begin_late(loading);
	if (done && loading->copy.failed) {
		snprintf(loading->why, sizeof(loading->why), "out of memory");
		done = false;
	}
	return done;
}

/* The caller clears and frees it. NULL when out of memory. */
static struct kct_loading *loading_new(const struct kct_wanted *wanted,
				       struct kct_recording *recording)
{
	struct kct_loading *loading = malloc(sizeof(*loading));

	memset(recording, 0, sizeof(*recording));
	kct_model_init(&recording->model);
	if (!loading)
		return NULL;
	*loading = (struct kct_loading){
		.recording = recording,
		.wanted = wanted,
		.copy = {.out = wanted->copy, .as_segments = wanted->as_segments},
		.join.recording = recording};
	kct_cut_init(&loading->cut, wanted->span);
	return loading;
}

static void loading_free(struct kct_loading *loading)
{
	kct_join_clear(&loading->join);
	kct_cut_clear(&loading->cut);
	kct_copy_clear(&loading->copy);
	free(loading);
}

int kct_load(const char *path, const struct kct_wanted *wanted, struct kct_recording *recording)
{
	struct kct_loading *loading = loading_new(wanted, recording);
	bool done;

	if (!loading) {
		kct_error("out of memory");
		return KCT_EXIT_USAGE;
	}
	done = load_path(loading, path);
	if (!done) {
		kct_error("%s: %s", path, loading->why);
		kct_recording_clear(recording);
	}
	loading_free(loading);
	return done ? conclude(recording, path) : KCT_EXIT_USAGE;
}

static bool read_first_of(struct kct_reader *reader, const char *directory)
{
	char **names;
	int count = kct_segments(directory, &names);
	bool done = false;

	for (int i = 0; i < count && !done; i++)
		done = read_header_of(reader, directory, names[i]);
	if (count >= 0)
		kct_segments_free(names, count);
	return done;
}

bool kct_load_header(const char *path, struct kct_header *header)
{
	struct kct_reader *reader = malloc(sizeof(*reader));
	bool done = reader &&
		    (is_directory(path) ? read_first_of(reader, path) : read_first(reader, path));

	if (done)
		*header = reader->header;
	free(reader);
	return done;
}

/* What would wait for a writer, or has been read to its end, is no file to read again. */
static bool is_there_again(const char *path)
{
	struct stat status;

	return strcmp(path, "-") && !stat(path, &status) &&
	       (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

bool kct_load_again(const char *path, const struct kct_wanted *wanted)
{
	struct kct_recording recording;
	struct kct_loading *loading;
	bool done;

	if (!is_there_again(path))
		return false;
	loading = loading_new(wanted, &recording);
	done = loading && load_path(loading, path);
	kct_recording_clear(&recording);
	if (loading)
		loading_free(loading);
	return done;
}

void kct_recording_clear(struct kct_recording *recording)
{
	kct_model_clear(&recording->model);
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "record/input.h"
#include "record/join.h"
#include "record/load.h"
#include "record/reader.h"
#include "record/segments.h"

struct loading {
	struct kct_recording *recording;
	struct kct_join join;
	struct kct_reader reader;
	kct_visit visit;
	void *context;
	char why[320]; /* of a file that is no recording at all */
	bool refused;  /* what was read before it is none then, either */
};

/* ---- one file ---- */

static bool has_room(const struct kct_model *model, struct kct_reader *reader)
{
	if (model->nr_vms + model->nr_vcpus <= KCT_MAX_HELD)
		return true;
	snprintf(reader->why, sizeof(reader->why), "more than %u VMs and vCPUs", KCT_MAX_HELD);
	return false;
}

/* Take the event read last into the model; false, with the reason in `why`, if it has no room. */
static bool take(struct loading *loading)
{
	struct kct_model *model = &loading->recording->model;
	struct kct_reader *reader = &loading->reader;

	if (!kct_join_event(&loading->join, &reader->event)) {
		snprintf(reader->why, sizeof(reader->why), "more VMs than there is memory for");
		return false;
	}
	if (kct_join_is_repeated(&loading->join, &reader->event))
		return true;
	if (loading->visit && !loading->visit(loading->context, &reader->event, &reader->name))
		return true;
	if (kct_model_event(model, &reader->event, &reader->name)) {
		snprintf(reader->why, sizeof(reader->why), "more VMs than there is memory for");
		return false;
	}
	return has_room(model, reader);
}

static bool begin(struct loading *loading)
{
	struct kct_reader *reader = &loading->reader;

	if (kct_join_header(&loading->join, &reader->header, reader->why, sizeof(reader->why)))
		return true;
	snprintf(loading->why, sizeof(loading->why), "%s", reader->why);
	loading->refused = true;
	return false;
}

/* What the line says; false ends it, with the reason in the reader's `why`. */
static bool take_line(struct loading *loading, enum kct_line line)
{
	struct kct_reader *reader = &loading->reader;
	uint32_t number;
	bool goes_on = true;

	if (line == KCT_LINE_HEADER)
		goes_on = begin(loading);
	else if (line == KCT_LINE_EVENT)
		goes_on = take(loading);
	else if (line == KCT_LINE_PASSED)
		goes_on = kct_join_event(&loading->join, &reader->event);
	else if (line == KCT_LINE_TRAILER)
		kct_join_trailer(&loading->join, &reader->trailer, reader->events);
	number = line == KCT_LINE_EVENT || line == KCT_LINE_PASSED ? reader->event.event.vm
								   : KCT_NO_VM;
	kct_model_passed(&loading->recording->model, number, &reader->passed);
	return goes_on;
}

/* Why there is no recording in the file. */
static void say_no_recording(struct loading *loading, enum kct_line last)
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
static void end_file(struct loading *loading, enum kct_line last)
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
static bool load_stream(struct loading *loading, FILE *in)
{
	struct kct_reader *reader = &loading->reader;
	enum kct_line line;

	kct_reader_init(reader, in);
	while ((line = kct_reader_next(reader)) < KCT_LINE_END)
		if (!take_line(loading, line)) {
			line = KCT_LINE_INVALID;
			break;
		}
	if (loading->refused)
		return false;
	if (reader->header_seen)
		end_file(loading, line);
	else
		say_no_recording(loading, line);
	return reader->header_seen;
}

static bool load_file(struct loading *loading, const char *path)
{
	FILE *in = kct_input_open(path);
	bool done;

	if (!in) {
		snprintf(loading->why, sizeof(loading->why), "%s", strerror(errno));
		return false;
	}
	done = load_stream(loading, in);
	fclose(in);
	return done;
}

/* ---- a directory ---- */

static bool load_segment(struct loading *loading, const char *directory, const char *name)
{
	char *path;
	bool done;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return false;
	done = load_file(loading, path);
	free(path);
	return done;
}

/* What a crash left of a file before its header was whole does not spoil the others. */
static bool load_segments(struct loading *loading, const char *directory, char **names, int count)
{
	for (int i = 0; i < count && !loading->refused; i++)
		if (!load_segment(loading, directory, names[i]) && !loading->refused &&
		    loading->join.begun)
			kct_join_cut(&loading->join, loading->why);
	return loading->join.begun && !loading->refused;
}

static bool load_directory(struct loading *loading, const char *directory)
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

/* All that is there is known; and what was lost before it came there? */
static int conclude(struct kct_recording *recording, const char *path)
{
	if (!*recording->incomplete)
		kct_losses_text(recording->model.lost.losses, recording->incomplete,
				sizeof(recording->incomplete));
	if (!*recording->incomplete)
		return KCT_EXIT_OK;
	kct_error("%s: %s", path, recording->incomplete);
	return KCT_EXIT_INCOMPLETE;
}

int kct_load(const char *path, struct kct_recording *recording, kct_visit visit, void *context)
{
	struct loading *loading = malloc(sizeof(*loading));
	bool done;

	memset(recording, 0, sizeof(*recording));
	kct_model_init(&recording->model);
	if (!loading) {
		kct_error("out of memory");
		return KCT_EXIT_USAGE;
	}
	*loading = (struct loading){.recording = recording, .visit = visit, .context = context};
	loading->join.recording = recording;
	done = is_directory(path) ? load_directory(loading, path) : load_file(loading, path);
	if (!done) {
		kct_error("%s: %s", path, loading->why);
		kct_recording_clear(recording);
	}
	kct_join_clear(&loading->join);
	free(loading);
	return done ? conclude(recording, path) : KCT_EXIT_USAGE;
}

bool kct_load_again(const char *path,
		    void (*visit)(void *context, const union kct_any_event *event), void *context)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : NULL;
	struct kct_reader *reader = in ? malloc(sizeof(*reader)) : NULL;
	enum kct_line line;
	bool readable = false;

	if (reader) {
		kct_reader_init(reader, in);
		while ((line = kct_reader_next(reader)) < KCT_LINE_END)
			if (line == KCT_LINE_EVENT)
				visit(context, &reader->event);
		readable = reader->header_seen;
	}
	free(reader);
	if (in)
		fclose(in);
	return readable;
}

void kct_recording_clear(struct kct_recording *recording)
{
	kct_model_clear(&recording->model);
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "record/load.h"
#include "record/reader.h"

static int __attribute__((format(printf, 2, 3)))
incomplete(struct kct_recording *recording, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(recording->incomplete, sizeof(recording->incomplete), format, args);
	va_end(args);
	return KCT_EXIT_INCOMPLETE;
}

/* What the trailer says against what was read. */
static int check_trailer(struct kct_recording *recording, const struct kct_reader *reader)
{
	if (!reader->trailer_seen)
		return incomplete(recording, "cut off: it has no trailer");
	recording->trailer = reader->trailer;
	memcpy(recording->model.losses, reader->trailer.losses, sizeof(recording->model.losses));
	recording->model.misses = reader->trailer.misses;
	if (reader->trailer.events != reader->events)
		return incomplete(recording,
				  "%" PRIu64 " events were recorded, %" PRIu64 " are in the file",
				  reader->trailer.events, reader->events);
	recording->whole = true;
	return kct_losses_text(recording->model.losses, recording->incomplete,
			       sizeof(recording->incomplete))
		       ? KCT_EXIT_INCOMPLETE
		       : KCT_EXIT_OK;
}

/* The end of the file, or of what can be read of it. */
static int finish(struct kct_recording *recording, const struct kct_reader *reader,
		  enum kct_line last, const char *path)
{
	if (!reader->header_seen) {
		if (last == KCT_LINE_INVALID && *reader->why)
			kct_error("%s: line %" PRIu64 ": %s", path, reader->lines.count,
				  reader->why);
		else
			kct_error("%s: %s", path,
				  reader->lines.count == 1 && last == KCT_LINE_END
					  ? "empty"
					  : "not a recording");
		return KCT_EXIT_USAGE;
	}
	if (last == KCT_LINE_INVALID)
		return incomplete(recording, "read up to line %" PRIu64 ": %s",
				  reader->lines.count - 1, reader->why);
	if (last == KCT_LINE_CUT && reader->trailer_seen)
		return incomplete(recording, "something is behind the trailer");
	if (last == KCT_LINE_CUT)
		return incomplete(recording, "cut off in line %" PRIu64, reader->lines.count);
	return check_trailer(recording, reader);
}

/* Take the event read last into the model; false, with the reason in `why`, if it has no room. */
static bool take(struct kct_model *model, struct kct_reader *reader)
{
	if (kct_model_event(model, &reader->event, &reader->name)) {
		snprintf(reader->why, sizeof(reader->why), "more VMs than there is memory for");
		return false;
	}
	if (model->nr_vms + model->nr_vcpus > KCT_MAX_HELD) {
		snprintf(reader->why, sizeof(reader->why), "more than %u VMs and vCPUs",
			 KCT_MAX_HELD);
		return false;
	}
	return true;
}

static int load(FILE *in, const char *path, struct kct_recording *recording, kct_visit visit,
		void *context)
{
	struct kct_reader *reader = malloc(sizeof(*reader));
	enum kct_line line;
	int status;

	if (!reader) {
		kct_error("out of memory");
		return KCT_EXIT_USAGE;
	}
	kct_reader_init(reader, in);
	while ((line = kct_reader_next(reader)) < KCT_LINE_END) {
		if (line == KCT_LINE_HEADER)
			recording->header = reader->header;
		if (line != KCT_LINE_EVENT ||
		    (visit && !visit(context, &reader->event, &reader->name)))
			continue;
		if (!take(&recording->model, reader)) {
			line = KCT_LINE_INVALID;
			break;
		}
	}
	status = finish(recording, reader, line, path);
	free(reader);
	return status;
}

int kct_load(const char *path, struct kct_recording *recording, kct_visit visit, void *context)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int status;

	memset(recording, 0, sizeof(*recording));
	kct_model_init(&recording->model);
	if (!in) {
		kct_error("%s: %s", path, strerror(errno));
		return KCT_EXIT_USAGE;
	}
	status = load(in, path, recording, visit, context);
	if (status == KCT_EXIT_INCOMPLETE)
		kct_error("%s: %s", path, recording->incomplete);
	if (in != stdin)
		fclose(in);
	if (status == KCT_EXIT_USAGE)
		kct_recording_clear(recording);
	return status;
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

// SPDX-License-Identifier: GPL-2.0
/* Recordings of one boot of one host, one behind the other, as one. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/wall.h"
#include "cmd/cmd.h"
#include "cmd/page.h"
#include "record/load.h"

/* One of the recordings. */
struct piece {
	const char *path;
	struct kct_header header; /* the first one */
};

struct merge {
	const char *output;
	char **paths;
	int count;
	/* ---- while it is written ---- */
	struct piece *pieces; /* in the order of time */
	struct kct_recording recording;
	uint64_t last_ns; /* the latest event of the piece that is read */
	int status;
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Into this file", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct merge *m = state->input;

	switch (key) {
	case 'o':
		if (!strcmp(text, "-"))
			argp_error(state, "into a file: it is there whole, or not at all");
		m->output = text;
		return 0;
	case ARGP_KEY_ARGS:
		m->paths = state->argv + state->next;
		m->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which recordings?");
		return EINVAL;
	case ARGP_KEY_END:
		if (!m->output)
			argp_error(state, "into which file? --output=FILE");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- which, and in which order ---- */

static int compare_pieces(const void *a, const void *b)
{
	uint64_t x = kct_began(&((const struct piece *)a)->header);
	uint64_t y = kct_began(&((const struct piece *)b)->header);

	return (x > y) - (x < y);
}

static int read_header(struct piece *piece, const char *path)
{
	piece->path = path;
	if (!strcmp(path, "-")) {
		kct_error("standard input is read once, and what is merged twice: give its file");
		return KCT_EXIT_USAGE;
	}
	if (!kct_load_header(path, &piece->header)) {
		kct_error("%s: not a recording that can be read", path);
		return KCT_EXIT_USAGE;
	}
	if (!*piece->header.boot_id) {
		kct_error("%s: it does not tell of which boot of which host it is", path);
		return KCT_EXIT_USAGE;
	}
	return 0;
}

static int check_host(const struct piece *a, const struct piece *b)
{
	if (!strcmp(a->header.boot_id, b->header.boot_id) &&
	    !strcmp(a->header.host, b->header.host))
		return 0;
	kct_error("%s and %s are of two boots or hosts (%s %.8s, %s %.8s)", a->path, b->path,
		  a->header.host, a->header.boot_id, b->header.host, b->header.boot_id);
	return KCT_EXIT_USAGE;
}

static int read_headers(struct merge *m)
{
	for (int i = 0; i < m->count; i++) {
		int status = read_header(&m->pieces[i], m->paths[i]);

		if (!status)
			status = check_host(&m->pieces[0], &m->pieces[i]);
		if (status)
			return status;
	}
	qsort(m->pieces, (size_t)m->count, sizeof(*m->pieces), compare_pieces);
	return 0;
}

/* ---- one behind the other ---- */

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct merge *m = context;

	(void)name;
	if (event->event.ns > m->last_ns)
		m->last_ns = event->event.ns;
	kct_model_fold_gone(&m->recording.model, KCT_KEEP_FOR_LATE);
	return true;
}

/* The same events may be in both, with other times: nobody can tell them from others. */
static int check_overlap(const struct piece *before, uint64_t ended_ns, const struct piece *next)
{
	const struct kct_clocks clocks = {.start = before->header.started};
	char text[KCT_WALL_SIZE];

	if (kct_began(&next->header) >= ended_ns)
		return 0;
	kct_error("%s and %s overlap, and may hold the same events: cut --since %s the latter",
		  before->path, next->path,
		  kct_wall_text(text, kct_realtime_of_boot(&clocks, ended_ns)));
	return KCT_EXIT_USAGE;
}

/* When it ended is when its trailer says; without one, when its last event was. */
static int write_piece(struct merge *m, const struct piece *piece, FILE *out, uint64_t *ended_ns)
{
	const struct kct_wanted wanted = {NULL, on_event, m, out, true};
	int status;

	m->last_ns = 0;
	status = kct_load(piece->path, &wanted, &m->recording);
	if (status == KCT_EXIT_USAGE)
		return status;
	*ended_ns = kct_ended(&m->recording.header, &m->recording.trailer);
	if (!*ended_ns)
		*ended_ns = m->last_ns;
	if (status)
		m->status = status;
	kct_recording_clear(&m->recording);
	return 0;
}

static int write_pieces(FILE *out, void *context)
{
	struct merge *m = context;
	uint64_t ended_ns = 0;
	int status = read_headers(m);

	for (int i = 0; i < m->count && !status; i++) {
		if (i)
			status = check_overlap(&m->pieces[i - 1], ended_ns, &m->pieces[i]);
		if (!status)
			status = write_piece(m, &m->pieces[i], out, &ended_ns);
	}
	return status;
}

int cmd_merge(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RECORDING...",
		.doc = "Recordings of one boot of one host that follow one another, in any order, "
		       "as one: whole runs, segments of a flight recorder, or parts that cut made. "
		       "What is not known of the time between them makes it incomplete.",
	};
	struct merge m = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &m))
		return KCT_EXIT_USAGE;
	m.pieces = calloc((size_t)m.count, sizeof(*m.pieces));
	if (!m.pieces) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_write_file(m.output, write_pieces, &m);
	free(m.pieces);
	return status ? status : m.status;
}

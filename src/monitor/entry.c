// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/json.h"
#include "migration/migration.h"
#include "monitor/entry.h"
#include "record/reader.h"
#include "record/values.h"
#include "record/writer.h"
#include "verdict/verdict.h"

static const char *const kinds[] = {"source", "target"};

/* ---- logs ---- */

int kct_log_add(struct kct_log *log, const union kct_any_event *event)
{
	size_t room = log->room ? 2 * log->room : 32;
	union kct_any_event *events;

	if (log->count == log->room) {
		events = realloc(log->events, room * sizeof(*events));
		if (!events)
			return -ENOMEM;
		log->events = events;
		log->room = room;
	}
	log->events[log->count++] = *event;
	return 0;
}

void kct_log_clear(struct kct_log *log)
{
	free(log->events);
	*log = (struct kct_log){0};
}

/* ---- figures ---- */

/* What the log says, by the models that read recordings. */
struct figures {
	struct kct_histories histories;
	const struct kct_history *history;
	struct kct_model model; /* only for what was lost */
	struct kct_judgement judgement;
};

static bool work_out(struct figures *f, const struct kct_entry *entry)
{
	const struct kct_log *log = entry->log;
	struct kct_judge *judge = kct_judge_new();
	bool failed = !judge;

	kct_histories_init(&f->histories);
	kct_model_init(&f->model);
	for (size_t i = 0; !failed && i < log->count; i++)
		failed = kct_histories_event(&f->histories, &log->events[i]) ||
			 kct_judge_event(judge, &log->events[i]);
	if (!failed) {
		f->model.lost = entry->trailer->lost;
		if (log->truncated)
			kct_judge_doubt(judge, "more events than the journal keeps");
		kct_judge_losses(judge, &f->model);
		kct_judge_header(judge, entry->header);
		f->judgement = kct_judge_all(judge);
		f->history = kct_history_of(&f->histories, log->events[0].event.vm);
	}
	kct_judge_free(judge);
	return !failed && f->history;
}

static json_t *ns_or_null(uint64_t ns)
{
	return ns ? kct_json_u64(ns) : json_null();
}

static void find_first_write(const struct kct_vcpu_history *vcpu, void *context)
{
	uint64_t *first = context, ns = vcpu->written.event.ns;

	if (ns && (!*first || ns < *first))
		*first = ns;
}

static const char *pattern_of(const struct figures *f, const struct kct_header *header)
{
	enum kct_pattern pattern = kct_pattern_of(f->history);

	if (pattern != KCT_PATTERN_CLOCK_GUEST &&
	    !kct_figure_is_shown(kct_figures_shown(header), KCT_FIGURE_VMM_PATTERN))
		return NULL;
	return kct_pattern_names[pattern];
}

/* The time by which it is paired, on the wall clock, and by how much that may be off. */
static void set_times(json_t *object, const struct kct_entry *entry, const struct figures *f)
{
	const struct kct_clocks clocks = {entry->header->started, entry->trailer->ended, true};
	uint64_t ns = entry->kind == KCT_ENTRY_TARGET ? f->history->set.update.event.ns
						      : kct_history_last_pvti(f->history);
	uint64_t error = kct_realtime_error(&clocks);

	kct_json_set_u64(object, "ns", ns);
	kct_json_set_u64(object, "realtime_ns", kct_realtime_of_boot(&clocks, ns));
	json_object_set_new(object, "realtime_error_ns",
			    error == UINT64_MAX ? json_null() : kct_json_u64(error));
}

static void set_target(json_t *object, const struct kct_entry *entry, const struct figures *f)
{
	const struct kct_findings *found = &f->judgement.findings;
	bool counts = kct_figure_is_shown(kct_figures_shown(entry->header), KCT_FIGURE_JUDGED);
	uint64_t written = 0;

	kct_history_each_vcpu(f->history, find_first_write, &written);
	json_object_set_new(object, "vmm_pattern", kct_json_text(pattern_of(f, entry->header)));
	json_object_set_new(object, "tsc_written_ns", ns_or_null(written));
	json_object_set_new(object, "clock_set_ns", ns_or_null(f->history->set.update.event.ns));
	json_object_set_new(object, "ran_ns", ns_or_null(f->history->arrival_ns));
	json_object_set_new(object, "pending",
			    counts ? kct_json_u64(found->pending_at_set) : json_null());
	json_object_set_new(object, "served", counts ? kct_json_u64(found->served) : json_null());
	kct_json_set_u64(object, "unnecessary", f->history->set.unnecessary);
	json_object_set_new(object, "drift_ns", json_integer((json_int_t)found->drift.total));
	json_object_set_new(object, "verdict",
			    json_string(kct_verdict_names[f->judgement.verdict]));
	json_object_set_new(object, "verdict_why", kct_json_text(f->judgement.why));
}

/* ---- writing ---- */

/* What a line of a recording would be, without its end. */
static void put_line(FILE *out, const char *text, size_t size)
{
	if (size)
		fwrite(text, 1, size - 1, out);
}

static void write_events(FILE *out, const struct kct_entry *entry)
{
	const struct kct_log *log = entry->log;
	char *text = NULL;
	size_t size = 0;
	FILE *line;

	for (size_t i = 0; i < log->count; i++) {
		line = open_memstream(&text, &size);
		if (!line)
			return;
		kct_write_event(line, &log->events[i],
				log->events[i].event.kind == KCT_EVENT_VM ? &log->name : NULL);
		fclose(line);
		fputs(i ? "," : "", out);
		put_line(out, text, size);
		free(text);
	}
}

static void write_end(FILE *out, const struct kct_entry *entry, bool header)
{
	char *text = NULL;
	size_t size = 0;
	FILE *line = open_memstream(&text, &size);

	if (!line)
		return;
	if (header)
		kct_write_header(line, entry->header);
	else
		kct_write_trailer(line, entry->trailer);
	fclose(line);
	put_line(out, text, size);
	free(text);
}

/* Why there is an entry of a source, for people. */
static const char *why_of_source(const char *why)
{
	if (!strcmp(why, "saved"))
		return "its clock was saved";
	return strcmp(why, "gone") ? "its clock is about to be set again" : "it is gone";
}

static void summarize(const struct kct_entry *entry, const struct figures *f, char *text,
		      size_t size)
{
	const struct kct_findings *found = &f->judgement.findings;
	const char *pattern = pattern_of(f, entry->header);
	char label[KCT_VM_LABEL_SIZE];

	kct_vm_name_label(&entry->log->name, label, sizeof(label));
	if (entry->kind == KCT_ENTRY_SOURCE)
		snprintf(text, size, "%s: %s", label, why_of_source(entry->why));
	else
		snprintf(text, size,
			 "%s: its clock was set (%s), and it ran: %" PRIu64 " requests pending, "
			 "%" PRIu64 " served, %" PRIu64 " unnecessary snapshots, drift %+" PRId64
			 " ns, %s%s%s",
			 label, pattern ? pattern : "?", found->pending_at_set, found->served,
			 f->history->set.unnecessary, (int64_t)found->drift.total,
			 kct_verdict_names[f->judgement.verdict], *f->judgement.why ? ": " : "",
			 f->judgement.why);
}

void kct_entry_write(FILE *out, const struct kct_entry *entry, char *summary, size_t size)
{
	const struct kct_vm_event *vm = &entry->log->events[0].vm;
	struct figures f = {0};
	json_t *object;

	*summary = '\0';
	if (work_out(&f, entry)) {
		object = json_pack("{s:s, s:i, s:s, s:o, s:I, s:o, s:o}", "entry",
				   kinds[entry->kind], "version", KCT_ENTRY_VERSION, "why",
				   entry->why, "host", kct_json_text(entry->header->host), "vm",
				   (json_int_t)vm->event.vm, "name",
				   kct_json_text(entry->log->name.name), "pid",
				   vm->pid == KCT_NO_NUMBER ? json_null() : json_integer(vm->pid));
		kct_json_set_identity(object, &entry->log->name);
		set_times(object, entry, &f);
		if (entry->kind == KCT_ENTRY_TARGET)
			set_target(object, entry, &f);
		json_object_set_new(object, "recording", kct_json_text(entry->recording));
		fputc('{', out);
		json_dumpf(object, out, JSON_COMPACT | JSON_EMBED);
		json_decref(object);
		fputs(",\"header\":", out);
		write_end(out, entry, true);
		fputs(",\"events\":[", out);
		write_events(out, entry);
		fputs("],\"trailer\":", out);
		write_end(out, entry, false);
		fputs("}\n", out);
		summarize(entry, &f, summary, size);
	}
	kct_histories_clear(&f.histories);
}

/* ---- reading ---- */

static bool read_kind(const json_t *object, enum kct_entry_kind *kind)
{
	const char *text = json_string_value(json_object_get(object, "entry"));

	if (!text || (strcmp(text, kinds[0]) && strcmp(text, kinds[1])))
		return false;
	*kind = strcmp(text, kinds[0]) ? KCT_ENTRY_TARGET : KCT_ENTRY_SOURCE;
	return true;
}

/* An event of another release is passed over, as in a recording. */
static bool take_event(struct kct_entry_read *read, struct kct_reader *reader, const json_t *object)
{
	struct kct_model *model = &read->recording.model;
	enum kct_line line = kct_reader_object(reader, object);

	if (line == KCT_LINE_EVENT && (kct_model_event(model, &reader->event, &reader->name) ||
				       kct_histories_event(&read->histories, &reader->event)))
		return false;
	kct_model_passed(model, reader->event.event.vm, &reader->passed);
	return line == KCT_LINE_EVENT || line == KCT_LINE_PASSED;
}

static bool take_trailer(struct kct_entry_read *read, struct kct_reader *reader,
			 const json_t *object)
{
	struct kct_recording *recording = &read->recording;

	if (kct_reader_object(reader, object) != KCT_LINE_TRAILER)
		return false;
	recording->trailer = reader->trailer;
	recording->model.lost = reader->trailer.lost;
	if (reader->trailer.events != reader->events)
		snprintf(recording->incomplete, sizeof(recording->incomplete),
			 "there were more events than the journal keeps");
	else
		kct_losses_text(recording->model.lost.losses, recording->incomplete,
				sizeof(recording->incomplete));
	recording->whole = true;
	return true;
}

static void find_vm(const struct kct_vm *vm, void *context)
{
	struct kct_entry_read *read = context;

	if (!read->vm)
		read->vm = vm;
}

static bool read_recording(struct kct_entry_read *read, struct kct_reader *reader,
			   const json_t *object)
{
	const json_t *events = json_object_get(object, "events"), *event;
	size_t i;

	if (kct_reader_object(reader, json_object_get(object, "header")) != KCT_LINE_HEADER)
		return false;
	read->recording.header = reader->header;
	json_array_foreach (events, i, event)
		if (!take_event(read, reader, event))
			return false;
	if (!take_trailer(read, reader, json_object_get(object, "trailer")))
		return false;
	kct_model_each_vm(&read->recording.model, find_vm, read);
	return read->vm && kct_history_of(&read->histories, read->vm->number);
}

bool kct_entry_read(const char *line, size_t length, struct kct_entry_read *read)
{
	struct kct_reader *reader = calloc(1, sizeof(*reader));
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	bool done;

	memset(read, 0, sizeof(*read));
	kct_model_init(&read->recording.model);
	kct_histories_init(&read->histories);
	done = reader && read_kind(object, &read->kind) &&
	       kct_read_text(json_object_get(object, "why"), read->why, sizeof(read->why), 0) &&
	       read_recording(read, reader, object);
	if (done && json_object_get(object, "verdict"))
		kct_read_text(json_object_get(object, "verdict"), read->verdict,
			      sizeof(read->verdict), 0);
	if (done)
		kct_read_text_or_null(object, "recording", read->pinned, sizeof(read->pinned), 0);
	json_decref(object);
	free(reader);
	return done;
}

void kct_entry_clear(struct kct_entry_read *read)
{
	kct_histories_clear(&read->histories);
	kct_recording_clear(&read->recording);
}

/* All that is asked for stands before the recording, which makes up most of the line. */
static json_t *read_front(const char *line, size_t length)
{
	const char *end = memmem(line, length, ",\"header\":", strlen(",\"header\":"));
	size_t size = end ? (size_t)(end - line) : length;
	char *front = malloc(size + 2);
	json_t *object;

	if (!front)
		return NULL;
	memcpy(front, line, size);
	front[size] = '}';
	object = json_loadb(front, end ? size + 1 : size, JSON_REJECT_DUPLICATES, NULL);
	free(front);
	return object;
}

bool kct_entry_key(const char *line, size_t length, struct kct_entry_key *key)
{
	json_t *object = read_front(line, length);
	const json_t *error = json_object_get(object, "realtime_error_ns");
	const char *host = json_string_value(json_object_get(object, "host"));
	const char *uuid = json_string_value(json_object_get(object, "uuid"));
	const char *name = json_string_value(json_object_get(object, "name"));
	bool done;

	*key = (struct kct_entry_key){.error_ns = UINT64_MAX};
	done = read_kind(object, &key->kind) &&
	       kct_read_unsigned(json_object_get(object, "realtime_ns"), (char *)&key->realtime_ns,
				 8) &&
	       (json_is_null(error) || kct_read_unsigned(error, (char *)&key->error_ns, 8));
	snprintf(key->host, sizeof(key->host), "%s", host ? host : "");
	/* A name is no UUID: the two are not mixed up. */
	snprintf(key->guest, sizeof(key->guest), "%s%s", uuid ? "" : "=",
		 uuid	? uuid
		 : name ? name
			: "");
	for (char *c = key->guest; uuid && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	json_decref(object);
	return done;
}

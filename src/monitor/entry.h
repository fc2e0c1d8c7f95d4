/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An entry of the journal of migrations: what is known of a VM whose clock was set and that ran
 * then, or of one that may be a migration's source. It holds a small recording of that VM, so that
 * whoever reads it works out all figures as from any other recording.
 */
#ifndef KCT_MONITOR_ENTRY_H
#define KCT_MONITOR_ENTRY_H

#include <jansson.h>
#include <stdio.h>

#include "migration/history.h"
#include "record/load.h"

#define KCT_ENTRY_VERSION 1

enum kct_entry_kind {
	KCT_ENTRY_SOURCE, /* the VM is gone, or was saved, or its clock is about to be set again */
	KCT_ENTRY_TARGET, /* its clock was set, and it ran */
};

/* The events of one VM in their order; the first introduces it. */
struct kct_log {
	union kct_any_event *events;
	size_t count, room;
	struct kct_vm_name name;
	bool truncated; /* there were more */
};

/* 0 or -ENOMEM. */
int kct_log_add(struct kct_log *log, const union kct_any_event *event);
void kct_log_clear(struct kct_log *log);

/* What an entry's own figures are, beside the recording. */
struct kct_entry {
	enum kct_entry_kind kind;
	const char *why;		 /* "set-clock", "gone", "saved", "set-again" */
	const struct kct_header *header; /* of its recording */
	const struct kct_trailer *trailer;
	const struct kct_log *log;
	const char *recording; /* that a trigger pinned; NULL */
};

/* Write the entry's line. `summary` gets one for people, without its end; "" where none is due. */
void kct_entry_write(FILE *out, const struct kct_entry *entry, char *summary, size_t size);

/* What was read back. The caller clears, also after a failure. */
struct kct_entry_read {
	enum kct_entry_kind kind;
	char why[16];
	struct kct_recording recording;
	struct kct_histories histories;
	const struct kct_vm *vm;
	char verdict[32], pinned[KCT_TEXT_ROOM(256)]; /* "" where there is none */
};
bool kct_entry_read(const char *line, size_t length, struct kct_entry_read *read);
void kct_entry_clear(struct kct_entry_read *read);

/* The same of the little that tells which entries belong together. */
struct kct_entry_key {
	enum kct_entry_kind kind;
	uint64_t realtime_ns; /* of a target's P4; of a source's last PVTI */
	uint64_t error_ns;    /* of it; UINT64_MAX: not known */
	char host[KCT_TEXT_ROOM(64)];
	char guest[160]; /* its UUID in small letters, or "=" and its name */
};
bool kct_entry_key(const char *line, size_t length, struct kct_entry_key *key);

#endif

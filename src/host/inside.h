/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files that find out what a VM is called. What they read was written by others, and
 * may hold anything: nothing here trusts its form.
 */
#ifndef KCT_HOST_INSIDE_H
#define KCT_HOST_INSIDE_H

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "model/name.h"

/* ---- piece.c: pieces of somebody else's text ---- */

/* Not NUL-terminated, any bytes; `at` may be NULL if there are none. */
struct kct_piece {
	const char *at;
	size_t size;
};

struct kct_piece kct_piece_of(const char *string);
bool kct_starts_with(struct kct_piece text, const char *start);
bool kct_ends_with(struct kct_piece text, const char *end);
bool kct_piece_is(struct kct_piece text, const char *string);
/* Without its first `size` bytes. */
struct kct_piece kct_piece_skip(struct kct_piece text, size_t size);
/* From the first place where `word` is; no text if it is nowhere. */
struct kct_piece kct_piece_find(struct kct_piece text, const char *word);
/* Between the first `begin` and the first `end` that follows; no text if either is not there. */
struct kct_piece kct_piece_between(struct kct_piece text, const char *begin, const char *end);
/* Cut off what comes before the first `separator`, which goes too; all of it if there is none. */
struct kct_piece kct_piece_cut(struct kct_piece *rest, char separator);
/* What follows the last slash. */
struct kct_piece kct_base_name(struct kct_piece path);
/* 8-4-4-4-12 hexadecimal digits: nothing else is taken for a UUID. */
bool kct_is_uuid(struct kct_piece text);

/* Its printable form (base/text.h): the only way out of these files. */
void kct_put_piece(char *out, size_t room, struct kct_piece text);
#define PUT(field, text) kct_put_piece(field, sizeof(field), text)

/*
 * The first `room` bytes of a regular file, into a buffer; no text if it cannot be read.
 * `flags` as for open(): O_NOFOLLOW where the last part of the path is somebody else's. `owner` is
 * filled unless it is NULL.
 */
struct kct_piece kct_read_small(int directory, const char *path, int flags, char *buffer,
				size_t room, uid_t *owner);

/* ---- vmm.c: what a command line says ---- */

/* Is that what kct_vm_name.vmm has for one of the VMMs that are known here? */
bool kct_is_vmm(const char *name);

/*
 * Fill vmm, name, source, uuid, orchestrator, space and id as far as it tells them. `exe` is the
 * base name of the program that really runs, or no text: it counts where the command line's own
 * word for it is no VMM's. Gives the name that the VMM was told by an option, as it is, until the
 * next call; or no text.
 */
struct kct_piece kct_name_from_arguments(struct kct_vm_name *name, struct kct_piece cmdline,
					 struct kct_piece exe, const char *comm);

/* ---- unit.c: what the cgroup says, /proc/PID/cgroup ---- */

void kct_name_from_cgroup(struct kct_vm_name *name, struct kct_piece cgroup);

/* ---- libvirt.c: what libvirt keeps of a running domain ---- */

/*
 * `root` is a directory's descriptor. `domain` is what the VMM was told that it is called. Believed
 * only if libvirt says that this very process is its VMM.
 */
void kct_name_from_libvirt(struct kct_vm_name *name, int root, struct kct_piece domain, pid_t pid);

/* ---- table.c: the user's table ---- */

void kct_name_from_table(struct kct_vm_name *name, int root);

#endif

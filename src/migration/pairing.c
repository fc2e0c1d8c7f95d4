// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/text.h"
#include "migration/pairing.h"
#include "base/error.h"

bool kct_same_boot(const struct kct_vms *a, const struct kct_vms *b)
{
	return a->model == b->model || (*a->boot_id && !strcmp(a->boot_id, b->boot_id));
}

/* A generation is counted anew in each run. */
static bool same_token(uint64_t a, uint64_t b)
{
	return a == b || (a & b & KCT_GENERATION);
}

/*
 * One VM, be it in two recordings. Where the token does not tell, the thread that made it does
 * nearly as well.
 */
static bool same_vm(const struct kct_vms *source, const struct kct_vm *a,
		    const struct kct_vms *target, const struct kct_vm *b)
{
	if (source->model == target->model)
		return a == b;
	return kct_same_boot(source, target) && a->introduced && b->introduced &&
	       same_token(a->info.token, b->info.token) && a->info.pid == b->info.pid &&
	       a->info.creator == b->info.creator;
}

/* ---- candidates ---- */

struct search {
	const struct kct_vms *source, *target;
	bool (*alike)(const struct kct_vm *a, const struct kct_vm *b);
	const struct kct_vm *from, *to; /* the last pair found */
	size_t found;
	char list[160]; /* of the pairs, for a message */
};

static bool same_uuid(const struct kct_vm *a, const struct kct_vm *b)
{
	return *a->name.uuid && !strcasecmp(a->name.uuid, b->name.uuid);
}

static bool same_name(const struct kct_vm *a, const struct kct_vm *b)
{
	/* Two UUIDs, two guests. */
	if (*a->name.uuid && *b->name.uuid)
		return false;
	return *a->name.name && !strcmp(a->name.name, b->name.name);
}

/* 0: it was never published, so this is no source. */
static uint64_t latest_of(const struct search *search, const struct kct_vm *vm)
{
	const struct kct_history *history = kct_history_of(search->source->histories, vm->number);

	return history ? kct_history_last_pvti(history) : 0;
}

/* Could the guest have gone from the one to the other? A PVTI first, then a clock that is set. */
static bool may_be_pair(const struct search *search, const struct kct_vm *a, uint64_t latest,
			const struct kct_vm *b)
{
	const struct kct_history *to = kct_history_of(search->target->histories, b->number);

	if (!to || !to->set.update.event.ns || same_vm(search->source, a, search->target, b))
		return false;
	return !kct_same_boot(search->source, search->target) || latest <= to->set.update.event.ns;
}

static void note(struct search *search, const struct kct_vm *a, const struct kct_vm *b)
{
	size_t used = strlen(search->list);

	/* Room for the longest one, and for what stands for the others. */
	if (used + sizeof(", 4294967295=4294967295, ...") <= sizeof(search->list))
		snprintf(search->list + used, sizeof(search->list) - used, "%s%" PRIu32 "=%" PRIu32,
			 used ? ", " : "", a->number, b->number);
	else if (search->list[used - 1] != '.')
		strcpy(search->list + used, ", ...");
	search->from = a;
	search->to = b;
	search->found++;
}

struct inner {
	struct search *search;
	const struct kct_vm *from;
	uint64_t latest; /* PVTI of it */
};

static void visit_target(const struct kct_vm *to, void *context)
{
	struct inner *inner = context;

	if (inner->search->alike(inner->from, to) &&
	    may_be_pair(inner->search, inner->from, inner->latest, to))
		note(inner->search, inner->from, to);
}

static void visit_source(const struct kct_vm *from, void *context)
{
	struct inner inner = {context, from, latest_of(context, from)};

	if (inner.latest)
		kct_model_each_vm(inner.search->target->model, visit_target, &inner);
}

static int find_alike(struct search *search)
{
	static bool (*const ways[])(const struct kct_vm *, const struct kct_vm *) = {same_uuid,
										     same_name};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && !search->found; i++) {
		search->alike = ways[i];
		kct_model_each_vm(search->source->model, visit_source, search);
	}
	if (search->found == 1)
		return 0;
	if (search->found)
		kct_error("%zu pairs of VMs have the same UUID or name: %s; which one? "
			  "(--pair SRC=DST)",
			  search->found, search->list);
	else if (search->source->model == search->target->model)
		kct_error("%s: no VM in it went over to another one of its UUID or name; "
			  "--pair SRC=DST names the two",
			  search->source->path);
	else
		kct_error("no VM of %s went over to one of its UUID or name in %s: are they "
			  "swapped? --pair SRC=DST names the two",
			  search->source->path, search->target->path);
	return KCT_EXIT_USAGE;
}

/* ---- as told ---- */

struct lookup {
	const char *text;
	size_t length;
	char form[sizeof(((struct kct_vm_name *)0)->name)]; /* the printable form of both */
	const struct kct_vm *vm;
	size_t found;
};

static bool is_text(const struct lookup *lookup, const char *text)
{
	if (!*text)
		return false;
	return !strcasecmp(text, lookup->form) ||
	       (strlen(text) == lookup->length && !strncasecmp(text, lookup->text, lookup->length));
}

static void visit_named(const struct kct_vm *vm, void *context)
{
	struct lookup *lookup = context;

	if (!is_text(lookup, vm->name.uuid) && !is_text(lookup, vm->name.name))
		return;
	lookup->vm = vm;
	lookup->found++;
}

/* The VM of that number; it goes before names, so that a number always tells them apart. */
static const struct kct_vm *find_number(const struct kct_vms *vms, const char *text, size_t length)
{
	char digits[16];
	uint64_t number;

	snprintf(digits, sizeof(digits), "%.*s", (int)(length < 15 ? length : 15), text);
	if (kct_parse_number(digits, 1, UINT32_MAX, &number))
		return NULL;
	return kct_model_find_vm(vms->model, (uint32_t)number);
}

static const struct kct_vm *find_named(const struct kct_vms *vms, const char *text, size_t length)
{
	struct lookup lookup = {.text = text, .length = length};
	const struct kct_vm *numbered = find_number(vms, text, length);

	if (numbered)
		return numbered;
	kct_text(lookup.form, sizeof(lookup.form), text, length, KCT_TEXT_NAME);
	kct_model_each_vm(vms->model, visit_named, &lookup);
	if (lookup.found == 1)
		return lookup.vm;
	if (lookup.found)
		kct_error("%s: %zu VMs are '%.*s': take the number of one", vms->path, lookup.found,
			  (int)length, text);
	else
		kct_error("%s: no VM is '%.*s'", vms->path, (int)length, text);
	return NULL;
}

int kct_choose_vms(const struct kct_vms *source, const struct kct_vms *target, const char *pair,
		   const struct kct_vm **from, const struct kct_vm **to)
{
	struct search search = {.source = source, .target = target};
	const char *equals = pair ? strchr(pair, '=') : NULL;
	int status;

	if (!pair) {
		status = find_alike(&search);
		*from = search.from;
		*to = search.to;
		return status;
	}
	*from = find_named(source, pair, (size_t)(equals - pair));
	*to = *from ? find_named(target, equals + 1, strlen(equals + 1)) : NULL;
	if (!*to)
		return KCT_EXIT_USAGE;
	if (!same_vm(source, *from, target, *to))
		return 0;
	kct_error("VM %" PRIu32 " cannot be both source and target", (*from)->number);
	return KCT_EXIT_USAGE;
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/kallsyms.h"

#define PAGE 4096

struct symbol {
	uint64_t address;
	uint64_t name;	 /* where its name begins in `names` */
	uint32_t module; /* its number; 0: the kernel itself */
};

/* The functions of a module, or of the kernel itself. */
struct module {
	char name[64];
	uint64_t last; /* the address of the last one */
};

struct kct_kallsyms {
	struct symbol *symbols; /* by address */
	size_t count, room;
	char *names;
	size_t used, size;
	struct module *modules; /* [0]: the kernel itself */
	uint32_t nr_modules;
	uint64_t end; /* of the kernel's text, _etext; 0: it does not tell */
};

/* ---- reading ---- */

/* Room for one more of what there are `count` of; false if there is no memory. */
static bool has_room(void **array, size_t count, size_t *room, size_t more, size_t size)
{
	size_t wanted = *room ? *room : 4096;
	void *larger;

	while (wanted < count + more)
		wanted *= 2;
	if (wanted == *room)
		return true;
	larger = realloc(*array, wanted * size);
	if (!larger)
		return false;
	*array = larger;
	*room = wanted;
	return true;
}

/* The number of a module; those of one come together. UINT32_MAX: no memory. */
static uint32_t module_number(struct kct_kallsyms *all, const char *name)
{
	struct module *larger;

	if (!strcmp(all->modules[all->nr_modules - 1].name, name))
		return all->nr_modules - 1;
	larger = realloc(all->modules, (all->nr_modules + 1) * sizeof(*larger));
	if (!larger)
		return UINT32_MAX;
	all->modules = larger;
	larger[all->nr_modules] = (struct module){.last = 0};
	snprintf(larger[all->nr_modules].name, sizeof(larger[0].name), "%s", name);
	return all->nr_modules++;
}

static bool add(struct kct_kallsyms *all, uint64_t address, const char *name, uint32_t module)
{
	size_t length = strlen(name) + 1;

	if (module == UINT32_MAX ||
	    !has_room((void **)&all->symbols, all->count, &all->room, 1, sizeof(*all->symbols)) ||
	    !has_room((void **)&all->names, all->used, &all->size, length, 1))
		return false;
	all->symbols[all->count++] = (struct symbol){address, all->used, module};
	memcpy(all->names + all->used, name, length);
	all->used += length;
	if (address > all->modules[module].last)
		all->modules[module].last = address;
	return true;
}

/* Not a module's, but made at run time: the kernel lists that too, or not (bpf_jit_harden). */
static bool is_made(const char *module)
{
	return !strcmp(module, "bpf") || !strncmp(module, "__builtin__", strlen("__builtin__"));
}

static bool read_line(struct kct_kallsyms *all, const char *line, bool *has_addresses)
{
	char type, name[512], module[64] = "";
	uint64_t address;

	/* "address type name [module]" */
	if (sscanf(line, "%" SCNx64 " %c %511s [%63[^]]]", &address, &type, name, module) < 3)
		return true;
	*has_addresses |= address != 0;
	if (!*module && !strcmp(name, "_etext"))
		all->end = address;
	if (!strchr("tTwW", type) || is_made(module))
		return true;
	return add(all, address, name, *module ? module_number(all, module) : 0);
}

/* Of several names of one address the first one is the kernel's own choice. */
static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address > y->address ? 1 : -1;
	return x->name > y->name ? 1 : -1;
}

static int read_all(struct kct_kallsyms *all, FILE *file)
{
	bool has_addresses = false, done = true;
	char line[640];

	all->modules = calloc(1, sizeof(*all->modules));
	if (!all->modules)
		return -ENOMEM;
	all->nr_modules = 1;
	while (done && fgets(line, sizeof(line), file))
		done = read_line(all, line, &has_addresses);
	if (!done)
		return -ENOMEM;
	if (!has_addresses)
		return -EACCES;
	qsort(all->symbols, all->count, sizeof(*all->symbols), by_address);
	return 0;
}

int kct_kallsyms_open(struct kct_kallsyms **out, const char *path)
{
	FILE *file = fopen(path, "re");
	int error;

	*out = NULL;
	if (!file)
		return -errno;
	*out = calloc(1, sizeof(**out));
	error = *out ? read_all(*out, file) : -ENOMEM;
	fclose(file);
	if (!error)
		return 0;
	kct_kallsyms_close(*out);
	*out = NULL;
	return error;
}

void kct_kallsyms_close(struct kct_kallsyms *all)
{
	if (!all)
		return;
	free(all->symbols);
	free(all->names);
	free(all->modules);
	free(all);
}

/* ---- looking up ---- */

/* The last symbol that does not begin behind the address; of several there, the first one. */
static const struct symbol *symbol_at(const struct kct_kallsyms *all, uint64_t address)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (all->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	while (low > 1 && all->symbols[low - 2].address == all->symbols[low - 1].address)
		low--;
	return low ? &all->symbols[low - 1] : NULL;
}

/* How long a function is, is not told: the last one ends at latest with the text, or its page. */
static uint64_t end_of(const struct kct_kallsyms *all, uint32_t module)
{
	if (!module && all->end)
		return all->end;
	return (all->modules[module].last | (PAGE - 1)) + 1;
}

const char *kct_kallsyms_name(const struct kct_kallsyms *all, uint64_t address)
{
	const struct symbol *symbol = symbol_at(all, address);

	if (!symbol || address >= end_of(all, symbol->module))
		return NULL;
	return all->names + symbol->name;
}

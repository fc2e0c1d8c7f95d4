// SPDX-License-Identifier: GPL-2.0
/* Where distributions keep debug information. */
#include "dwarf/debuginfo.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ID_MAX	     64

struct build_id {
	uint8_t bytes[ID_MAX];
	size_t size; /* 0: not known */
};

static const char *const module_places[] = {
	"/usr/lib/debug/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
	"/usr/lib/debug/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko.debug",
	"/usr/lib/debug/usr/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
	"/usr/lib/debug/usr/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko.debug",
	"/lib/modules/%s/build/arch/x86/kvm/kvm.ko",
	"/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
};

static const char *const vmlinux_places[] = {
	"/usr/lib/debug/boot/vmlinux-%s",
	"/usr/lib/debug/boot/vmlinux-%s.debug",
	"/usr/lib/debug/lib/modules/%s/vmlinux",
	"/usr/lib/debug/lib/modules/%s/vmlinux.debug",
	"/usr/lib/debug/usr/lib/modules/%s/vmlinux",
	"/usr/lib/debug/usr/lib/modules/%s/vmlinux.debug",
	"/lib/modules/%s/build/vmlinux",
	"/lib/modules/%s/vmlinux",
	"/boot/vmlinux-%s",
};

/* The build ID among the notes the kernel shows of itself or of a module. */
static void running_id(const char *path, struct build_id *id)
{
	uint8_t notes[4096];
	size_t at = 0, size = 0;
	FILE *file = fopen(path, "re");

	id->size = 0;
	if (file) {
		size = fread(notes, 1, sizeof(notes), file);
		fclose(file);
	}
	while (size - at > sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name, text;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		text = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (name > size - at || text > size - at - name)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz <= ID_MAX) {
			id->size = note.n_descsz;
			memcpy(id->bytes, notes + at + name, id->size);
			return;
		}
		at += name + text;
	}
}

static bool has_debug_info(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

/* 0 when the file is of that build and has debug information. */
static int try_file(const char *path, const struct build_id *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = -ENOENT;
	const void *bytes;
	Elf *elf;

	if (fd < 0)
		return -ENOENT;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && has_debug_info(elf)) {
		ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
		bool same = size > 0 && (size_t)size == id->size &&
			    memcmp(bytes, id->bytes, id->size) == 0;

		result = same || id->size == 0 ? 0 : size > 0 ? -ESTALE : -ENODATA;
	}
	elf_end(elf);
	close(fd);
	return result;
}

/* Print a path and try it; `*result` keeps the most telling failure. */
static bool try_place(char *out, size_t size, const struct build_id *id, int *result,
		      const char *root, const char *format, const char *word)
	__attribute__((format(printf, 6, 0)));

static bool try_place(char *out, size_t size, const struct build_id *id, int *result,
		      const char *root, const char *format, const char *word)
{
	int length = snprintf(out, size, "%s", root), error = -ENAMETOOLONG;

	if (length >= 0 && (size_t)length < size) {
		size_t room = size - (size_t)length;

		length = snprintf(out + length, room, format, word);
		if (length >= 0 && (size_t)length < room)
			error = try_file(out, id);
	}
	/* One that says nothing of its build is as good as one of another. */
	if (error == -ENODATA)
		error = -ESTALE;
	if (error != -ENOENT && *result != -ESTALE)
		*result = error;
	return error == 0;
}

static void format_id(char *out, const struct build_id *id)
{
	size_t used = 0;

	for (size_t i = 0; i < id->size; i++)
		used += (size_t)sprintf(out + used, i == 0 ? "%02x/" : "%02x", id->bytes[i]);
}

/* A KVM that is built in has a directory in /sys/module as well, but no state to load. */
static bool kvm_is_module(const char *root)
{
	char path[4096];
	bool builtin;

	snprintf(path, sizeof(path), "%s/sys/module/kvm", root);
	builtin = access(path, F_OK) == 0;
	snprintf(path, sizeof(path), "%s/sys/module/kvm/initstate", root);
	return !builtin || access(path, F_OK) == 0;
}

/* The build ID of the running KVM. */
static void kvm_id(const char *root, bool module, struct build_id *id)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/sys/%s", root,
		 module ? "module/kvm/notes/.note.gnu.build-id" : "kernel/notes");
	running_id(path, id);
}

int kct_debuginfo_check_at(const char *root, const char *path)
{
	struct build_id id;

	kvm_id(root, kvm_is_module(root), &id);
	return id.size ? try_file(path, &id) : -ENODATA;
}

int kct_debuginfo_check(const char *path)
{
	return kct_debuginfo_check_at("", path);
}

int kct_debuginfo_path_at(const char *root, const char *release, char *out, size_t size)
{
	bool module = kvm_is_module(root);
	const char *const *places = module ? module_places : vmlinux_places;
	size_t count = module ? COUNT(module_places) : COUNT(vmlinux_places);
	char hex[2 * ID_MAX + 2] = "";
	int result = -ENOENT;
	struct build_id id;

	kvm_id(root, module, &id);
	format_id(hex, &id);
	if (id.size > 0 &&
	    try_place(out, size, &id, &result, root, "/usr/lib/debug/.build-id/%s.debug", hex))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (try_place(out, size, &id, &result, root, places[i], release))
			return 0;
	if (size > 0)
		*out = '\0';
	return result;
}

int kct_debuginfo_path(char *out, size_t size)
{
	struct utsname system;

	if (uname(&system) != 0)
		return -errno;
	return kct_debuginfo_path_at("", system.release, out, size);
}

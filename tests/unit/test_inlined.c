// SPDX-License-Identifier: GPL-2.0
/*
 * Inlined request sites: fixtures/inlined.c is compiled in several ways and searched, then run in
 * this process with a breakpoint at every site found. Each breakpoint must be hit exactly when a
 * request is made, with the vCPU where the search said it is. That is what a kprobe will do with
 * it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* the registers' names in <ucontext.h> */
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#include "dwarf/debuginfo.h"
#include "dwarf/inlined.h"
#include "dwarf/location.h"

#ifndef KCT_FIXTURES
#define KCT_FIXTURES "tests/unit/fixtures"
#endif
#define FIXTURE	     KCT_FIXTURES "/inlined.c"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char directory[] = "/tmp/kct-inlined-XXXXXX";

static const struct build {
	const char *compiler, *flags;
} builds[] = {
	{"gcc", "-O2 -gdwarf-4"},
	{"gcc", "-O2 -gdwarf-5"},
	{"gcc", "-Os -gdwarf-5"},
	{"gcc", "-O2 -gdwarf-5 -gz=zlib"},
	{"gcc", "-O3 -gdwarf-4 -funroll-all-loops -fomit-frame-pointer"},
	{"gcc", "-O2 -gdwarf-5 -fno-omit-frame-pointer -gno-variable-location-views"},
	{"clang", "-O2 -gdwarf-4"},
	{"clang", "-O2 -gdwarf-5"},
	{"clang", "-O1 -gdwarf-5 -fno-omit-frame-pointer"},
};

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
	char command[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

static bool has(const char *program)
{
	return run("command -v %s >/dev/null 2>&1", program) == 0;
}

static char *in_directory(const char *name)
{
	static char paths[16][256];
	static unsigned int next;
	char *path = paths[next++ % COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* Skip where there is no compiler to make the fixture with. */
static const char *compile(const char *compiler, const char *flags, const char *name)
{
	const char *path = in_directory(name);

	if (!has(compiler))
		skip();
	assert_int_equal(run("%s %s -w -o %s %s", compiler, flags, path, FIXTURE), 0);
	return path;
}

static size_t find(const char *path, struct kct_inlined_site **sites)
{
	char why[256];
	size_t count;
	int error = kct_inlined_find(path, sites, &count, why, sizeof(why));

	if (error)
		print_error("%s\n", why);
	assert_int_equal(error, 0);
	assert_int_equal(why[0] == '\0', count > 0);
	return count;
}

/* ---- What is found ---- */

static const struct {
	const char *function, *caller;
	uint32_t req;
} expected[] = {
	{"fixture_plain", "fixture_plain", 21},	  {"fixture_flags", "fixture_flags", 21 | 1 << 10},
	{"fixture_nested", "track_matching", 21}, {"fixture_loop", "fixture_loop", 21},
	{"fixture_cold", "fixture_cold", 21},	  {"fixture_spilled", "fixture_spilled", 21},
	{"fixture_member", "fixture_member", 21}, {"fixture_first", "fixture_first", 21},
};

/* "fixture_cold" is also in the symbol "fixture_cold.cold". */
static bool in_function(const struct kct_inlined_site *site, const char *function)
{
	size_t size = strlen(function);

	return strncmp(site->function, function, size) == 0 &&
	       (site->function[size] == '\0' || site->function[size] == '.');
}

static void check_site(const struct kct_inlined_site *site, bool seen[])
{
	bool known = false;

	for (size_t i = 0; i < COUNT(expected); i++) {
		if (!in_function(site, expected[i].function))
			continue;
		assert_string_equal(site->caller, expected[i].caller);
		assert_int_equal(site->req, expected[i].req);
		seen[i] = known = true;
	}
	if (!known)
		print_error("unexpected: %s+%#lx\n", site->function, (unsigned long)site->offset);
	assert_true(known);
	assert_true(site->req_known && site->on_instruction && !site->is_symbol);
	assert_int_equal(site->vcpu_where == KCT_WHERE_UNKNOWN, site->why[0] != '\0');
	if (site->vcpu_where != KCT_WHERE_UNKNOWN)
		assert_non_null(kct_register_name(site->vcpu_reg));
}

static void check_sites(const struct kct_inlined_site *sites, size_t count)
{
	bool seen[COUNT(expected)] = {false};

	for (size_t i = 0; i < count; i++)
		check_site(&sites[i], seen);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_true(seen[i]);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(sites[i - 1].section, sites[i].section) < 0 ||
			    sites[i - 1].address < sites[i].address);
}

/* ---- Breakpoints ---- */

#ifdef __x86_64__

struct kvm_vcpu {
	void *kvm;
	int id;
	unsigned long pad[5];
	unsigned long requests;
};

struct kvm {
	int count, active;
	struct kvm_vcpu *vcpus[4];
};

struct box {
	unsigned long pad[3];
	struct kvm_vcpu vcpu;
};

#define BREAKPOINT 0xcc
#define TRAP_FLAG  0x100

static const struct kct_inlined_site *armed;
static size_t armed_count;
static uint8_t *load_address, saved[64], *stepping;

static struct kvm_vcpu vcpus[4], *made[64], *hits[64];
static size_t made_count, hit_count, unknown_count, early_count;

static void on_made(struct kvm_vcpu *vcpu)
{
	vcpu->requests = 0;
	if (made_count < COUNT(made))
		made[made_count++] = vcpu;
}

static uint64_t register_value(const ucontext_t *context, int dwarf)
{
	static const int numbers[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
				      REG_RBP, REG_RSP, REG_R8,	 REG_R9,  REG_R10, REG_R11,
				      REG_R12, REG_R13, REG_R14, REG_R15};

	return (uint64_t)context->uc_mcontext.gregs[numbers[dwarf]];
}

static struct kvm_vcpu *vcpu_of(const ucontext_t *context, const struct kct_inlined_site *site)
{
	uint64_t value;

	value = register_value(context, site->vcpu_reg) + (uint64_t)site->vcpu_offset;
	if (site->vcpu_where == KCT_WHERE_MEMORY)
		memcpy(&value, (void *)value, sizeof(value));
	return (struct kvm_vcpu *)value;
}

/* A wrong pointer is only to fail the test, so it is not followed unless it is one of ours. */
static void note_hit(struct kvm_vcpu *vcpu)
{
	if (vcpu >= vcpus && vcpu < vcpus + COUNT(vcpus) && !(vcpu->requests & 1UL << 21))
		early_count++;
	if (hit_count < COUNT(hits))
		hits[hit_count++] = vcpu;
}

/* At a breakpoint: note the vCPU, then run the one instruction under it and arm it again. */
static void on_trap(int signal, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	greg_t *registers = context->uc_mcontext.gregs;
	uint8_t *at = (uint8_t *)registers[REG_RIP] - 1;

	(void)signal, (void)info;
	if (stepping) {
		*stepping = BREAKPOINT;
		stepping = NULL;
		registers[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	for (size_t i = 0; i < armed_count; i++) {
		if (at != load_address + armed[i].address)
			continue;
		if (armed[i].vcpu_where == KCT_WHERE_UNKNOWN)
			unknown_count++;
		else
			note_hit(vcpu_of(context, &armed[i]));
		*at = saved[i];
		stepping = at;
		registers[REG_RIP]--;
		registers[REG_EFL] |= TRAP_FLAG;
		return;
	}
	abort();
}

static bool arm(void *library, const struct kct_inlined_site *sites, size_t count)
{
	long page = sysconf(_SC_PAGESIZE);
	struct link_map *map;

	assert_true(count <= COUNT(saved));
	assert_int_equal(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	load_address = (uint8_t *)map->l_addr;
	for (size_t i = 0; i < count; i++) {
		uint8_t *at = load_address + sites[i].address;

		saved[i] = *at;
		if (mprotect(at - (uintptr_t)at % (uintptr_t)page, (size_t)page,
			     PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
			return false; /* some hardened systems never let text be written */
		*at = BREAKPOINT;
	}
	armed = sites;
	armed_count = count;
	return true;
}

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);

	assert_non_null(found);
	return found;
}

static void call_fixture(void *library)
{
	struct kvm kvm = {.active = 1};

	for (size_t i = 0; i < COUNT(vcpus); i++) {
		vcpus[i] = (struct kvm_vcpu){.kvm = &kvm, .id = (int)i};
		kvm.vcpus[i] = &vcpus[i];
	}
	*(void (**)(struct kvm_vcpu *))symbol(library, "fixture_made") = on_made;
	for (kvm.active = 0; kvm.active < 2; kvm.active++) {
		((void (*)(void *))symbol(library, "fixture_plain"))(&vcpus[1]);
		((void (*)(void *))symbol(library, "fixture_flags"))(&vcpus[2]);
		((void (*)(void *))symbol(library, "fixture_other_request"))(&vcpus[2]);
		((int (*)(void *, int))symbol(library, "fixture_nested"))(&vcpus[0], 1);
		((int (*)(void *, int))symbol(library, "fixture_nested"))(&vcpus[3], 1);
		((void (*)(void *))symbol(library, "fixture_loop"))(&vcpus[0]);
		((int (*)(void *))symbol(library, "fixture_cold"))(&vcpus[3]);
		((unsigned long (*)(void *, long, long))symbol(library, "fixture_spilled"))(
			&vcpus[2], 1, 2);
		vcpus[3].requests = 0;
		((long (*)(void *, int, long, int, long, long, long))symbol(
			library, "fixture_first"))(&vcpus[3], 1, 2, 3, 4, 5, 6);
	}
	assert_int_equal(kvm.count, 4);
}

/* Where clang loses the vCPU altogether, the site says so, and its hits can only be counted. */
static void call_member(void *library)
{
	struct box box = {.pad = {1}, .vcpu = {.id = 9}};

	((void (*)(void *))symbol(library, "fixture_member"))(&box);
	assert_int_equal(box.vcpu.requests, 1UL << 21);
	assert_int_equal(box.pad[0], 2);
	assert_int_equal(hit_count + unknown_count, 1);
	if (hit_count)
		assert_ptr_equal(hits[0], &box.vcpu);
}

static void check_breakpoints(const char *path, const struct kct_inlined_site *sites, size_t count)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, old;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	assert_non_null(library);
	assert_int_equal(sigaction(SIGTRAP, &action, &old), 0);
	if (arm(library, sites, count)) {
		made_count = hit_count = unknown_count = early_count = 0;
		call_fixture(library);
		assert_int_equal(hit_count, made_count);
		assert_memory_equal(hits, made, made_count * sizeof(*made));
		assert_int_equal(early_count, made_count);
		made_count = hit_count = 0;
		call_member(library);
	}
	sigaction(SIGTRAP, &old, NULL);
	dlclose(library);
}

#else
static void check_breakpoints(const char *path, const struct kct_inlined_site *sites, size_t count)
{
	(void)path, (void)sites, (void)count;
}
#endif

static void test_build(void **state)
{
	const struct build *build = *state;
	struct kct_inlined_site *sites;
	char name[32], flags[256];
	const char *path;
	size_t count;

	/* A name of its own: a library of the same path could stay loaded. */
	snprintf(name, sizeof(name), "build%zu.so", (size_t)(build - builds));
	snprintf(flags, sizeof(flags), "%s -shared -fPIC", build->flags);
	path = compile(build->compiler, flags, name);
	count = find(path, &sites);
	check_sites(sites, count);
	check_breakpoints(path, sites, count);
	free(sites);
}

/* A kernel module is a relocatable file, its debug information often a file of its own. */
static void test_relocatable(void **state)
{
	const char *path = compile("gcc", "-O2 -g -c -ffunction-sections -fno-pic", "module.ko");
	const char *debug = in_directory("module.ko.debug");
	struct kct_inlined_site *sites, *separate;
	size_t count = find(path, &sites);

	(void)state;
	check_sites(sites, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strncmp(sites[i].section, ".text", 5), 0);
		/* one function a section, so both count from the same place */
		assert_int_equal(sites[i].address, sites[i].offset);
	}
	if (has("objcopy")) {
		assert_int_equal(run("objcopy --only-keep-debug %s %s", path, debug), 0);
		assert_int_equal(find(debug, &separate), count);
		assert_memory_equal(separate, sites, count * sizeof(*sites));
		free(separate);
	}
	free(sites);
}

/* Nothing inlined: the function itself is the site, for whatever request. */
static void test_symbol(void **state)
{
	const char *path = compile("gcc", "-O2 -g -shared -fPIC -DOUT_OF_LINE -fno-ipa-cp", "s.so");
	struct kct_inlined_site *sites;

	(void)state;
	assert_int_equal(find(path, &sites), 1);
	assert_true(sites[0].is_symbol && !sites[0].req_known);
	assert_string_equal(sites[0].function, "kvm_make_request");
	assert_int_equal(sites[0].offset, 0);
	assert_int_equal(sites[0].vcpu_where, KCT_WHERE_REGISTER);
	assert_string_equal(kct_register_name(sites[0].vcpu_reg), "rsi");
	free(sites);
}

/* Without optimization no request is a constant: the sites are there, but say so. */
static void test_unoptimized(void **state)
{
	const char *path = compile("gcc", "-O0 -g -shared -fPIC", "o0.so");
	struct kct_inlined_site *sites;
	size_t count = find(path, &sites);

	(void)state;
	assert_true(count > COUNT(expected));
	for (size_t i = 0; i < count; i++)
		assert_false(sites[i].req_known);
	free(sites);
}

/* ---- What cannot be searched ---- */

static void expect_error(const char *path, int expected_error)
{
	struct kct_inlined_site *sites = (void *)path;
	char why[256] = "";
	size_t count = 1;

	assert_int_equal(kct_inlined_find(path, &sites, &count, why, sizeof(why)), expected_error);
	assert_null(sites);
	assert_int_equal(count, 0);
	assert_non_null(strstr(why, path));
}

static void test_bad_files(void **state)
{
	const char *empty = in_directory("empty");

	(void)state;
	expect_error(in_directory("missing"), -ENOENT);
	expect_error(FIXTURE, -ENOEXEC);
	expect_error(directory, -ENOEXEC);
	assert_int_equal(run(": > %s", empty), 0);
	expect_error(empty, -ENOEXEC);
	expect_error(compile("gcc", "-O2 -g0 -shared -fPIC", "nodebug.so"), -ENODATA);
}

static void test_other_program(void **state)
{
	struct kct_inlined_site *sites;
	const char *path = in_directory("other");
	char why[256];
	size_t count;

	(void)state;
	if (!has("gcc"))
		skip();
	assert_int_equal(run("echo 'int main(void){return 0;}' | gcc -g -xc - -o %s", path), 0);
	assert_int_equal(kct_inlined_find(path, &sites, &count, why, sizeof(why)), 0);
	assert_int_equal(count, 0);
	assert_non_null(strstr(why, "does not contain"));
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* Cut anywhere, a file gives an error and a reason, or what sites there are: never a crash. */
static void test_truncated(void **state)
{
	const char *path = compile("gcc", "-O2 -g -c", "whole.o"), *cut = in_directory("cut.o");
	FILE *file = fopen(path, "r");
	static char bytes[1 << 16];
	size_t size;

	(void)state;
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_true(size < sizeof(bytes));
	for (size_t length = 0; length < size; length += 1 + size / 97) {
		struct kct_inlined_site *sites;
		char why[256];
		size_t count;
		int error;

		write_file(cut, bytes, length);
		error = kct_inlined_find(cut, &sites, &count, why, sizeof(why));
		assert_true(error < 0 || count == 0);
		assert_true(why[0] != '\0');
		free(sites);
	}
}

/* ---- Where the debug information is ---- */

#define RELEASE "6.0-test"

/* As /sys shows it: a note of another kind, then the build ID 12345678. */
static const uint8_t notes[] = "\4\0\0\0\2\0\0\0\11\0\0\0Xen\0\7\7\0\0"
			       "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\x12\x34\x56\x78";

static void make_file(const char *root, const char *path, const void *bytes, size_t size)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(run("mkdir -p $(dirname %s)", full), 0);
	if (bytes)
		write_file(full, bytes, size);
}

static void expect_path(const char *root, int error, const char *path)
{
	char out[PATH_MAX], full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(kct_debuginfo_path_at(root, RELEASE, out, sizeof(out)), error);
	assert_string_equal(out, error ? "" : full);
}

static void copy_to(const char *root, const char *path, const char *file)
{
	make_file(root, path, NULL, 0);
	assert_int_equal(run("cp %s %s%s", file, root, path), 0);
}

static const char *identified(const char *id, const char *flags, const char *name)
{
	char all[128];

	snprintf(all, sizeof(all), "-O2 -shared -fPIC -Wl,--build-id=%s %s", id, flags);
	return compile("gcc", all, name);
}

static void test_path_module(void **state)
{
	const char *place = "/usr/lib/debug/lib/modules/" RELEASE "/kernel/arch/x86/kvm/kvm.ko";
	const char *built = "/lib/modules/" RELEASE "/build/arch/x86/kvm/kvm.ko";
	const char *by_id = "/usr/lib/debug/.build-id/12/345678.debug";
	const char *root = in_directory("module");
	char small[40];

	(void)state;
	expect_path(root, -ENOENT, "");
	make_file(root, "/sys/module/kvm/initstate", "live\n", 5);
	make_file(root, "/sys/module/kvm/notes/.note.gnu.build-id", notes, sizeof(notes) - 1);
	copy_to(root, place, identified("0x12345678", "-g0", "id-nodebug.so"));
	expect_path(root, -ENOENT, "");
	copy_to(root, place, identified("0x87654321", "-g", "id-other.so"));
	expect_path(root, -ESTALE, "");
	copy_to(root, built, identified("0x12345678", "-g", "id-same.so"));
	expect_path(root, 0, built);
	copy_to(root, by_id, in_directory("id-same.so"));
	expect_path(root, 0, by_id);
	assert_int_equal(kct_debuginfo_path_at(root, RELEASE, small, sizeof(small)), -ENAMETOOLONG);
	assert_string_equal(small, "");
}

static void test_path_builtin(void **state)
{
	const char *place = "/usr/lib/debug/boot/vmlinux-" RELEASE;
	const char *root = in_directory("builtin");

	(void)state;
	make_file(root, "/sys/module/kvm/uevent", "", 0);
	copy_to(root, place, identified("0x87654321", "-g", "id-other.so"));
	/* No build ID to compare with: the release in the path must do. */
	expect_path(root, 0, place);
	make_file(root, "/sys/kernel/notes", notes, sizeof(notes) - 1);
	expect_path(root, -ESTALE, "");
	copy_to(root, place, identified("0x12345678", "-g", "id-same.so"));
	expect_path(root, 0, place);
	/* Damaged notes tell no build ID. */
	for (size_t cut = 0; cut < sizeof(notes) - 1; cut++) {
		make_file(root, "/sys/kernel/notes", notes, cut);
		expect_path(root, 0, place);
	}
}

/* A file that is named is held against the running kernel, too. */
static void test_check(void **state)
{
	const char *root = in_directory("checked");
	char file[PATH_MAX];

	(void)state;
	snprintf(file, sizeof(file), "%s", identified("0x12345678", "-g", "id-same.so"));
	make_file(root, "/sys/module/kvm/uevent", "", 0);
	assert_int_equal(kct_debuginfo_check_at(root, file), -ENODATA);
	make_file(root, "/sys/kernel/notes", notes, sizeof(notes) - 1);
	assert_int_equal(kct_debuginfo_check_at(root, file), 0);
	assert_int_equal(
		kct_debuginfo_check_at(root, identified("0x87654321", "-g", "id-other.so")),
		-ESTALE);
	assert_int_equal(kct_debuginfo_check_at(root, identified("none", "-g", "id-none.so")),
			 -ENODATA);
	assert_int_equal(
		kct_debuginfo_check_at(root, identified("0x12345678", "-g0", "id-nodebug.so")),
		-ENOENT);
	assert_int_equal(kct_debuginfo_check_at(root, "/nowhere/vmlinux"), -ENOENT);
}

static void test_path_running(void **state)
{
	char out[PATH_MAX];
	int error = kct_debuginfo_path(out, sizeof(out));

	(void)state;
	assert_true(error == 0 || error == -ENOENT || error == -ESTALE);
	assert_int_equal(error == 0, access(out, R_OK) == 0);
}

static void test_register_names(void **state)
{
	(void)state;
	assert_string_equal(kct_register_name(0), "rax");
	assert_string_equal(kct_register_name(15), "r15");
	assert_null(kct_register_name(16));
	assert_null(kct_register_name(-1));
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return run("rm -rf %s", directory);
}

#define BUILD(index) cmocka_unit_test_prestate(test_build, (void *)&builds[index])

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD(0),
		BUILD(1),
		BUILD(2),
		BUILD(3),
		BUILD(4),
		BUILD(5),
		BUILD(6),
		BUILD(7),
		BUILD(8),
		cmocka_unit_test(test_relocatable),
		cmocka_unit_test(test_symbol),
		cmocka_unit_test(test_unoptimized),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_other_program),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_path_module),
		cmocka_unit_test(test_path_builtin),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_path_running),
		cmocka_unit_test(test_register_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

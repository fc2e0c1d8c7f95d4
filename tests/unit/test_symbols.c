// SPDX-License-Identifier: GPL-2.0
/* What the kernel's symbol table says of a function, from tables made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "attach/symbols.h"
#include "symbol_file.h"

#define WANTED "kvm_write_system_time"

static void check(const char *lines, unsigned int exact, unsigned int clones, const char *clone)
{
	struct kct_symbol symbol;

	write_table(lines);
	assert_int_equal(kct_symbol_find(path, WANTED, &symbol), 0);
	assert_int_equal(symbol.exact, exact);
	assert_int_equal(symbol.clones, clones);
	assert_string_equal(symbol.clone, clone);
}

static void check_problem(const char *problem)
{
	char text[160] = "left over";

	kct_symbol_problem(path, WANTED, text, sizeof(text));
	assert_string_equal(text, problem);
}

#define MISSING "this kernel has no function " WANTED " out of line"

static void test_one(void **state)
{
	(void)state;
	for (const char *type = "tTwW"; *type; type++) {
		char line[128];

		snprintf(line, sizeof(line), "ffffffff810a0000 %c " WANTED "\n", *type);
		check(line, 1, 0, "");
		check_problem("");
	}
	/* Its file need not end with a line's end. */
	check("ffffffff810a0000 T " WANTED, 1, 0, "");
	check("ffffffff81000000 T a\nffffffff810a0000 t " WANTED "\nffffffff81000000 T b\n", 1, 0,
	      "");
	check_problem("");
}

/* As it looks where kptr_restrict hides the addresses. */
static void test_hidden_addresses(void **state)
{
	(void)state;
	check("0000000000000000 T other\n0000000000000000 t " WANTED "\n", 1, 0, "");
	check_problem("");
}

static void test_missing(void **state)
{
	(void)state;
	check("ffffffff810a0000 t kvm_write_wall_clock\nffffffff810b0000 T _text\n", 0, 0, "");
	check_problem(MISSING);
	check("", 0, 0, "");
	check_problem(MISSING);
}

static void test_longer_and_shorter_names(void **state)
{
	(void)state;
	check("ffffffff810a0000 t " WANTED "2\n"
	      "ffffffff810a0000 t " WANTED "_x\n"
	      "ffffffff810a0000 t x" WANTED "\n"
	      "ffffffff810a0000 t __" WANTED "\n"
	      "ffffffff810a0000 t kvm_write_system_tim\n"
	      "ffffffff810a0000 t kvm_write_system_time$x\n",
	      0, 0, "");
	check_problem(MISSING);
}

static void test_several(void **state)
{
	(void)state;
	check("ffffffff810a0000 t " WANTED "\nffffffff820a0000 t " WANTED "\n", 2, 0, "");
	check_problem("2 functions are called " WANTED);
	check("ffffffff810a0000 t " WANTED "\n"
	      "ffffffff820a0000 T " WANTED "\n"
	      "ffffffffc00a0000 t " WANTED "\t[other]\n",
	      3, 0, "");
	check_problem("3 functions are called " WANTED);
}

static void test_clones(void **state)
{
	static const char *const suffixes[] = {".isra.0", ".constprop.0", ".part.0",
					       ".isra.0.part.1", ".llvm.123"};
	char line[160], name[64], problem[160];

	(void)state;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), WANTED "%s", suffixes[i]);
		snprintf(line, sizeof(line), "ffffffff810a0000 t %s\n", name);
		check(line, 0, 1, name);
		snprintf(problem, sizeof(problem),
			 "the compiler left only %s, with other arguments", name);
		check_problem(problem);
	}
	check("ffffffff810a0000 t " WANTED ".isra.0\nffffffff810b0000 t " WANTED ".part.0\n", 0, 2,
	      WANTED ".part.0");
}

/* What is rarely run stands elsewhere, but is still the same function. */
static void test_cold_part(void **state)
{
	(void)state;
	check("ffffffff810a0000 t " WANTED ".cold\nffffffff810b0000 t " WANTED "\n", 1, 0, "");
	check_problem("");
	check("ffffffff810a0000 t " WANTED ".cold.17\nffffffff810b0000 t " WANTED "\n", 1, 0, "");
	check_problem("");
	check("ffffffff810a0000 t " WANTED ".part.0\nffffffff810b0000 t " WANTED ".part.0.cold\n",
	      0, 1, WANTED ".part.0");
	check("ffffffff810a0000 t " WANTED ".cold\n", 0, 0, "");
	check_problem(MISSING);
}

/* As 7.3 has kvm_vcpu_write_tsc_offset(): most callers call the other one. */
static void test_function_and_clones(void **state)
{
	static const char *const suffixes[] = {".isra.0", ".constprop.0", ".part.0"};
	char lines[256], problem[160];

	(void)state;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(lines, sizeof(lines),
			 "ffffffff810a0000 t " WANTED "%s.cold\nffffffff810b0000 T " WANTED "\n"
			 "ffffffff810c0000 t " WANTED "%s\n",
			 suffixes[i], suffixes[i]);
		write_table(lines);
		snprintf(problem, sizeof(problem),
			 "some calls go to " WANTED "%s instead, with other arguments",
			 suffixes[i]);
		check_problem(problem);
	}
	check("ffffffff810b0000 t " WANTED "\nffffffff810c0000 t " WANTED "\n"
	      "ffffffff810a0000 t " WANTED ".part.0\n",
	      2, 1, WANTED ".part.0");
	check_problem("2 functions are called " WANTED);
}

/* Variables, read-only data, absolute and undefined symbols are no functions. */
static void test_data(void **state)
{
	(void)state;
	check("ffffffff820a0000 d " WANTED "\nffffffff820a0000 D " WANTED "\n"
	      "ffffffff820a0000 b " WANTED "\nffffffff820a0000 B " WANTED "\n"
	      "ffffffff820a0000 r " WANTED "\nffffffff820a0000 R " WANTED "\n"
	      "ffffffff820a0000 A " WANTED "\nffffffff820a0000 V " WANTED "\n"
	      "                 U " WANTED "\nffffffff820a0000 d " WANTED ".isra.0\n",
	      0, 0, "");
	check_problem(MISSING);
	check("ffffffff820a0000 d " WANTED "\nffffffff810a0000 t " WANTED "\n", 1, 0, "");
	check_problem("");
}

static void test_module(void **state)
{
	(void)state;
	check("ffffffffc0500000 t " WANTED "\t[kvm]\n", 1, 0, "");
	check_problem("");
	check("ffffffffc0500000 t " WANTED ".isra.0\t[kvm]\n", 0, 1, WANTED ".isra.0");
	/* A module of that name is not a function. */
	check("ffffffffc0500000 t other\t[" WANTED "]\n", 0, 0, "");
	/* Programs appear there, too. */
	check("ffffffffc0600000 t bpf_prog_0123456789abcdef_" WANTED "\t[bpf]\n", 0, 0, "");
}

static void test_unreadable(void **state)
{
	struct kct_symbol symbol = {.exact = 7, .clones = 7, .clone = "left over"};
	char text[80] = "left over";

	(void)state;
	assert_int_equal(kct_symbol_find("/nowhere/kallsyms", WANTED, &symbol), -ENOENT);
	assert_int_equal(symbol.exact, 0);
	assert_int_equal(symbol.clones, 0);
	assert_string_equal(symbol.clone, "");
	assert_int_equal(kct_symbol_find("/dev/null/x", WANTED, &symbol), -ENOTDIR);
	/* What is not known is no problem: whoever tries will see. */
	kct_symbol_problem("/nowhere/kallsyms", WANTED, text, sizeof(text));
	assert_string_equal(text, "");
	/* It opens, and cannot be read. */
	assert_int_equal(kct_symbol_find("/", WANTED, &symbol), 0);
	assert_int_equal(symbol.exact, 0);
}

static void test_garbage(void **state)
{
	(void)state;
	check("\n\n   \nx\nx y\nT\n \t \nffffffff810a0000\nffffffff810a0000 T\n"
	      "ffffffff810a0000 TT " WANTED "\n" WANTED "\n%s%n %s %n\n\x80\xff\x01 t \xfe\n",
	      0, 0, "");
	check_problem(MISSING);
	check("garbage\nffffffff810a0000 t " WANTED "\n\x7f"
	      "ELF\n",
	      1, 0, "");
}

/* Lines and names beyond all bounds; a sanitizer looks on. */
static void test_long_lines(void **state)
{
	static char lines[8192];
	char problem[40];

	(void)state;
	memset(lines, 'x', sizeof(lines) - 1);
	check(lines, 0, 0, "");
	memcpy(lines, "f t ", 4);
	check(lines, 0, 0, "");
	memcpy(lines + 4, WANTED, strlen(WANTED));
	check(lines, 0, 0, "");
	/* A clone's name is longer than what is kept of it. */
	lines[4 + strlen(WANTED)] = '.';
	lines[200] = '\n';
	lines[201] = '\0';
	write_table(lines);
	struct kct_symbol symbol;

	assert_int_equal(kct_symbol_find(path, WANTED, &symbol), 0);
	assert_int_equal(symbol.clones, 1);
	assert_int_equal(strlen(symbol.clone), sizeof(symbol.clone) - 1);
	/* So is what is said of it. */
	kct_symbol_problem(path, WANTED, problem, sizeof(problem));
	assert_int_equal(strlen(problem), sizeof(problem) - 1);
}

static void test_own_kernel(void **state)
{
	struct kct_symbol symbol;

	(void)state;
	if (kct_symbol_find(KCT_KALLSYMS, "vfs_read", &symbol)) {
		print_message("# " KCT_KALLSYMS " cannot be read\n");
		skip();
	}
	assert_int_equal(symbol.exact, 1);
	assert_int_equal(kct_symbol_find(KCT_KALLSYMS, "no_such_function_at_all", &symbol), 0);
	assert_int_equal(symbol.exact + symbol.clones, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),	   cmocka_unit_test(test_hidden_addresses),
		cmocka_unit_test(test_missing),	   cmocka_unit_test(test_longer_and_shorter_names),
		cmocka_unit_test(test_several),	   cmocka_unit_test(test_clones),
		cmocka_unit_test(test_cold_part),  cmocka_unit_test(test_function_and_clones),
		cmocka_unit_test(test_data),	   cmocka_unit_test(test_module),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_own_kernel),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

// SPDX-License-Identifier: GPL-2.0
/* Which function an address is in, by tables as /proc/kallsyms has them, made up here. */
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

#include "attach/kallsyms.h"
#include "symbol_file.h"

static struct kct_kallsyms *symbols;

static int read_table(const char *lines)
{
	write_table(lines);
	return kct_kallsyms_open(&symbols, path);
}

static void check(uint64_t address, const char *name)
{
	const char *found = kct_kallsyms_name(symbols, address);

	if (name)
		assert_string_equal(found, name);
	else
		assert_null(found);
}

/* The kernel's own come first, data among them, and modules' are in no order. */
static const char table[] = "0000000000000000 A fixed_percpu_data\n"
			    "ffffffff81000000 T _stext\n"
			    "ffffffff81000000 T _text\n"
			    "ffffffff81000100 t worker_thread\n"
			    "ffffffff81000140 D a_table\n"
			    "ffffffff81000200 W do_syscall_64\n"
			    "ffffffff81001000 T _etext\n"
			    "ffffffff82000000 T start_kernel\n"
			    "ffffffffc0201f00 t kvm_exit\t[kvm]\n"
			    "ffffffffc0200100 t __kvm_synchronize_tsc\t[kvm]\n"
			    "ffffffffc0200000 T kvm_vcpu_ioctl\t[kvm]\n"
			    "ffffffffc0300000 t svm_set_msr\t[kvm_amd]\n"
			    "ffffffffc0400000 t bpf_prog_6deef7357e7b4530_tp_update\t[bpf]\n"
			    "ffffffffc0500000 t ftrace_trampoline\t[__builtin__ftrace]\n";

static void test_kernel(void **state)
{
	(void)state;
	assert_int_equal(read_table(table), 0);
	check(0xffffffff80ffffff, NULL);
	check(0xffffffff81000000, "_stext"); /* of two names the first */
	check(0xffffffff81000001, "_stext");
	check(0xffffffff810000ff, "_stext");
	check(0xffffffff81000100, "worker_thread");
	check(0xffffffff81000150, "worker_thread"); /* data is no function */
	check(0xffffffff81000fff, "do_syscall_64");
	/* Behind the end of the text nothing runs but what was made or loaded. */
	check(0xffffffff81001000, NULL);
	check(0xffffffff82000010, NULL);
	kct_kallsyms_close(symbols);
}

static void test_modules(void **state)
{
	(void)state;
	assert_int_equal(read_table(table), 0);
	check(0xffffffffc01fffff, NULL);
	check(0xffffffffc0200000, "kvm_vcpu_ioctl");
	check(0xffffffffc0200105, "__kvm_synchronize_tsc");
	check(0xffffffffc0201eff, "__kvm_synchronize_tsc");
	/* How long a module's last function is, is not told: at most to the end of its page. */
	check(0xffffffffc0201fff, "kvm_exit");
	check(0xffffffffc0202000, NULL);
	check(0xffffffffc0300123, "svm_set_msr");
	check(0xffffffffc0301000, NULL);
	/* Made at run time, listed or not. */
	check(0xffffffffc0400010, NULL);
	check(0xffffffffc0500010, NULL);
	check(UINT64_MAX, NULL);
	check(0, NULL);
	kct_kallsyms_close(symbols);
}

static void test_no_end(void **state)
{
	(void)state;
	assert_int_equal(read_table("ffffffff81000000 T one\nffffffff81000100 T two\n"), 0);
	check(0xffffffff81000fff, "two");
	check(0xffffffff81001000, NULL);
	kct_kallsyms_close(symbols);
}

/* The kernel shows all of them as 0 to whom it does not tell them. */
static void test_hidden(void **state)
{
	(void)state;
	assert_int_equal(read_table("0000000000000000 T _stext\n"
				    "0000000000000000 t kvm_vcpu_ioctl\t[kvm]\n"),
			 -EACCES);
	assert_null(symbols);
	assert_int_equal(read_table(""), -EACCES);
	assert_int_equal(kct_kallsyms_open(&symbols, "/nowhere/at/all"), -ENOENT);
	assert_null(symbols);
	kct_kallsyms_close(NULL);
}

static void test_odd_lines(void **state)
{
	char lines[2048] = "not a symbol\n\nffffffff81000000 T ";
	size_t used = strlen(lines);

	(void)state;
	memset(lines + used, 'x', 600); /* longer than a name of the kernel's */
	strcpy(lines + used + 600, "\nffffffff81000100 T two\n");
	assert_int_equal(read_table(lines), 0);
	check(0xffffffff81000110, "two");
	kct_kallsyms_close(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	  cmocka_unit_test(test_modules),
		cmocka_unit_test(test_no_end),	  cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_odd_lines),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

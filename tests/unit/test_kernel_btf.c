// SPDX-License-Identifier: GPL-2.0
/* What is extracted of a kernel's BTF, from ones that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "attach/kernel_btf.h"

static struct btf *kernel, *module, *ours, *extract;

/* struct list { struct list *next; }; struct clock { struct list list; u64 ns[4]; } */
static void make_kernel(void)
{
	int u64, list, next, numbers;

	kernel = btf__new_empty();
	btf__add_struct(kernel, "unwanted", 8);
	u64 = btf__add_int(kernel, "u64", 8, 0);
	list = btf__add_struct(kernel, "list", 8);
	next = btf__add_ptr(kernel, list);
	btf__add_struct(kernel, "target_of_a_pointer", 8);
	numbers = btf__add_const(kernel, btf__add_array(kernel, u64, u64, 4));
	btf__add_struct(kernel, "clock", 40);
	btf__add_field(kernel, "list", list, 0, 0);
	btf__add_field(kernel, "ns", numbers, 64, 0);
	btf__add_field(kernel, "next", next, 320, 0);
	btf__add_enum(kernel, "mode", 4);
	btf__add_enum_value(kernel, "TSC", 2);
}

static void make_module(void)
{
	module = btf__new_empty_split(kernel);
	btf__add_struct(module, "vcpu", 8);
	btf__add_field(module, "list", btf__find_by_name(kernel, "list"), 0, 0);
	btf__add_struct(module, "unwanted_too", 8);
	btf__add_struct(module, "clock", 4);
}

static void make_ours(void)
{
	ours = btf__new_empty();
	btf__add_struct(ours, "clock", 8);
	btf__add_struct(ours, "clock___before_6_1", 8);
	btf__add_struct(ours, "vcpu___with_list", 8);
	btf__add_struct(ours, "only_ours", 8);
	btf__add_enum(ours, "mode", 4);
}

static void read_extract(bool with_module)
{
	struct kct_kernel_btf all = {.vmlinux = kernel, .kvm = with_module ? module : NULL};
	int fd = memfd_create("btf", 0);
	char path[32];

	assert_true(fd >= 0);
	assert_int_equal(kct_kernel_btf_extract(&all, ours, fd), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	extract = btf__parse(path, NULL);
	close(fd);
	assert_non_null(extract);
}

static const struct btf_type *type(const char *name)
{
	int id = btf__find_by_name(extract, name);

	return id < 0 ? NULL : btf__type_by_id(extract, (__u32)id);
}

static const struct btf_type *type_of_field(const char *name, int field)
{
	assert_non_null(type(name));
	return btf__type_by_id(extract, btf_members(type(name))[field].type);
}

static int count(const char *name)
{
	int found = 0;

	for (__u32 id = 1; id < btf__type_cnt(extract); id++)
		found += !strcmp(
			name, btf__name_by_offset(extract, btf__type_by_id(extract, id)->name_off));
	return found;
}

static int set_up(void **state)
{
	(void)state;
	make_kernel();
	make_module();
	make_ours();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	btf__free(extract);
	btf__free(ours);
	btf__free(module);
	btf__free(kernel);
	return 0;
}

static void test_named(void **state)
{
	(void)state;
	read_extract(false);
	assert_non_null(type("mode"));
	assert_int_equal(btf_enum(type("mode"))->val, 2);
	assert_null(type("unwanted"));
	assert_null(type("only_ours"));
	assert_null(type("vcpu"));
}

/* A field's type and place are found in the extract as in the whole. */
static void test_parts(void **state)
{
	const struct btf_type *array;

	(void)state;
	read_extract(false);
	assert_int_equal(btf_vlen(type("clock")), 3);
	assert_int_equal(btf_member_bit_offset(type("clock"), 1), 64);
	assert_ptr_equal(type_of_field("clock", 0), type("list"));
	assert_true(btf_is_const(type_of_field("clock", 1)));
	array = btf__type_by_id(extract, type_of_field("clock", 1)->type);
	assert_true(btf_is_array(array));
	assert_int_equal(btf_array(array)->nelems, 4);
	assert_ptr_equal(btf__type_by_id(extract, btf_array(array)->type), type("u64"));
	assert_true(btf_is_ptr(type_of_field("clock", 2)));
	assert_int_equal(type_of_field("clock", 2)->type, 0);
	assert_null(type("target_of_a_pointer"));
}

static void test_module(void **state)
{
	(void)state;
	read_extract(true);
	assert_non_null(type("clock"));
	assert_ptr_equal(type_of_field("vcpu", 0), type("list"));
	assert_null(type("unwanted_too"));
	assert_int_equal(count("clock"), 1);
	assert_int_equal(type("clock")->size, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_module, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

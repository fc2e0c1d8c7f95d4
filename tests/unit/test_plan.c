// SPDX-License-Identifier: GPL-2.0
/*
 * A way is relied on only where it was tried. What the kernel and its debug information say is made
 * up here, in the place of the functions that ask them: a host may have neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "attach/kprobe.h"
#include "attach/plan.h"
#include "attach/symbols.h"
#include "attach/try.h"
#include "base/error.h"
#include "dwarf/debuginfo.h"

static const struct kct_kernel_btf no_btf;
static bool takes_functions;
static int no_kprobe, other_build, nr_places; /* the first two are 0 or -errno */

int kct_kprobe_open(const char *function, uint64_t offset, bool at_return)
{
	(void)at_return;
	if (!offset)
		return takes_functions ? open("/", O_PATH | O_CLOEXEC) : -EOPNOTSUPP;
	assert_string_equal(function, "kvm_track_tsc_matching");
	nr_places++;
	return no_kprobe ? no_kprobe : open("/", O_PATH | O_CLOEXEC);
}

int kct_debuginfo_check(const char *path)
{
	(void)path;
	return other_build;
}

int kct_debuginfo_path(char *out, size_t size)
{
	(void)out;
	(void)size;
	return -ENOENT;
}

int kct_inlined_find(const char *path, struct kct_inlined_site **sites, size_t *count, char *why,
		     size_t why_size)
{
	(void)path;
	(void)why;
	(void)why_size;
	*count = 2;
	*sites = calloc(*count, sizeof(**sites));
	assert_non_null(*sites);
	for (size_t i = 0; i < *count; i++) {
		(*sites)[i] = (struct kct_inlined_site){
			.function = "kvm_track_tsc_matching",
			.offset = 16 + i,
			.req_known = true,
			.req = KCT_REQ_MASTERCLOCK_UPDATE,
			.vcpu_where = KCT_WHERE_REGISTER,
		};
	}
	return 0;
}

static int make(struct kct_plan *plan)
{
	const struct kct_plan_options options = {.method = -1, .debuginfo = "vmlinux"};

	nr_places = 0;
	return kct_plan_make(plan, &no_btf, &options, false);
}

/* Where the kernel lets nothing be probed, doctor is not to promise what record cannot do. */
static void test_places(void **state)
{
	struct kct_plan plan;

	(void)state;
	no_kprobe = 0;
	assert_int_equal(make(&plan), 0);
	assert_int_equal(kct_plan_way(&plan, "request-site")->method, KCT_INLINED);
	assert_int_equal(nr_places, 2);
	kct_plan_clear(&plan);
	no_kprobe = -EPERM;
	assert_int_equal(make(&plan), 0);
	assert_int_equal(kct_plan_way(&plan, "request-site")->method, KCT_DERIVED);
	assert_int_equal(nr_places, 1);
	kct_plan_clear(&plan);
}

/* Other offsets would probe other instructions. */
static void test_other_build(void **state)
{
	static const int errors[] = {-ESTALE, -ENODATA};
	struct kct_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		other_build = errors[i];
		assert_int_equal(make(&plan), KCT_EXIT_USAGE);
		assert_int_equal(nr_places, 0);
		kct_plan_clear(&plan);
	}
	other_build = 0;
}

/* The kernel may take a name that BTF has for a function that it has not, or not all of. */
static void test_no_function(void **state)
{
	struct kct_tries tries;
	char why[160];

	(void)state;
	if (access(KCT_KALLSYMS, R_OK)) {
		print_message("%s cannot be read\n", KCT_KALLSYMS);
		skip();
	}
	takes_functions = true;
	kct_tries_begin(&tries, &no_btf, false);
	assert_int_equal(kct_try(&tries, KCT_KPROBE, "kvm_nothing", why, sizeof(why)),
			 -EADDRNOTAVAIL);
	assert_string_equal(why, "this kernel has no function kvm_nothing out of line");
	kct_tries_end(&tries);
	takes_functions = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_other_build),
		cmocka_unit_test(test_no_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Where hooks may be put at all: the table of the ways to each piece of evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "attach/evidence.h"

static bool aims_at(const struct kct_way *way, const char *target)
{
	for (size_t i = 0; i < sizeof(way->targets) / sizeof(way->targets[0]); i++)
		if (way->targets[i] && !strcmp(way->targets[i], target))
			return true;
	return false;
}

/*
 * KVM's compilers inline kvm_make_request(): should there be a copy out of line as well, its calls
 * are some of the requests, and must not be taken for all of them.
 */
static void test_out_of_line_copy(void **state)
{
	int inlined = 0;

	(void)state;
	for (size_t i = 0; i < kct_nr_evidence; i++) {
		for (size_t k = 0; k < kct_evidence[i].nr_ways; k++) {
			const struct kct_way *way = &kct_evidence[i].ways[k];

			if (!aims_at(way, "kvm_make_request"))
				continue;
			assert_int_equal(way->method, KCT_INLINED);
			inlined++;
		}
	}
	assert_int_equal(inlined, 1);
}

/* What is called for each TLB flush, page fault, entry, exit or MSR of a guest. */
static void test_nothing_hot(void **state)
{
	static const char *const hot[] = {
		"kvm_make_all_cpus_request",
		"kvm_make_vcpus_request_mask",
		"kvm_flush_remote_tlbs",
		"kvm_mmu_page_fault",
		"vcpu_enter_guest",
		"kvm_vcpu_ioctl",
		"kvm_get_msr_common",
		"kvm_set_msr_common",
		"kvm_hv_set_msr_common",
		"kvm_entry",
		"kvm_exit",
	};

	(void)state;
	for (size_t i = 0; i < kct_nr_evidence; i++)
		for (size_t k = 0; k < kct_evidence[i].nr_ways; k++)
			for (size_t h = 0; h < sizeof(hot) / sizeof(hot[0]); h++)
				assert_false(aims_at(&kct_evidence[i].ways[k], hot[h]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_line_copy),
		cmocka_unit_test(test_nothing_hot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

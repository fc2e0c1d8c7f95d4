// SPDX-License-Identifier: GPL-2.0
/* What is unknown where a run had no hook for a piece of evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attach/evidence.h"
#include "model/figures.h"

#define BIT(figure)    ((kct_figures)1 << KCT_FIGURE_##figure)
#define ALL_BUT(lacks) (((kct_figures)1 << KCT_NR_FIGURES) - 1 - (lacks))

/* All evidence is obtained by a hook. */
static struct kct_header whole(void)
{
	struct kct_header header = {.nr_hooks = (uint32_t)kct_nr_evidence};

	for (size_t i = 0; i < kct_nr_evidence; i++) {
		snprintf(header.hooks[i].evidence, sizeof(header.hooks[i].evidence), "%s",
			 kct_evidence[i].name);
		strcpy(header.hooks[i].way, "kprobe");
	}
	return header;
}

static struct kct_hook *hook_of(struct kct_header *header, const char *evidence)
{
	for (uint32_t i = 0; i < header->nr_hooks; i++)
		if (!strcmp(header->hooks[i].evidence, evidence))
			return &header->hooks[i];
	fail_msg("there is no evidence called %s", evidence);
	return NULL;
}

#define OF_REQUESTS                                                                                \
	(BIT(REQUESTS) | BIT(REQUESTS_CLEARED) | BIT(PENDING) | BIT(ORIGIN_UNKNOWN) |              \
	 BIT(PENDING_AT_SET) | BIT(JUDGED) | BIT(SERVED) | BIT(CLEARED) | BIT(UNRESOLVED) |        \
	 BIT(NEW_SNAPSHOTS) | BIT(KEPT_SNAPSHOTS) | BIT(SHARED) | BIT(REPEATED))
#define OF_TSC_WRITES                                                                              \
	(BIT(TSC_WRITES) | BIT(TSC_OFFSETS_DIFFER) | BIT(NEGATIVE_WRONG) | BIT(VMM_STEPS) |        \
	 BIT(VMM_PATTERN) | BIT(TSC_NOT_IN_FORCE) | BIT(TSC_REWRITTEN))

/* What is lost with each piece of evidence, while the inlined places of requests are hooked. */
static const struct {
	const char *evidence;
	kct_figures lost;
} losses[] = {
	{"update", 0},
	{"values-before", BIT(CAUSE_HYPERV)},
	{"pvti", 0},
	{"tsc-write", OF_TSC_WRITES},
	{"tsc-track", BIT(ODD_VCPUS)},
	{"request", OF_REQUESTS},
	{"request-system-time", 0},
	{"request-clocksource", 0},
	{"request-resume", 0},
	{"request-xen", BIT(ORIGIN_XEN)},
	{"request-site", BIT(ORIGIN_HYPERV)},
	{"set-clock", 0},
	{"clock-read", 0},
	{"tsc-read", BIT(VMM_PAUSED)},
	{"vm-gone", 0},
	{"vm", 0},
};

static void test_each_missing(void **state)
{
	const struct kct_header all = whole();

	(void)state;
	assert_int_equal(sizeof(losses) / sizeof(losses[0]), kct_nr_evidence);
	assert_true(kct_figures_shown(&all) == ALL_BUT(0));
	for (size_t i = 0; i < kct_nr_evidence; i++) {
		struct kct_header none = all, derived = all, absent = all;

		strcpy(hook_of(&none, losses[i].evidence)->way, "none");
		strcpy(hook_of(&derived, losses[i].evidence)->way, "derived");
		strcpy(hook_of(&absent, losses[i].evidence)->evidence, "something-else");
		if (kct_figures_shown(&none) != ALL_BUT(losses[i].lost))
			print_error("%s: %#llx\n", losses[i].evidence,
				    (unsigned long long)~kct_figures_shown(&none));
		assert_true(kct_figures_shown(&none) == ALL_BUT(losses[i].lost));
		assert_true(kct_figures_shown(&derived) == kct_figures_shown(&none));
		assert_true(kct_figures_shown(&absent) == kct_figures_shown(&none));
	}
}

/* Without the inlined places each origin rests on a hook of its own. */
static void test_origins(void **state)
{
	static const struct {
		const char *evidence;
		kct_figures lost;
	} origins[] = {
		{"request", OF_REQUESTS | BIT(ORIGIN_VCPU_CREATE) | BIT(ORIGIN_TSC_WRITE) |
				    BIT(ORIGIN_TSC_OFFSET)},
		{"request-system-time", BIT(ORIGIN_SYSTEM_TIME)},
		{"request-clocksource", BIT(ORIGIN_CLOCKSOURCE)},
		{"request-resume", BIT(ORIGIN_RESUME)},
		{"request-xen", BIT(ORIGIN_XEN)},
	};
	struct kct_header all = whole();

	(void)state;
	strcpy(hook_of(&all, "request-site")->way, "derived");
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct kct_header none = all;

		strcpy(hook_of(&none, origins[i].evidence)->way, "none");
		assert_true(kct_figures_shown(&none) ==
			    ALL_BUT(origins[i].lost | BIT(ORIGIN_HYPERV)));
	}
}

static void test_no_hooks(void **state)
{
	const struct kct_header none = {0};

	(void)state;
	assert_int_equal(kct_figures_shown(&none), 0);
	assert_false(kct_figure_is_shown(0, KCT_FIGURE_REQUESTS));
	assert_true(kct_figure_is_shown(BIT(VMM_PAUSED), KCT_FIGURE_VMM_PAUSED));
	for (int i = 0; i < KCT_NR_ORIGINS; i++) {
		assert_true(KCT_FIGURE_OF_ORIGIN(i) >= KCT_FIGURE_ORIGIN_UNKNOWN);
		assert_true(KCT_FIGURE_OF_ORIGIN(i) <= KCT_FIGURE_ORIGIN_XEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_missing),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_no_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

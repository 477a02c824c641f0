// SPDX-License-Identifier: GPL-2.0-or-later
/* loader/sysctl.h and loader/after.h on fixture trees. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_tree.h"
#include "loader/after.h"
#include "loader/sysctl.h"
#include "util/cleanup.h"

#define OOPS "/proc/sys/kernel/panic_on_oops"
#define HUNG "/proc/sys/kernel/hung_task_panic"

static void expect_parameter(const struct tree *t, const char *path, const char *value)
{
	_free_ char *text = tree_text(t, path);

	text[strcspn(text, "\n")] = 0;
	if (strcmp(text, value) != 0)
		fail_msg("%s is '%s', not '%s'", path, text, value);
}

/* settings: blank-separated, as in ukdump.conf. */
static int apply(const struct tree *t, const char *settings, struct ukd_error *e)
{
	_strings_ struct strings wanted = {0};
	_free_ char *copy = strdup(settings);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			assert_int_equal(strings_add(&wanted, word), 0);
	return sysctl_apply(&t->root, &wanted, e);
}

static void expect_applied(const struct tree *t, const char *settings)
{
	struct ukd_error e = {0};

	if (apply(t, settings, &e) < 0)
		fail_msg("%s", e.text);
}

static void expect_restored(const struct tree *t)
{
	struct ukd_error e = {0};

	if (sysctl_restore(&t->root, &e) < 0)
		fail_msg("%s", e.text);
	assert_false(tree_has(t, SYSCTL_FILE));
}

static void kernel_with_parameters(struct tree *t)
{
	tree_make(t);
	tree_write(t, OOPS, "0\n");
	tree_write(t, HUNG, "0\n");
	tree_write(t, "/proc/sys/kernel/panic", "10\n");
	tree_write(t, "/proc/sys/kernel/printk", "4\t4\t1\t7\n");
}

static void test_set_and_put_back(void **state _unused_)
{
	_tree_ struct tree t;

	kernel_with_parameters(&t);
	expect_applied(&t, "kernel.panic_on_oops=1 kernel/panic=5 kernel.printk=7");
	expect_parameter(&t, OOPS, "1");
	expect_parameter(&t, "/proc/sys/kernel/panic", "5");
	expect_parameter(&t, SYSCTL_FILE, OOPS "\t0\t1");
	expect_restored(&t);
	expect_parameter(&t, OOPS, "0");
	expect_parameter(&t, "/proc/sys/kernel/panic", "10");
	expect_parameter(&t, "/proc/sys/kernel/printk", "4 4 1 7");
	expect_restored(&t); /* nothing to do, no error */
}

static void test_second_arming_keeps_what_was_before_the_first(void **state _unused_)
{
	_tree_ struct tree t;

	kernel_with_parameters(&t);
	for (int i = 0; i < 3; i++)
		expect_applied(&t, "kernel.panic_on_oops=1");
	expect_parameter(&t, SYSCTL_FILE, OOPS "\t0\t1");
	expect_applied(&t, "kernel.panic_on_oops=2");
	expect_parameter(&t, SYSCTL_FILE, OOPS "\t0\t2");
	expect_restored(&t);
	expect_parameter(&t, OOPS, "0");
}

static void test_what_others_set_since_is_theirs(void **state _unused_)
{
	_tree_ struct tree t;

	kernel_with_parameters(&t);
	expect_applied(&t, "kernel.panic_on_oops=1 kernel.hung_task_panic=1");
	tree_write(&t, HUNG, "7\n");
	expect_restored(&t);
	expect_parameter(&t, OOPS, "0");
	expect_parameter(&t, HUNG, "7");

	/* In between two armings it is what stop puts back. */
	expect_applied(&t, "kernel.hung_task_panic=1");
	tree_write(&t, HUNG, "3\n");
	expect_applied(&t, "kernel.hung_task_panic=1");
	expect_parameter(&t, HUNG, "1");
	expect_restored(&t);
	expect_parameter(&t, HUNG, "3");
}

static void test_what_is_no_longer_wanted_is_put_back(void **state _unused_)
{
	_tree_ struct tree t;

	kernel_with_parameters(&t);
	expect_applied(&t, "kernel.panic_on_oops=1 kernel.hung_task_panic=1");
	expect_applied(&t, "kernel.hung_task_panic=1");
	expect_parameter(&t, OOPS, "0");
	expect_parameter(&t, HUNG, "1");
	expect_parameter(&t, SYSCTL_FILE, HUNG "\t0\t1");
	expect_applied(&t, "");
	expect_parameter(&t, HUNG, "0");
	expect_parameter(&t, SYSCTL_FILE, "");
}

static void test_one_failure_stops_nothing_else(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	kernel_with_parameters(&t);
	assert_true(apply(&t, "kernel.nowhere=1 kernel.none=2 kernel.panic_on_oops=1", &e) < 0);
	assert_non_null(strstr(e.text, "/proc/sys/kernel/nowhere"));
	expect_parameter(&t, OOPS, "1");
	expect_parameter(&t, SYSCTL_FILE, OOPS "\t0\t1");

	expect_applied(&t, "kernel.hung_task_panic=1 kernel.panic_on_oops=1");
	assert_int_equal(unlink(tree_path(&t, HUNG)), 0);
	assert_true(sysctl_restore(&t.root, &e) < 0);
	assert_non_null(strstr(e.text, HUNG));
	expect_parameter(&t, OOPS, "0");
	assert_false(tree_has(&t, SYSCTL_FILE));
}

static void test_damaged_record_is_skipped(void **state _unused_)
{
	_tree_ struct tree t;

	kernel_with_parameters(&t);
	tree_write(&t, OOPS, "1\n");
	tree_write(&t, SYSCTL_FILE, "garbage\n\n\t\n" OOPS "\t0\n" OOPS "\t0\t1\nx");
	expect_restored(&t);
	expect_parameter(&t, OOPS, "0");
}

static void test_lock(void **state _unused_)
{
	static const struct {
		enum setting_lock lock;
		const char *limit, *disabled;
	} cases[] = {{LOCK_NO, "-1", "0"}, {LOCK_PANIC_LIMIT, "0", "0"}, {LOCK_ALL, "-1", "1"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		_settings_ struct settings s = {0};
		struct ukd_error e = {0};

		kernel_with_parameters(&t);
		tree_write(&t, "/proc/sys/kernel/kexec_load_limit_panic", "-1\n");
		tree_write(&t, "/proc/sys/kernel/kexec_load_disabled", "0\n");
		assert_int_equal(settings_init(&s, &e), 0);
		s.arm.lock_after_arm = cases[i].lock;
		assert_int_equal(after_arm(&t.root, &s, &e), 0);
		expect_parameter(&t, "/proc/sys/kernel/kexec_load_limit_panic", cases[i].limit);
		expect_parameter(&t, "/proc/sys/kernel/kexec_load_disabled", cases[i].disabled);
		expect_parameter(&t, OOPS, "1"); /* the default of Sysctl= */
	}
}

/* Linux before 6.3 has no limit: that is told, and what else was asked for is done. */
static void test_kernel_without_the_lock(void **state _unused_)
{
	_tree_ struct tree t;
	_settings_ struct settings s = {0};
	struct ukd_error e = {0};

	kernel_with_parameters(&t);
	assert_int_equal(settings_init(&s, &e), 0);
	s.arm.lock_after_arm = LOCK_PANIC_LIMIT;
	assert_true(after_arm(&t.root, &s, &e) < 0);
	assert_non_null(strstr(e.text, "kexec_load_limit_panic"));
	expect_parameter(&t, OOPS, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_put_back),
		cmocka_unit_test(test_second_arming_keeps_what_was_before_the_first),
		cmocka_unit_test(test_what_others_set_since_is_theirs),
		cmocka_unit_test(test_what_is_no_longer_wanted_is_put_back),
		cmocka_unit_test(test_one_failure_stops_nothing_else),
		cmocka_unit_test(test_damaged_record_is_skipped),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_kernel_without_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

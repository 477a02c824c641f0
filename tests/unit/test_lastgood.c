// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is kept of a plain UKI that was loaded, and that it comes back as the same or not at all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_plain.h"
#include "loader/lastgood.h"
#include "loader/load.h"
#include "util/cleanup.h"

static int load_profile(const struct tree *t, const char *path, const char *profile,
			struct ukd_error *e)
{
	return load_image(&t->root, tree_path(t, path), profile, e);
}

static void fail_next(bool again)
{
	kernel.drops = true;
	kernel.answers[kernel.n] = -ENOKEY;
	kernel.answers[kernel.n + 1] = again ? -ENOKEY : 0;
}

static void machine_with_last_good(struct tree *t)
{
	struct ukd_error e = {0};

	machine_make(t);
	trust_signer(t);
	UKI(t, "/a.efi", "signer", {".initrd", "base"}, {".cmdline", "base"},
	    {".uname", FIXTURE_RELEASE}, {".profile", "ID=main\n"}, {".profile", "ID=kdump\n"},
	    {".cmdline", "crash"});
	ADDON(t, "/a.efi.extra.d/zz.addon.efi", "signer", {".cmdline", "z"});
	ADDON(t, "/a.efi.extra.d/aa.addon.efi", "signer", {".cmdline", "a"});
	ADDON(t, "/a.efi.extra.d/no.addon.efi", "signer", {".cmdline", "n"}, {".uname", "6.1"});
	UKI(t, "/b.efi", "signer", {".initrd", "other"}, {".cmdline", "other"});
	assert_int_equal(load_profile(t, "/a.efi", "kdump", &e), 0);
	assert_string_equal(kernel.call[0].cmdline, "crash a z");
}

static void expect_same_call(unsigned int a, unsigned int b)
{
	assert_true(bytes_equal(buffer_bytes(&kernel.call[a].image),
				buffer_bytes(&kernel.call[b].image)));
	assert_true(bytes_equal(buffer_bytes(&kernel.call[a].initrd),
				buffer_bytes(&kernel.call[b].initrd)));
	assert_string_equal(kernel.call[a].cmdline, kernel.call[b].cmdline);
}

static void test_last_good_brings_back_the_same(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct stat image, good;

	machine_with_last_good(&t);
	assert_int_equal(stat(tree_path(&t, "/a.efi.extra.d/aa.addon.efi"), &image), 0);
	assert_int_equal(
		stat(tree_path(&t, "/var/lib/ukdump/last-good.extra.d/00.addon.efi"), &good), 0);
	assert_int_equal(image.st_ino, good.st_ino); /* a hard link */
	assert_int_equal(tree_count(&t, "/var/lib/ukdump/last-good.extra.d"), 2);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_non_null(strstr(e.text, "the last good image is armed again"));
	assert_int_equal(kernel.n, 3);
	expect_same_call(0, 2);
	expect_armed(&t, "\nprofile=1\naddons=2\n");
	/* loaded by its own name, it is kept again */
	assert_int_equal(load_profile(&t, LAST_GOOD, "kdump", &e), 0);
	expect_same_call(0, 3);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	expect_same_call(0, 5);
}

static void test_last_good_of_another_image_leaves_nothing_behind(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_with_last_good(&t);
	expect_loaded(&t, "/b.efi");
	assert_false(tree_has(&t, "/var/lib/ukdump/last-good.extra.d"));
	fail_next(false);
	assert_int_equal(load_profile(&t, "/a.efi", "kdump", &e), -ENOKEY);
	expect_same_call(1, 3);
	sealed_make(&t, "/s.efi");
	expect_loaded(&t, "/s.efi");
	assert_int_equal(tree_count(&t, "/var/lib/ukdump"), 1);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_null(kernel.call[6].cmdline);
	assert_true(bytes_equal(buffer_bytes(&kernel.call[6].image),
				buffer_bytes(&kernel.call[4].image)));
}

/* Whatever was interrupted, or put there by somebody: not loaded. */
static void test_last_good_that_does_not_belong_together(void **state _unused_)
{
	for (unsigned int i = 0; i < 5; i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};

#define KEPT "/var/lib/ukdump/last-good"
		machine_with_last_good(&t);
		if (i == 0) /* the record is not there yet */
			assert_int_equal(unlink(tree_path(&t, KEPT ".profile")), 0);
		if (i == 1) /* an addon less */
			assert_int_equal(unlink(tree_path(&t, KEPT ".extra.d/01.addon.efi")), 0);
		if (i == 2) /* one more, signed as it should be */
			ADDON(&t, KEPT ".extra.d/02.addon.efi", "signer", {".cmdline", "x"});
		if (i == 3) { /* one that is not */
			assert_int_equal(unlink(tree_path(&t, KEPT ".extra.d/00.addon.efi")), 0);
			ADDON(&t, KEPT ".extra.d/00.addon.efi", "foreign", {".cmdline", "x"});
		}
		if (i == 4) { /* another image, well signed */
			assert_int_equal(unlink(tree_path(&t, KEPT)), 0);
			UKI(&t, KEPT, "signer", {".cmdline", "quiet"});
		}
		fail_next(true);
		assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
		if (kernel.n != 2 || !strstr(e.text, "NOT ARMED, there is no last good image"))
			fail_msg("case %u: %u calls, %s", i, kernel.n, e.text);
#undef KEPT
	}
}

static void test_record_is_refused_by_name(void **state _unused_)
{
	_tree_ struct tree t;
	struct machine m = {.root = &t.root};
	struct plan *p = calloc(1, sizeof(*p));
	struct ukd_error e = {0};

	machine_with_last_good(&t);
	assert_int_equal(auth_policy_of_host(&t.root, &m.policy, &e), 0);
	assert_int_equal(last_good_plan(&m, p, &e), 1);
	plan_free(p);
	*p = (struct plan)PLAN_NONE;
	tree_write(&t, "/var/lib/ukdump/last-good.profile", "profile=1\n");
	expect_refused(last_good_plan(&m, p, &e), &e, "plan.last-good", "record");
	free(p);
	machine_free(&m);
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/loader/lastgood.c", "plan.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_good_brings_back_the_same),
		cmocka_unit_test(test_last_good_of_another_image_leaves_nothing_behind),
		cmocka_unit_test(test_last_good_that_does_not_belong_together),
		cmocka_unit_test(test_record_is_refused_by_name),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lies beside a UKI: names of directories, order, what is an addon and what is not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sidecar.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

static void test_sidecar_names(void **state _unused_)
{
	static const struct {
		const char *image, *dir;
	} cases[] = {
		{"/a.efi", "/a.efi.extra.d"},	    {"/a+3.efi", "/a.efi.extra.d"},
		{"/a+3-0.efi", "/a.efi.extra.d"},   {"/a+12-34.EFI", "/a.EFI.extra.d"},
		{"/a+b+3.efi", "/a+b.efi.extra.d"}, {"/a+.efi", "/a+.efi.extra.d"},
		{"/a+3-.efi", "/a+3-.efi.extra.d"}, {"/a+x.efi", "/a+x.efi.extra.d"},
		{"/a+3x.efi", "/a+3x.efi.extra.d"}, {"/a+3.bin", "/a+3.bin.extra.d"},
		{"/a+3", "/a+3.extra.d"},	    {"/b+3.efi/a", "/b+3.efi/a.extra.d"},
		{"/a.d/a", "/a.d/a.extra.d"},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_sidecars_ struct sidecars s = {0};
		_tree_ struct tree t;
		struct ukd_error e = {0};
		char path[64], expected[128];

		tree_make(&t);
		(void)snprintf(path, sizeof(path), "%s/x.addon.efi", cases[i].dir);
		tree_write(&t, path, "");
		assert_int_equal(sidecars_find(AT_FDCWD, tree_path(&t, cases[i].image), &s, &e), 0);
		if (s.n != 1)
			fail_msg("%s: not found in %s", cases[i].image, cases[i].dir);
		(void)snprintf(expected, sizeof(expected), "%s", tree_path(&t, path));
		assert_string_equal(s.path[0], expected);
	}
}

static void test_sidecar_lists(void **state _unused_)
{
	_tree_ struct tree t;
	struct sidecars s;
	struct ukd_error e = {0};
	char path[64];

	tree_make(&t);
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_true(s.n == 0 && s.n_ignored == 0); /* no directory */
	tree_write(&t, "/a.efi.extra.d/b.addon.efi", "");
	tree_write(&t, "/a.efi.extra.d/a.addon.efi", "");
	tree_write(&t, "/a.efi.extra.d/x.raw", "");
	tree_write(&t, "/a.efi.extra.d/.x.raw", "");
	tree_write(&t, "/a.efi.extra.d/efi", "");
	tree_link(&t, "/a.efi.extra.d/c.addon.efi", "b.addon.efi");
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.path[0], "a.efi.extra.d/a.addon.efi");
	assert_string_equal(s.path[1], "a.efi.extra.d/b.addon.efi");
	assert_string_equal(s.path[2], "a.efi.extra.d/c.addon.efi");
	assert_int_equal(s.n_ignored, 2);
	assert_string_equal(s.ignored[1], "a.efi.extra.d/x.raw");
	sidecars_free(&s);
	for (unsigned int i = 0; i < SIDECAR_MAX + 9; i++) {
		(void)snprintf(path, sizeof(path), "/a.efi.extra.d/%u.cred", i);
		tree_write(&t, path, "");
	}
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_int_equal(s.n_ignored, SIDECAR_MAX);
	sidecars_free(&s);
	for (unsigned int i = 0; i < SIDECAR_MAX - 2; i++) {
		(void)snprintf(path, sizeof(path), "/a.efi.extra.d/%u.addon.efi", i);
		tree_write(&t, path, "");
	}
	expect_refused(sidecars_find(t.root.fd, "a.efi", &s, &e), &e, "addon.count", "65");
	tree_write(&t, "/b.efi.extra.d", "not a directory");
	assert_int_equal(sidecars_find(t.root.fd, "b.efi", &s, &e), -ENOTDIR);
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/auth/sidecar.c", "addon.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sidecar_names),
		cmocka_unit_test(test_sidecar_lists),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

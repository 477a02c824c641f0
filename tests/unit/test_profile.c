// SPDX-License-Identifier: GPL-2.0-or-later
/* src/pe/profile.c: profiles are what systemd-stub makes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "pe/profile.h"

#define S FIXTURE_SECTION

static void make_profiles(struct buffer *ret)
{
	static const struct fixture_section s[] = {
		S(".initrd", "base"),
		S(".dtbauto", "base"),
		S(".profile", "ID=main\nTITLE=\"The m\xc3\xa4in one\"\n"),
		S(".profile", "ID='dump'\n"),
		S(".cmdline", "dump"),
		S(".dtbauto", "first"),
		S(".dtbauto", "second"),
		S(".profile", "ID=2\n"),
		S(".initrd", "two"),
	};

	fixture_uki_with(s, ARRAY_SIZE(s), ret);
}

static void expect_section(const struct uki_profile *p, enum uki_section id,
			   const struct buffer *pe, const char *content)
{
	assert_non_null(p->section[id]);
	assert_int_equal(pe_section_len(p->section[id]), strlen(content));
	assert_memory_equal(pe->data + p->section[id]->raw, content, strlen(content));
}

static void test_profiles(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	_uki_ struct uki u = {0};
	struct uki_profile p;
	struct ukd_error e = {0};

	make_profiles(&pe);
	assert_int_equal(open_and_read(&pe, &u, &e), 0);
	assert_int_equal(u.n_profiles, 3);

	uki_profile_get(&u, 0, &p);
	assert_int_equal(p.number, 0);
	assert_string_equal(p.id, "main");
	assert_string_equal(p.title, "The m??in one");
	assert_string_equal(uki_profile_text(&u, &p, UKI_CMDLINE), "base");
	expect_section(&p, UKI_INITRD, &pe, "base");
	expect_section(&p, UKI_DTBAUTO, &pe, "base");

	uki_profile_get(&u, 1, &p);
	assert_string_equal(p.id, "dump");
	assert_string_equal(p.title, "");
	assert_string_equal(uki_profile_text(&u, &p, UKI_CMDLINE), "dump");
	assert_string_equal(uki_profile_text(&u, &p, UKI_PROFILE), "ID='dump'\n");
	expect_section(&p, UKI_INITRD, &pe, "base");
	expect_section(&p, UKI_DTBAUTO, &pe, "first");

	uki_profile_get(&u, 2, &p);
	assert_string_equal(uki_profile_text(&u, &p, UKI_CMDLINE), "base");
	expect_section(&p, UKI_INITRD, &pe, "two");
	assert_null(p.section[UKI_UNAME]);
	assert_null(uki_profile_text(&u, &p, UKI_UNAME));
}

static void test_profiles_are_found(void **state _unused_)
{
	static const struct {
		const char *name;
		int number; /* -1: refused */
	} cases[] = {
		{NULL, 0},    {"0", 0},	   {"1", 1},	   {"2", 2},  {"main", 0},
		{"dump", 1},  {"3", -1},   {"", -1},	   {"x", -1}, {"-1", -1},
		{"DUMP", -1}, {"dum", -1}, {"'dump'", -1},
	};
	_buffer_ struct buffer pe = {0}, without = {0};
	_uki_ struct uki u = {0}, plain = {0};
	struct ukd_error e = {0};
	struct uki_profile p;

	make_profiles(&pe);
	assert_int_equal(open_and_read(&pe, &u, &e), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		p = (struct uki_profile){.number = 4711};
		r = uki_profile_find(&u, cases[i].name, &p, &e);
		if (cases[i].number < 0) {
			expect_refused(r, &e, "uki.profile", cases[i].name);
			assert_int_equal(p.number, 4711);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(p.number, cases[i].number);
	}
	fixture_uki_with(&(struct fixture_section){0}, 0, &without);
	assert_int_equal(open_and_read(&without, &plain, &e), 0);
	assert_int_equal(uki_profile_find(&plain, NULL, &p, &e), 0);
	assert_string_equal(p.id, "");
	assert_int_equal(uki_profile_find(&plain, "0", &p, &e), 0);
	expect_refused(uki_profile_find(&plain, "1", &p, &e), &e, "uki.profile", "no profiles");
	expect_refused(uki_profile_find(&plain, "", &p, &e), &e, "uki.profile", "no ID");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_profiles_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

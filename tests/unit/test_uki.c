// SPDX-License-Identifier: GPL-2.0-or-later
/* src/pe: the rules for UKIs and addons: every check fires for what it is named after. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_seal.h"

#define SECTION(n) (FIXTURE_SECTION_TABLE + FIXTURE_SECTION_HEADER * (n))
#define SBAT	   1 /* sections of fixture_uki_make() */
#define OSREL	   2
#define CMDLINE	   3
#define LINUX	   5

#define S FIXTURE_SECTION

static void expect_fires(const struct buffer *pe, const char *check, const char *what)
{
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	expect_refused(open_and_read(pe, &u, &e), &e, check, what);
	if (strncmp(e.text, "test: ", 6) != 0 || strchr(e.text, '\n'))
		fail_msg("%s: message '%s'", what, e.text);
}

static void expect_good(const struct buffer *pe)
{
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	if (open_and_read(pe, &u, &e) < 0)
		fail_msg("%s: %s", e.check, e.text);
}

static const struct bad_field corruptions[] = {
	{".linux larger in memory", "uki.virtual-size", SECTION(LINUX) + 8, 4, 0x201},
	{".cmdline larger in memory", "uki.virtual-size", SECTION(CMDLINE) + 8, 4, 0x300},
	{"bytes behind .cmdline", "uki.padding", 0x1600 + 0x1ff, 1, 'x'},
	{"bytes behind .text", "uki.padding", 0x1000 + 0x100, 1, 0x90},
	{"two .osrel", "uki.duplicate", SECTION(SBAT), 8, 0x6c6572736f2eull},
	{"no .linux", "addon.sections", SECTION(LINUX) + 1, 1, 'L'},
	{"no .osrel", "uki.required", SECTION(OSREL) + 1, 1, 'O'},
	{"no .sbat", "uki.required", SECTION(SBAT) + 1, 1, 'S'},
	{".sbat without its first line", "uki.sbat", 0x1200, 1, 'x'},
	{"NUL in .osrel", "uki.text", 0x1400 + 3, 1, 0},
	{"NUL in .cmdline", "uki.text", 0x1600 + 3, 1, 0},
	{"line feed in .cmdline", "uki.cmdline", 0x1600 + 3, 1, '\n'},
	{"escape in .cmdline", "uki.cmdline", 0x1600 + 3, 1, 0x1b},
	{"8-bit character in .cmdline", "uki.cmdline", 0x1600 + 3, 1, 0xc3},
	{"escape in .osrel", "uki.text", 0x1400 + 3, 1, 0x1b},
	{"DEL in .osrel", "uki.text", 0x1400 + 3, 1, 0x7f},
	{"NUL in .sbat", "uki.text", 0x1200 + 9, 1, 0},
};

static void test_each_corruption_fires_its_check(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(corruptions); i++) {
		const struct bad_field *c = &corruptions[i];
		_buffer_ struct buffer pe = {0};

		fixture_uki_make(&pe);
		put_le(pe.data + c->off, c->width, c->value);
		expect_fires(&pe, c->check, c->name);
	}
}

static void test_profiles_repeat_sections(void **state _unused_)
{
	static const struct fixture_section good[] = {
		S(".profile", "ID=a\n"), S(".cmdline", "a"), S(".profile", "ID=b\n"),
		S(".cmdline", "b"),	 S(".uname", "6"),
	};
	static const struct fixture_section twice[] = {S(".profile", "ID=a\n"), S(".cmdline", "a"),
						       S(".cmdline", "b")};
	static const struct fixture_section hidden[] = {S(".profile", "ID=a\n"),
							S(".cmdline", "a\0init=/evil")};
	static const struct fixture_section control[] = {S(".profile", "ID=a\n"),
							 S(".cmdline", "a\033[2Jb")};
	_buffer_ struct buffer a = {0}, b = {0}, c = {0}, d = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	fixture_uki_with(good, ARRAY_SIZE(good), &a);
	assert_int_equal(open_and_read(&a, &u, &e), 0);
	assert_int_equal(u.n_profiles, 2);
	assert_string_equal(uki_text(&u, UKI_CMDLINE), "base"); /* of repeated ones the first */
	fixture_uki_with(twice, ARRAY_SIZE(twice), &b);
	expect_fires(&b, "uki.duplicate", "twice in one profile");
	fixture_uki_with(hidden, ARRAY_SIZE(hidden), &c);
	expect_fires(&c, "uki.text", "NUL in a profile's command line");
	fixture_uki_with(control, ARRAY_SIZE(control), &d);
	expect_fires(&d, "uki.cmdline", "escape in a profile's command line");
}

static void test_device_trees_may_repeat(void **state _unused_)
{
	static const struct fixture_section s[] = {S(".dtbauto", "a"), S(".dtbauto", "b"),
						   S(".efifw", "c"), S(".efifw", "d")};
	_buffer_ struct buffer pe = {0};

	fixture_uki_with(s, ARRAY_SIZE(s), &pe);
	expect_good(&pe);
}

static void test_terminal_is_not_driven_by_uname(void **state _unused_)
{
	static const struct fixture_section s[] = {S(".uname", "6.1\033[2J")};
	static const struct fixture_section line[] = {S(".uname", "6.1\nsigner=me")};
	_buffer_ struct buffer pe = {0}, two = {0};

	fixture_uki_with(s, 1, &pe);
	expect_fires(&pe, "uki.uname", "escape in .uname");
	fixture_uki_with(line, 1, &two);
	expect_fires(&two, "uki.uname", "line feed in .uname");
}

static void test_text_size_limit(void **state _unused_)
{
	static char text[UKI_TEXT_MAX + 1];
	struct fixture_section s[] = {{".pcrsig", text, UKI_TEXT_MAX, 0}};
	_buffer_ struct buffer fits = {0}, larger = {0}, stub = {0};

	memset(text, 'x', sizeof(text));
	fixture_uki_with(s, 1, &fits);
	expect_good(&fits);
	s[0].len++;
	fixture_uki_with(s, 1, &larger);
	expect_fires(&larger, "uki.text-size", "text above 64 KiB");
	s[0].name = ".kexec";
	fixture_uki_with(s, 1, &stub);
	expect_fires(&stub, "uki.text-size", "stub above 64 KiB");
}

/* The file is read in pieces of 1 MiB, and the last ones hold nothing but padding. */
static void test_long_padding(void **state _unused_)
{
	static char initrd[3 << 20];
	struct fixture_section s[] = {{".initrd", initrd, sizeof(initrd), 0}};
	_buffer_ struct buffer pe = {0};

	fixture_uki_with(s, 1, &pe);
	store_le32(pe.data + SECTION(5) + 8, 10);
	expect_good(&pe);
	pe.data[pe.len - 1] = 1;
	expect_fires(&pe, "uki.padding", "a byte at the end of a long padding");
}

/* What is between the sections of fixture_uki_with() and the expected check; NULL: good. */
struct variant {
	const char *what, *check;
	struct fixture_section more[4];
};

static void expect_variants(const struct variant *variants, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct variant *v = &variants[i];
		_buffer_ struct buffer pe = {0};
		unsigned int n_more = 0;

		while (n_more < ARRAY_SIZE(v->more) && v->more[n_more].name)
			n_more++;
		fixture_uki_with(v->more, n_more, &pe);
		if (v->check)
			expect_fires(&pe, v->check, v->what);
		else
			expect_good(&pe);
	}
}

static void test_text_that_is_no_ascii(void **state _unused_)
{
	static const struct variant variants[] = {
		{"UTF-8, tabs and CR LF", NULL, {S(".pcrpkey", "\tK\xc3\xb6nig\r\n")}},
		{"a name with its line feed", NULL, {S(".uname", "6.1\n")}},
	};
	static const struct fixture_section sbat[] = {{".text", "\xf4", 1, 0x60000020},
						      S(".sbat", "sbat,1,x\n\0\0\0"),
						      S(".osrel", "ID=x\n"),
						      S(".linux", "k")};
	_buffer_ struct buffer pe = {0};

	expect_variants(variants, ARRAY_SIZE(variants));
	fixture_pe_make(sbat, ARRAY_SIZE(sbat), &pe); /* as ukify ends it */
	expect_good(&pe);
}

static void test_profile_texts(void **state _unused_)
{
	static const char long_id[] =
		"ID="
		"0123456789012345678901234567890123456789012345678901234567890"
		"123";
	static const struct variant variants[] = {
		{"all that may be",
		 NULL,
		 {S(".profile", "# x\n\nID='a'\nTITLE=\"An A\"\nX_1=$(y)\n")}},
		{"no line feed at the end", NULL, {S(".profile", "ID=a")}},
		{"63 characters", NULL, {{".profile", long_id, sizeof(long_id) - 2, 0}}},
		{"its own number", NULL, {S(".profile", "ID=0\n"), S(".profile", "ID=1")}},
		{"64 characters", "uki.profile", {{".profile", long_id, sizeof(long_id) - 1, 0}}},
		{"no ID", "uki.profile", {S(".profile", "TITLE=a\n")}},
		{"empty ID", "uki.profile", {S(".profile", "ID=\n")}},
		{"empty ID in quotes", "uki.profile", {S(".profile", "ID=\"\"\n")}},
		{"two IDs", "uki.profile", {S(".profile", "ID=a\nID=b\n")}},
		{"two titles", "uki.profile", {S(".profile", "ID=a\nTITLE=b\nTITLE=c\n")}},
		{"a blank before the key", "uki.profile", {S(".profile", "ID=a\n ID=b\n")}},
		{"a blank behind the key", "uki.profile", {S(".profile", "ID =a\n")}},
		{"no key", "uki.profile", {S(".profile", "ID=a\n=b\n")}},
		{"no value", "uki.profile", {S(".profile", "ID=a\nVARIANT\n")}},
		{"a blank in the ID", "uki.profile", {S(".profile", "ID=a b\n")}},
		{"a blank behind the ID", "uki.profile", {S(".profile", "ID=a \n")}},
		{"a quote in the ID", "uki.profile", {S(".profile", "ID=a'b\n")}},
		{"an open quote", "uki.profile", {S(".profile", "ID=\"a\n")}},
		{"quotes that differ", "uki.profile", {S(".profile", "ID=\"a'\n")}},
		{"a backslash in the ID", "uki.profile", {S(".profile", "ID=a\\b\n")}},
		{"CR LF", "uki.profile", {S(".profile", "ID=a\r\n")}},
		{"8-bit character in the ID", "uki.profile", {S(".profile", "ID=\xc3\xa4\n")}},
		{"another's number",
		 "uki.profile",
		 {S(".profile", "ID=1\n"), S(".profile", "ID=a")}},
		{"another's number in hexadecimal", "uki.profile", {S(".profile", "ID=0x1\n")}},
		{"the same twice",
		 "uki.profile",
		 {S(".profile", "ID=a\n"), S(".profile", "ID='a'")}},
		{"the second one's",
		 "uki.profile",
		 {S(".profile", "ID=a\n"), S(".profile", "TITLE=b")}},
		{"escape in the title", "uki.text", {S(".profile", "ID=a\nTITLE=\033[2J")}},
	};

	expect_variants(variants, ARRAY_SIZE(variants));
}

static void test_kernels_and_profiles(void **state _unused_)
{
	static const struct variant variants[] = {
		{"two kernels", "uki.kernels", {S(".profile", "ID=a\n"), S(".linux", "kernel")}},
		{"two .sbat", "uki.duplicate", {S(".profile", "ID=a\n"), S(".sbat", "sbat,1,x\n")}},
		{"two .osrel", NULL, {S(".profile", "ID=a\n"), S(".osrel", "ID=x\n")}},
	};
	/* as ukify makes it of --profile without --join-profile */
	static const struct fixture_section single[] = {
		{".text", "\xf4", 1, 0x60000020},
		S(".sbat", "sbat,1,x\n"),
		S(".profile", "ID=a\n"),
		S(".osrel", "ID=x\n"),
		S(".linux", "kernel"),
	};
	static const struct fixture_section second[] = {
		{".text", "\xf4", 1, 0x60000020}, S(".sbat", "sbat,1,x\n"), S(".osrel", "ID=x\n"),
		S(".profile", "ID=a\n"),	  S(".linux", "kernel"),    S(".profile", "ID=b\n"),
	};
	_buffer_ struct buffer good = {0}, bad = {0};

	expect_variants(variants, ARRAY_SIZE(variants));
	fixture_pe_make(single, ARRAY_SIZE(single), &good);
	expect_good(&good);
	fixture_pe_make(second, ARRAY_SIZE(second), &bad);
	expect_fires(&bad, "uki.required", "a kernel in one of two profiles");
}

static void test_addons(void **state _unused_)
{
	static const struct fixture_section text = {".text", "\xf4", 1, 0x60000020};
	static const struct fixture_section good[] = {
		text,
		S(".sbat", "sbat,1,x\n"),
		S(".cmdline", "a"),
		S(".initrd", "i"),
		S(".ucode", "u"),
		S(".uname", "6.1"),
		S(".dtb", "d"),
		S(".dtbauto", "d"),
		S(".dtbauto", "e"),
		S(".sbom", "s"),
	};
	static const char *const useless[] = {".osrel",	  ".splash",  ".hwids", ".pcrsig",
					      ".pcrpkey", ".profile", ".efifw"};
	_buffer_ struct buffer a = {0}, b = {0}, c = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	fixture_pe_make(good, ARRAY_SIZE(good), &a);
	assert_int_equal(open_and_read(&a, &u, &e), 0);
	assert_int_equal(u.kind, UKI_ADDON);
	assert_int_equal(u.n_profiles, 1);
	assert_string_equal(uki_text(&u, UKI_CMDLINE), "a");
	for (unsigned int i = 0; i < ARRAY_SIZE(useless); i++) {
		struct fixture_section s[] = {good[0], good[1], good[2], S("", "ID=a\n")};
		_buffer_ struct buffer pe = {0};

		s[3].name = useless[i];
		fixture_pe_make(s, 4, &pe);
		expect_fires(&pe, "addon.sections", useless[i]);
	}
	fixture_pe_make((struct fixture_section[]){good[0], good[2]}, 2, &b);
	expect_fires(&b, "addon.required", "an addon without .sbat");
	fixture_pe_make((struct fixture_section[]){good[0], good[1], good[5], good[9]}, 4, &c);
	expect_fires(&c, "uki.required", "nothing that an addon adds");
}

static void test_kept_texts_are_limited_together(void **state _unused_)
{
	static char text[UKI_TEXT_MAX];
	struct fixture_section s[40];
	_buffer_ struct buffer fits = {0}, larger = {0};

	memset(text, 'x', sizeof(text));
	for (unsigned int i = 0; i < 40; i += 2) {
		static char profile[20][8];

		(void)snprintf(profile[i / 2], sizeof(profile[0]), "ID=p%u\n", i);
		s[i] = (struct fixture_section){".profile", profile[i / 2],
						(uint32_t)strlen(profile[i / 2]), 0};
		s[i + 1] = (struct fixture_section){".pcrsig", text, sizeof(text), 0};
	}
	fixture_uki_with(s, 30, &fits); /* 15 of 64 KiB */
	expect_good(&fits);
	fixture_uki_with(s, 32, &larger); /* 16, and the other texts */
	expect_fires(&larger, "uki.text-size", "more than 1 MiB of texts");
}

/* A plain UKI around the fixture's kernel, 6.99.1-test. */
static void make_real(const char *uname, const char *second_uname, struct buffer *ret)
{
	_buffer_ struct buffer kernel = {0};
	struct fixture_section s[] = {
		{".text", "\xf4", 1, 0x60000020},
		S(".sbat", "sbat,1,x\n"),
		S(".osrel", "ID=x\n"),
		{".uname", uname, (uint32_t)strlen(uname), 0},
		{".linux", NULL, 0, 0},
		S(".profile", "ID=a\n"),
		{".uname", second_uname, (uint32_t)strlen(second_uname), 0},
	};

	fixture_kernel_make(&kernel);
	s[4].data = kernel.data;
	s[4].len = (uint32_t)kernel.len;
	fixture_pe_make(s, ARRAY_SIZE(s), ret);
}

static void test_uname_is_the_kernels(void **state _unused_)
{
	static const char ok[] = "6.99.1-test";
	static const char *const wrong[] = {"6.99.1-tes", "6.99.1-test2",
					    "6.99.1-test (fixture@ukdump)", "6.99.1-test ", "test"};
	_buffer_ struct buffer good = {0}, line = {0}, lines = {0};

	make_real(ok, ok, &good);
	expect_good(&good);
	make_real("6.99.1-test\n", ok, &line);
	expect_good(&line);
	make_real("6.99.1-test\n\n", ok, &lines);
	expect_fires(&lines, "uki.uname", "two line feeds");
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		_buffer_ struct buffer first = {0}, second = {0};

		make_real(wrong[i], ok, &first);
		expect_fires(&first, "uki.uname", wrong[i]);
		make_real(ok, wrong[i], &second);
		expect_fires(&second, "uki.uname", "in a profile");
	}
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/pe/uki.c", "uki.");
	expect_all_checks_seen("src/pe/uki_check.c", "uki.");
	expect_all_checks_seen("src/pe/uki_check.c", "addon.");
	expect_all_checks_seen("src/pe/profile.c", "uki.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_corruption_fires_its_check),
		cmocka_unit_test(test_profiles_repeat_sections),
		cmocka_unit_test(test_device_trees_may_repeat),
		cmocka_unit_test(test_terminal_is_not_driven_by_uname),
		cmocka_unit_test(test_text_size_limit),
		cmocka_unit_test(test_long_padding),
		cmocka_unit_test(test_text_that_is_no_ascii),
		cmocka_unit_test(test_profile_texts),
		cmocka_unit_test(test_kernels_and_profiles),
		cmocka_unit_test(test_addons),
		cmocka_unit_test(test_kept_texts_are_limited_together),
		cmocka_unit_test(test_uname_is_the_kernels),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

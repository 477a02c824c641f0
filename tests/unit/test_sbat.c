// SPDX-License-Identifier: GPL-2.0-or-later
/* SBAT in images, and this machine's level: src/pe/sbat.c and src/auth/revoked.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/revoked.h"
#include "fixture_revoked.h"
#include "pe/sbat.h"
#include "util/cleanup.h"

static void test_sbat_form(void **state _unused_)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"sbat,1,SBAT Version,sbat,1,https://example.org\n", true},
		{"sbat,1,v,p,1,u", true},
		{"\r\nsbat,1,v,p,1,u\r\n\r\nuki.deb,65535,v,p,1,u,more,columns\n\n", true},
		{"", false},
		{"\n\n", false},
		{"sbat,1,v,p,1\n", false},
		{"sbat,1,v,p,1,\n", false},
		{",1,v,p,1,u\n", false},
		{"sbat,,v,p,1,u\n", false},
		{"sbat,1,,p,1,u\n", false},
		{"sbat,0,v,p,1,u\n", false},
		{"sbat,65536,v,p,1,u\n", false},
		{"sbat,4294967297,v,p,1,u\n", false},
		{"sbat,-1,v,p,1,u\n", false},
		{"sbat,+1,v,p,1,u\n", false},
		{"sbat, 1,v,p,1,u\n", false},
		{"sbat,1x,v,p,1,u\n", false},
		{"sbat,0x1,v,p,1,u\n", false},
		{"sb at,1,v,p,1,u\n", false},
		{"sb\x1b"
		 "at,1,v,p,1,u\n",
		 false},
		{"\xef\xbb\xbfsbat,1,v,p,1,u\n", false},
		{"sbat,1,v,p,1,u\nshim\n", false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct bytes text = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
		int r = sbat_check_image(text, &e);

		if ((r == 0) != cases[i].ok)
			fail_msg("'%s': %d %s", cases[i].text, r, e.text);
		if (r < 0)
			assert_string_equal(e.check, "uki.sbat");
	}
}

/* Cut after every byte: nothing is read behind the end, and only whole lines are taken. */
static void test_sbat_cut(void **state _unused_)
{
	static const char text[] = "sbat,1,v,p,1,u\nuki,2,v,p,1,u";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		_free_ uint8_t *copy = malloc(len + !len);
		struct ukd_error e = {0};
		bool whole = len == 14 || len == 15;

		memcpy(copy, text, len);
		assert_int_equal(sbat_check_image((struct bytes){copy, len}, &e),
				 whole ? 0 : -EBADMSG);
	}
}

static int compare(const char *image, const char *level, struct ukd_error *e)
{
	_revoked_ struct auth_revoked *r = auth_revoked_new();
	struct bytes text = {(const uint8_t *)image, strlen(image)};

	assert_int_equal(
		revoked_set_level(r, (struct bytes){(const uint8_t *)level, strlen(level)}, e), 0);
	return revoked_check_sbat(r, text, e);
}

static void test_sbat_compare(void **state _unused_)
{
	static const struct {
		const char *image, *level;
		bool ok;
	} cases[] = {
		{"sbat,1,v,p,1,u\nuki,2,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuki,3,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuki,1,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", false},
		{"sbat,1,v,p,1,u\nuki,9,v,p,1,u\n", "sbat,1,2023012900\nuki,10\n", false},
		{"sbat,1,v,p,1,u\n", "sbat,2,2023012900\n", false},
		{"sbat,1,v,p,1,u\nuki.d,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuk,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nUKI,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		/* the strictest of several */
		{"uki,2,v,p,1,u\nuki,1,v,p,1,u\n", "uki,2\n", false},
		{"uki,2,v,p,1,u\n", "uki,1\nuki,3\n", false},
		{"uki,2,v,p,1,u\n", "uki,3\nuki,1\n", false},
	};
	struct ukd_error e = {0};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = compare(cases[i].image, cases[i].level, &e);

		if ((r == 0) != cases[i].ok)
			fail_msg("case %u: %d %s", i, r, e.text);
		if (r < 0)
			assert_string_equal(e.check, "revoked.sbat");
	}
	assert_int_equal(compare("uki,1,v,p,1,u\n", "uki,2\n", &e), -EBADMSG);
	assert_string_equal(e.text, "component 'uki' has SBAT generation 1, this machine's SBAT "
				    "level needs 2");
	assert_int_equal(revoked_check_sbat(NULL, TEXT("uki,1,v,p,1,u\n"), &e), 0);
}

static void test_sbat_level(void **state _unused_)
{
	static const char *const bad[] = {"",	  "\n",	      "sbat\n",	   "sbat,\n",
					  ",1\n", "sbat,0\n", "sbat,1x\n", "sbat,1\nshim\n"};
	_revoked_ struct auth_revoked *good = auth_revoked_new(), *odd = auth_revoked_new();
	struct ukd_error e = {0};
	char text[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		_revoked_ struct auth_revoked *r = auth_revoked_new();
		struct bytes level = {(const uint8_t *)bad[i], strlen(bad[i])};

		assert_int_equal(revoked_set_level(r, level, &e), -EBADMSG);
		assert_string_equal(e.check, "efi.sbat-level");
	}
	assert_int_equal(revoked_set_level(good, TEXT("sbat,1,2023012900\r\nshim,2\n\0\0"), &e), 0);
	auth_revoked_describe(good, text, sizeof(text));
	assert_string_equal(text, "SBAT level 2023012900");
	assert_int_equal(revoked_check_sbat(good, TEXT("shim,1,v,p,1,u"), &e), -EBADMSG);
	assert_int_equal(revoked_set_level(odd, TEXT("sbat,1,\x1b[31m\n"), &e), 0);
	auth_revoked_describe(odd, text, sizeof(text));
	assert_string_equal(text, "SBAT level");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sbat_form),
		cmocka_unit_test(test_sbat_cut),
		cmocka_unit_test(test_sbat_compare),
		cmocka_unit_test(test_sbat_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

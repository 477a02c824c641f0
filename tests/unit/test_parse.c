// SPDX-License-Identifier: GPL-2.0-or-later
/* src/util/parse.c, error.c and log.c: numbers in texts, and what is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/parse.h"

static void test_parse_u64(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {{"0", 0},
		    {"007", 7},
		    {"0x0", 0},
		    {"18446744073709551615", UINT64_MAX},
		    {"0xffffFFFF", UINT32_MAX},
		    {"0xffffffffffffffff", UINT64_MAX}};
	static const char *const bad[] = {"",
					  "0x",
					  "0X1",
					  " 1",
					  "1 ",
					  "+1",
					  "-1",
					  "1a",
					  "0x1g",
					  "1.",
					  "18446744073709551616",
					  "0x10000000000000000",
					  "99999999999999999999"};
	uint64_t v;

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		v = 4711;
		assert_true(parse_u64(good[i].text, &v));
		assert_true(v == good[i].value);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 4711;
		if (parse_u64(bad[i], &v) || v != 4711)
			fail_msg("'%s' is taken as a number", bad[i]);
	}
}

static void test_parse_size(void **state _unused_)
{
	static const char *const bad[] = {"",
					  "K",
					  "1k",
					  "1KB",
					  "1.5G",
					  "16777216T",
					  "-1M",
					  "1 M",
					  "M1",
					  "1KK",
					  "00000000000000000000000000000001M"};
	uint64_t v = 0;

	assert_true(parse_size("17", &v) && v == 17);
	assert_true(parse_size("3K", &v) && v == 3072);
	assert_true(parse_size("0x10M", &v) && v == MIB(16));
	assert_true(parse_size("2G", &v) && v == MIB(2048));
	assert_true(parse_size("16777215T", &v) && v == 16777215ull << 40);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 4711;
		if (parse_size(bad[i], &v) || v != 4711)
			fail_msg("'%s' is taken as a size", bad[i]);
	}
}

static void test_parse_bool(void **state _unused_)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};
	static const char *const bad[] = {"", "Yes", "y", "2", "yes ", "o"};
	bool v;

	for (unsigned int i = 0; i < 4; i++) {
		assert_true(parse_bool(yes[i], &v) && v);
		assert_true(parse_bool(no[i], &v) && !v);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_bool(bad[i], &v));
}

static void test_format(void **state _unused_)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 bytes"},
		     {1023, "1023 bytes"},
		     {1024, "1.0 KiB"},
		     {1536, "1.5 KiB"},
		     {1048575, "1023.9 KiB"},
		     {MIB(112), "112.0 MiB"},
		     {MIB(1) * 1536, "1.5 GiB"},
		     {1ull << 40, "1.0 TiB"},
		     {UINT64_MAX, "16777215.9 TiB"}};
	char text[FORMAT_SIZE_MAX];

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_size(cases[i].bytes, text), cases[i].text);
	format_hex((struct bytes){(const uint8_t *)"\x00\x7f\xff", 3}, text);
	assert_string_equal(text, "007fff");
}

static void test_parse_hex(void **state _unused_)
{
	static const char *const bad[] = {"",	  "00f",  "00ff0", "00ff00ff", "00fg",
					  "0x00", " 00f", "-0ff",  "+1+1"};
	uint8_t v[2];

	assert_true(parse_hex("00fF", v, 2) && v[0] == 0 && v[1] == 0xff);
	assert_true(parse_hex("", v, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_hex(bad[i], v, 2))
			fail_msg("'%s' was taken", bad[i]);
}

static void test_error_texts(void **state _unused_)
{
	struct ukd_error e = {0};

	assert_int_equal(ukd_fail(&e, -EIO, "a %d", 1), -EIO);
	assert_string_equal(e.text, "a 1");
	assert_string_equal(e.check, "");
	assert_int_equal(ukd_refuse(&e, "pe.mz", "not %s", "PE"), -EBADMSG);
	assert_string_equal(e.check, "pe.mz");
	assert_int_equal(ukd_prefix(&e, "%s", "/x"), -EBADMSG);
	assert_string_equal(e.text, "/x: not PE");
	assert_string_equal(e.check, "pe.mz");
	assert_int_equal(ukd_fail_errno(&e, -ENOENT, "/y"), -ENOENT);
	assert_string_equal(e.text, "/y: No such file or directory");
	assert_string_equal(e.check, "");
	/* The old text may be an argument of the new one. */
	assert_int_equal(ukd_fail(&e, -EIO, "%s; and more", e.text), -EIO);
	assert_string_equal(e.text, "/y: No such file or directory; and more");
}

static void test_error_texts_drive_no_terminal(void **state _unused_)
{
	struct ukd_error e = {0};

	(void)ukd_fail(&e, -EIO, "%s", "a\033[2J\nb\x7f\tc");
	assert_string_equal(e.text, "a?[2J?b??c");
	(void)ukd_prefix(&e, "%s", "x\ny");
	assert_string_equal(e.text, "x?y: a?[2J?b??c");
	(void)ukd_fail_errno(&e, -EIO, "%s", "x\ny");
	assert_string_equal(e.text, "x?y: Input/output error");
}

static void test_long_error_texts_are_cut(void **state _unused_)
{
	char path[2000];
	struct ukd_error e = {0};

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	(void)ukd_fail(&e, -EIO, "%s", path);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	(void)ukd_fail_errno(&e, -ENOENT, "%s", path);
	assert_non_null(strstr(e.text, "ppp: No such file or directory"));
	(void)ukd_refuse(&e, "pe.mz", "why");
	(void)ukd_prefix(&e, "%s", path);
	assert_non_null(strstr(e.text, "ppp: why"));
	(void)ukd_refuse(&e, "a.name.that.is.much.too.long.for.a.check", "why");
	assert_int_equal(strlen(e.check), sizeof(e.check) - 1);
}

static void test_log_drives_no_terminal(void **state _unused_)
{
	_close_ int fd = memfd_create("kmsg", MFD_CLOEXEC);
	char text[64] = "";

	log_to_kmsg(fd);
	log_error("a\nb\033[31m");
	log_to_kmsg(-1);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "<4>ukdump: error: a?b?[31m\n");
}

static void test_trim(void **state _unused_)
{
	char both[] = " \t a b \r ", none[] = "a", blanks[] = " \t\r", empty[] = "";

	assert_string_equal(text_trim(both), "a b");
	assert_string_equal(text_trim(none), "a");
	assert_string_equal(text_trim(blanks), "");
	assert_string_equal(text_trim(empty), "");
}

static void test_tail(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t n;
		const char *tail;
	} cases[] = {
		{"", 1, ""},
		{"a", 0, ""},
		{"a", 1, "a"},
		{"a\nb\n", 0, ""},
		{"a\nb\n", 1, "b\n"},
		{"a\nb\n", 2, "a\nb\n"},
		{"a\nb\n", 9, "a\nb\n"},
		{"a\nb", 1, "b"},
		{"a\n\n", 1, "\n"},
		{"\n\n", 2, "\n\n"},
		{"a\nb\n", UINT64_MAX, "a\nb\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].text;
		struct bytes b = {(const uint8_t *)text, strlen(text)};

		assert_string_equal(text_tail(b, cases[i].n), cases[i].tail);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_u64),
		cmocka_unit_test(test_parse_size),
		cmocka_unit_test(test_parse_bool),
		cmocka_unit_test(test_parse_hex),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_error_texts),
		cmocka_unit_test(test_error_texts_drive_no_terminal),
		cmocka_unit_test(test_long_error_texts_are_cut),
		cmocka_unit_test(test_log_drives_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

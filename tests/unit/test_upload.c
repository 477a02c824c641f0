// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure parts of ukdump-upload: sizes of parts, URLs, XML, credentials, what to repeat. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "upload/credentials.h"
#include "upload/explain.h"
#include "upload/parts.h"
#include "upload/remote.h"
#include "upload/s3reply.h"

#define GIB(n) ((uint64_t)(n) << 30)
#define TIB(n) ((uint64_t)(n) << 40)

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* Without knowing the length: all of S3's limits hold up to the largest object there can be. */
static void test_parts_reach_the_limit(void **state _unused_)
{
	uint64_t sent = 0, before = 0;
	unsigned int n;

	for (n = 1; sent < TIB(5); n++) {
		uint64_t size = part_size(n, PART_SIZE, UINT64_MAX);

		assert_true(n <= PARTS_MAX);
		assert_in_range(size, PART_SIZE_MIN, PART_SIZE_MAX);
		assert_true(size >= before);
		/* memory: the first size, or little beside what was sent */
		assert_true(size == PART_SIZE || size <= sent / 500);
		before = size;
		sent += size;
	}
	assert_int_equal(parts_reach(PART_SIZE, UINT64_MAX), TIB(5));
	assert_int_equal(part_size(PARTS_MAX + 1, PART_SIZE, UINT64_MAX), GIB(4));
}

/* Where a part may have 32 MiB (a capture environment of 96M): as told in ukdump-upload(8). */
static void test_parts_with_little_memory(void **state _unused_)
{
	assert_int_equal(part_size(1, PART_SIZE, MIB(32)), MIB(8));
	assert_int_equal(part_size(1000, PART_SIZE, MIB(32)), MIB(8));
	assert_int_equal(part_size(1001, PART_SIZE, MIB(32)), MIB(16));
	assert_int_equal(part_size(PARTS_MAX, PART_SIZE, MIB(32)), MIB(32));
	assert_int_equal(parts_reach(PART_SIZE, MIB(32)), MIB(1000 * (8 + 16 + 8 * 32)));
	assert_int_equal(parts_reach(part_size_first(0, GIB(300)), MIB(32)),
			 MIB(2000 * 31 + 8000 * 32));
	assert_int_equal(part_size(1, PART_SIZE, PART_SIZE_MIN), PART_SIZE_MIN);
}

static void test_parts_by_hint(void **state _unused_)
{
	static const uint64_t hints[] = {1, GIB(1), GIB(78), GIB(79), GIB(500), TIB(1), TIB(5)};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		uint64_t size = part_size_first(0, hints[i]);

		assert_in_range(size, PART_SIZE, MIB(525));
		assert_true(size == PART_SIZE || size * PARTS_MAX >= hints[i]);
	}
	assert_int_equal(part_size_first(0, 0), PART_SIZE);
	assert_int_equal(part_size_first(MIB(5), 0), MIB(5));
	assert_int_equal(part_size_first(MIB(5), TIB(5)), MIB(525));
	assert_int_equal(part_size_first(GIB(9), 0), PART_SIZE_MAX);
}

static void test_parts_memory(void **state _unused_)
{
	assert_int_equal(part_size_limit("MemTotal: 9 kB\nMemAvailable:   65536 kB\n"), MIB(16));
	assert_int_equal(part_size_limit("MemAvailable: 100 kB\n"), PART_SIZE_MIN);
	assert_int_equal(part_size_limit("MemTotal: 65536 kB\n"), PART_SIZE);
	assert_int_equal(part_size_limit(""), PART_SIZE);
}

static void test_place(void **state _unused_)
{
	static const struct {
		const char *given, *url, *bucket;
	} cases[] = {
		{"https://h/p/q%20r", "https://h/p/q%20r", ""},
		{"https://[::1]:8443/p?token=x", "https://[::1]:8443/p?token=x", ""},
		{"s3://b/k", "https://b.s3.us-east-1.amazonaws.com/k",
		 "https://b.s3.us-east-1.amazonaws.com/"},
		{"s3://b.c/k?region=eu-west-3", "https://s3.eu-west-3.amazonaws.com/b.c/k",
		 "https://s3.eu-west-3.amazonaws.com/b.c/"},
		{"s3://b/a+b%=~c/d?endpoint=https://h:9000/&region=r",
		 "https://h:9000/b/a%2Bb%25%3D~c/d", "https://h:9000/b/"},
		{"s3://b?endpoint=https://h", "https://h/b/", "https://h/b/"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct remote p;

		if (remote_parse(cases[i].given, false, &p, &e) < 0)
			fail_msg("%s: %s", cases[i].given, e.text);
		assert_string_equal(p.url, cases[i].url);
		assert_string_equal(p.bucket, cases[i].bucket);
		assert_null(strchr(p.shown, '?'));
	}
}

static void test_percent_encode(void **state _unused_)
{
	char out[16];

	assert_true(percent_encode("a/b c", true, out, sizeof(out)));
	assert_string_equal(out, "a/b%20c");
	assert_true(percent_encode("a/\xff", false, out, sizeof(out)));
	assert_string_equal(out, "a%2F%FF");
	assert_false(percent_encode("aaaaaaaaaaaaaaaa", false, out, sizeof(out)));
	assert_false(percent_encode("%%%%%%", false, out, sizeof(out)));
}

static void test_xml(void **state _unused_)
{
	char value[32], tiny[4];

	assert_true(xml_root_is(text(" \n<?xml version='1.0'?><!-- < --><n:A x='>'/>"), "A"));
	assert_false(xml_root_is(text("<!DOCTYPE A><A/>"), "A"));
	assert_false(xml_root_is(text("<AB/>"), "A"));
	assert_false(xml_root_is(text("<A"), "A"));
	assert_false(xml_root_is(text(""), "A"));
	assert_true(xml_child(text("<A><B>1 &lt;&amp;&#34;&#0;&x;</B><B>2</B></A>"), "B", value,
			      sizeof(value)));
	assert_string_equal(value, "1 <&\"&#0;&x;");
	assert_true(xml_child(text("<A><C><B>1</B></C><B>2<D>3</D>4</B></A>"), "B", value,
			      sizeof(value)));
	assert_string_equal(value, "24");
	assert_true(xml_child(text("<A><B>12345</B></A>"), "B", tiny, sizeof(tiny)));
	assert_string_equal(tiny, "123");
	assert_true(xml_child(text("<A><B/></A>"), "B", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(xml_child(text("</A></A><A><C>"), "B", value, sizeof(value)));
	assert_false(xml_child(text("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"), "b",
			       value, sizeof(value)));
}

static void keep_last(void *ctx, const char *key, const char *size)
{
	(void)snprintf(ctx, 64, "%s %s", key, size);
}

static void test_s3_replies(void **state _unused_)
{
	struct s3_error error;
	struct s3_page page;
	char last[64] = "";

	s3_error_read(text("<Error><Code>NoSuchKey</Code><Message>a\x1b</Message></Error>"),
		      &error);
	assert_string_equal(error.code, "NoSuchKey");
	assert_string_equal(error.message, "a?");
	s3_error_read(text("<html><Code>x</Code></html>"), &error);
	assert_string_equal(error.code, "");
	s3_page_read(text("<L><Contents><Owner><Key>no</Key></Owner><Key>a</Key><Size>7</Size>"
			  "</Contents><Contents><Key>b</Key><Size>-1</Size></Contents>"
			  "<IsTruncated>true</IsTruncated><NextContinuationToken>t"
			  "</NextContinuationToken></L>"),
		     keep_last, last, &page);
	assert_string_equal(last, "a 7");
	assert_true(page.more);
	assert_string_equal(page.last, "b");
	s3_page_read(text("<L><IsTruncated>false</IsTruncated><NextContinuationToken>t"
			  "</NextContinuationToken></L>"),
		     keep_last, last, &page);
	assert_false(page.more);
}

static void test_credentials(void **state _unused_)
{
	struct credentials c;
	struct ukd_error e = {0};

	assert_int_equal(credentials_parse(text("# c\n[default]\r\n aws_access_key_id = a\r\n"
						"aws_secret_access_key=b=c\nregion = x\n[p]\n"
						"aws_access_key_id = z\n"),
					   "f", &c, &e),
			 0);
	assert_string_equal(c.id, "a");
	assert_string_equal(c.secret, "b=c");
	assert_string_equal(c.token, "");
	assert_int_equal(credentials_parse(text("[default]\naws_access_key_id=geheim\x01\n"), "f",
					   &c, &e),
			 -EBADMSG);
	assert_null(strstr(e.text, "geheim"));
}

static void test_what_is_repeated(void **state _unused_)
{
	static const long never[] = {301, 400, 401, 403, 404, 409, 411, 412, 413, 501, 505, 507};
	static const long later[] = {408, 429, 500, 502, 503, 504, 599};

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_false(status_is_temporary(never[i]));
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		assert_true(status_is_temporary(later[i]));
	assert_true(s3_code_is_temporary("SlowDown"));
	assert_false(s3_code_is_temporary(""));
	assert_int_equal(retry_wait_ms(1000, 0), 1000);
	assert_int_equal(retry_wait_ms(1000, 3), 8000);
	assert_int_equal(retry_wait_ms(1000, 99), 30000);
	assert_int_equal(retry_wait_ms(0, 99), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_reach_the_limit),
		cmocka_unit_test(test_parts_with_little_memory),
		cmocka_unit_test(test_parts_by_hint),
		cmocka_unit_test(test_parts_memory),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_percent_encode),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_s3_replies),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_what_is_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What https:// and s3:// targets put into an image, and what is refused when it is built. */
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

#include "build/needs.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define CA	    "-----BEGIN CERTIFICATE-----\n"
#define CREDENTIALS "[default]\naws_access_key_id=a\naws_secret_access_key=b\n"
#define S3	    "s3://b/p?endpoint=https://h:9000"

struct build {
	struct tree tree;
	struct settings settings;
	struct needs needs;
};

static int setup(void **state)
{
	struct build *b = calloc(1, sizeof(*b));
	struct ukd_error e;

	(void)umask(077);
	tree_make(&b->tree);
	tree_write(&b->tree, "/usr/lib/ukdump/ukdump-upload", "");
	tree_write(&b->tree, "/etc/ssl/certs/ca-certificates.crt", CA "all\n");
	tree_write(&b->tree, "/site/ca", CA "site\n");
	tree_write(&b->tree, "/site/key", CREDENTIALS);
	tree_write(&b->tree, "/site/netrc", "machine h login l password p\n");
	tree_write(&b->tree, "/site/empty", "");
	assert_int_equal(settings_init(&b->settings, &e), 0);
	b->needs = (struct needs){.root = &b->tree.root, .settings = &b->settings, .kver = "6.1"};
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct build *b = *state;

	needs_free(&b->needs);
	settings_free(&b->settings);
	tree_remove(&b->tree);
	free(b);
	return 0;
}

static void set(struct build *b, const char *lines)
{
	char conf[512];
	struct ukd_error e;
	int n = snprintf(conf, sizeof(conf), "[Network]\n%s\n", lines);

	if (settings_parse(&b->settings, (struct bytes){(uint8_t *)conf, (size_t)n}, "t", &e) < 0)
		fail_msg("%s", e.text);
}

static const char *file(const struct build *b, const char *path)
{
	for (unsigned int i = 0; i < b->needs.n_files; i++) {
		if (strcmp(b->needs.files[i].path, path))
			continue;
		assert_int_equal(b->needs.files[i].mode, 0600);
		return (const char *)b->needs.files[i].content.data;
	}
	return "";
}

static void add(struct build *b, const char *target)
{
	struct ukd_error e = {0};

	if (need_upload(&b->needs, target, 0, &e) < 0)
		fail_msg("%s: %s", target, e.text);
}

/* What logs in somewhere is nobody else's. */
static void test_secrets_that_others_can_read(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	assert_int_equal(chmod(tree_path(&b->tree, "/site/netrc"), 0644), 0);
	set(b, "Netrc=/site/netrc");
	assert_true(need_upload(&b->needs, "https://h.example/crashes", 0, &e) < 0);
	assert_non_null(strstr(
		e.text, "Netrc=/site/netrc: others may read it (mode 0644); run: chmod 600 "));
	assert_int_equal(chmod(tree_path(&b->tree, "/site/key"), 0640), 0);
	set(b, "S3Credentials=/site/key");
	assert_true(need_upload(&b->needs, "s3://bucket/x", 0, &e) < 0);
	assert_non_null(strstr(e.text, "S3Credentials=/site/key: others may read it (mode 0640)"));
}

static void test_https(void **state)
{
	struct build *b = *state;

	assert_false(b->needs.confidential);
	set(b, "Netrc=/site/netrc");
	add(b, "https://h.example/crashes");
	assert_string_equal(b->needs.hosts.v[0], "h.example");
	assert_string_equal(b->needs.programs.v[0],
			    "/usr/lib/ukdump/ukdump-upload /usr/bin/ukdump-upload");
	assert_string_equal(file(b, "/etc/ukdump/ca.pem"), CA "all\n");
	assert_non_null(strstr(file(b, "/etc/ukdump/netrc"), "password p"));
	assert_true(b->needs.confidential);
	assert_int_equal(b->needs.n_files, 2);
}

static void test_s3(void **state)
{
	struct build *b = *state;

	set(b, "CaFile=/site/ca\nS3Credentials=/site/key");
	add(b, S3);
	assert_string_equal(b->needs.hosts.v[0], "h");
	assert_string_equal(file(b, "/etc/ukdump/ca.pem"), CA "site\n");
	assert_string_equal(file(b, "/etc/ukdump/s3.credentials"), CREDENTIALS);
}

/* Then the proxy is what has to be reached. */
static void test_proxy(void **state)
{
	struct build *b = *state;

	set(b, "Proxy=http://proxy.example:3128");
	add(b, "https://h.example/crashes");
	assert_int_equal(b->needs.hosts.n, 1);
	assert_string_equal(b->needs.hosts.v[0], "proxy.example");
}

static void test_refused(void **state)
{
	static const struct {
		const char *target, *settings, *text;
	} cases[] = {
		{"https://h/p?q", "", "'?' in the path"},
		{"https://u:p@h/p", "", "--netrc"},
		{"https://h/../p", "", "'..'"},
		{"s3://b/p?endpoint=http://h", "", "endpoint="},
		{"s3://b/p?region=a&b", "", "option 'b'"},
		{S3, "", "set S3Credentials="},
		{S3, "S3Credentials=/site/none", "S3Credentials=/site/none"},
		{S3, "S3Credentials=/site/empty", "/site/empty: no aws_access_key_id"},
		{"https://h/p", "CaFile=/site/none", "CaFile=/site/none"},
		{"https://h/p", "CaFile=/site/empty", "no certificate"},
		{"https://h/p", "HttpHeaders=/site/none", "HttpHeaders=/site/none"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct build *b;

		if (i) {
			teardown(state);
			setup(state);
		}
		b = *state;
		set(b, cases[i].settings);
		if (need_upload(&b->needs, cases[i].target, 0, &e) >= 0 ||
		    !strstr(e.text, cases[i].text) || strncmp(e.text, "Target=", 7) != 0)
			fail_msg("%s %s: %s", cases[i].target, cases[i].settings, e.text);
	}
}

static void test_missing(void **state)
{
	struct build *b = *state;
	struct ukd_error e = {0};

	tree_remove(&b->tree);
	tree_make(&b->tree);
	assert_true(need_upload(&b->needs, "https://h/p", 0, &e) < 0);
	assert_non_null(strstr(e.text, "'ukdump-upload' is not installed"));
	tree_write(&b->tree, "/usr/lib/ukdump/ukdump-upload", "");
	assert_true(need_upload(&b->needs, "https://h/p", 0, &e) < 0);
	assert_non_null(strstr(e.text, "set CaFile="));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_secrets_that_others_can_read),
		TEST(test_https),
		TEST(test_s3),
		TEST(test_proxy),
		TEST(test_refused),
		TEST(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

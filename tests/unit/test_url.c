// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets that name a host (util/url.c). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "util/url.h"

static void test_good(void **state _unused_)
{
	static const struct {
		const char *text, *scheme, *user, *host;
		unsigned int port;
		const char *path;
	} good[] = {
		{"nfs://nas/export/a", "nfs", "", "nas", 2049, "/export/a"},
		{"nfs://192.0.2.1:2050/", "nfs", "", "192.0.2.1", 2050, "/"},
		{"nfs://b.example.org:22/c/d//", "nfs", "", "b.example.org", 22, "/c/d"},
		{"nfs://[fe80::1]/x", "nfs", "", "fe80::1", 2049, "/x"},
		{"nfs://h/a..b/.c", "nfs", "", "h", 2049, "/a..b/.c"},
		{"ssh://a@b/c", "ssh", "a", "b", 22, "/c"},
		{"ssh://kdump@store.example.org/var/crash", "ssh", "kdump", "store.example.org", 22,
		 "/var/crash"},
		{"ssh://a@[2001:db8::1]:2222/", "ssh", "a", "2001:db8::1", 2222, "/"},
		{"ssh://a@b/c@d", "ssh", "a", "b", 22, "/c@d"},
		{"https://[2001:db8::7]/up", "https", "", "2001:db8::7", 443, ""},
		{"https://host", "https", "", "host", 443, ""},
		{"https://host:8443/a%20b@c", "https", "", "host", 8443, ""},
		{"http://proxy:3128", "http", "", "proxy", 3128, ""},
		{"http://proxy", "http", "", "proxy", 1080, ""},
		{"s3://bucket/pre", "s3", "", "s3.us-east-1.amazonaws.com", 443, ""},
		{"s3://b?region=eu-west-1", "s3", "", "s3.eu-west-1.amazonaws.com", 443, ""},
		{"s3://b/p?region=x&endpoint=https://minio:9000/&z=1", "s3", "", "minio", 9000, ""},
		{"s3://b/p?endpoint=https://[::1]", "s3", "", "::1", 443, ""},
	};
	struct ukd_error e = {0};
	struct url u;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (url_parse(good[i].text, &u, &e) < 0)
			fail_msg("%s: %s", good[i].text, e.text);
		assert_string_equal(u.scheme, good[i].scheme);
		assert_string_equal(u.user, good[i].user);
		assert_string_equal(u.host, good[i].host);
		assert_int_equal(u.port, good[i].port);
		assert_string_equal(u.path, good[i].path);
	}
}

/* Each with a part of the reason. */
static void test_bad(void **state _unused_)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{"UUID=1:/x", "no host"},
		{"ftp://host/", "no host"},
		{"xnfs://host/", "no host"},
		{"", "no host"},
		{"nfs://", "no host"},
		{"nfs:///c", "no host"},
		{"nfs://-b/c", "no host"},
		{"nfs://b,soft/c", "no host"},
		{"nfs://b c/d", "no host"},
		{"https://h;x/", "no host"},
		{"ssh://", "USER@"},
		{"ssh:///path", "USER@"},
		{"ssh://b/c", "USER@"},
		{"ssh://b/c@d", "USER@"},
		{"ssh://@b/c", "user's name"},
		{"ssh://a b@host/", "user's name"},
		{"ssh://-a@b/c", "user's name"},
		{"ssh://-oProxyCommand=x@b/", "user's name"},
		{"ssh://a:p@b/c", "user's name"},
		{"ssh://a$b@c/d", "user's name"},
		{"ssh://a\\b@c/d", "user's name"},
		{"ssh://a@b@c/d", "no host"},
		{"ssh://a@-oProxy/c", "no host"},
		{"nfs://u@nas/x", "no user"},
		{"https://u@host/x", "no user"},
		{"http://u:p@proxy:1", "no user"},
		{"nfs://[::1/c", "brackets"},
		{"nfs://[]/c", "brackets"},
		{"nfs://[host]/c", "brackets"},
		{"nfs://[fe80::1%eth0]/c", "brackets"},
		{"nfs://[::1]x/c", "port"},
		{"nfs://b:/c", "port"},
		{"nfs://b:0/c", "port"},
		{"nfs://b:65536/c", "port"},
		{"nfs://b:000022/c", "port"},
		{"nfs://b:22x/c", "port"},
		{"nfs://b:-1/c", "port"},
		{"nfs://b", "path"},
		{"nfs://b?/c", "path"},
		{"nfs://b/c'd", "path"},
		{"nfs://b/c$d", "path"},
		{"nfs://b/c\"d", "path"},
		{"nfs://b/c\\d", "path"},
		{"nfs://b/c`d`", "path"},
		{"nfs://b/c;d", "path"},
		{"nfs://b/c\nd", "path"},
		{"nfs://b/c,d", "path"},
		{"nfs://b/../c", "'..'"},
		{"nfs://b/c/..", "'..'"},
		{"nfs://b/c/../", "'..'"},
		{"ssh://a@b/c'd", "path"},
		{"s3://b?endpoint=x", "endpoint"},
		{"s3://b?endpoint=http://x", "endpoint"},
		{"s3://b?endpoint=https://", "no host"},
		{"s3://b?endpoint=https:///", "no host"},
		{"s3://b?endpoint=https://h/x", "no host"},
		{"s3://b?endpoint=https://u@h", "no host"},
		{"s3://b?region=", "region"},
		{"s3://b?region=a/b", "region"},
	};
	struct ukd_error e = {0};
	struct url u;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (url_parse(bad[i].text, &u, &e) >= 0)
			fail_msg("'%s' was taken", bad[i].text);
		assert_string_equal(e.check, "target");
		if (!strstr(e.text, bad[i].reason))
			fail_msg("%s: '%s' does not say '%s'", bad[i].text, e.text, bad[i].reason);
	}
}

/* text, n times 'a', end: taken? */
static bool taken(const char *text, size_t n, const char *end)
{
	char buf[2048];
	struct ukd_error e = {0};
	struct url u;
	size_t len = strlen(text);

	memcpy(buf, text, len);
	memset(buf + len, 'a', n);
	memcpy(buf + len + n, end, strlen(end) + 1);
	return url_parse(buf, &u, &e) == 0;
}

static void test_lengths(void **state _unused_)
{
	struct url u;

	assert_true(taken("nfs://", sizeof(u.host) - 1, "/"));
	assert_false(taken("nfs://", sizeof(u.host), "/"));
	assert_true(taken("ssh://", sizeof(u.user) - 1, "@h/"));
	assert_false(taken("ssh://", sizeof(u.user), "@h/"));
	assert_true(taken("nfs://h/", sizeof(u.path) - 2, ""));
	assert_false(taken("nfs://h/", sizeof(u.path) - 1, ""));
	assert_true(taken("s3://b?region=", 63, ""));
	assert_false(taken("s3://b?region=", 64, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

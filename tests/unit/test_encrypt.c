// SPDX-License-Identifier: GPL-2.0-or-later
/* What EncryptTo= and exec: targets put into an image; age(1) of this machine judges recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/needs.h"
#include "util/cleanup.h"

/* Public halves of keys that nobody has. */
#define AGE1 "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
#define SSH1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"

struct image {
	struct needs needs;
	struct settings settings;
	struct root root;
	char dir[64];
	char file[128];
};

static int setup(void **state)
{
	struct image *i = calloc(1, sizeof(*i));
	struct ukd_error e;

	assert_int_equal(root_open(NULL, &i->root, &e), 0);
	assert_int_equal(settings_init(&i->settings, &e), 0);
	i->needs.root = &i->root;
	i->needs.settings = &i->settings;
	strcpy(i->dir, "/tmp/encrypt-XXXXXX");
	assert_non_null(mkdtemp(i->dir));
	(void)snprintf(i->file, sizeof(i->file), "%s/recipients", i->dir);
	*state = i;
	return 0;
}

static int teardown(void **state)
{
	struct image *i = *state;

	(void)unlink(i->file);
	(void)rmdir(i->dir);
	needs_free(&i->needs);
	settings_free(&i->settings);
	root_close(&i->root);
	free(i);
	return 0;
}

/* '@' is the file. */
static void set(struct image *i, const char *value)
{
	size_t n = strcspn(value, "@");
	char conf[2048];
	struct ukd_error e;
	int len = snprintf(conf, sizeof(conf), "[Dump]\nEncryptTo=%.*s%s\n", (int)n, value,
			   value[n] ? i->file : "");

	if (settings_parse(&i->settings, (struct bytes){(uint8_t *)conf, (size_t)len}, "t", &e) < 0)
		fail_msg("%s", e.text);
}

static void write_file(const struct image *i, const char *text)
{
	FILE *f = fopen(i->file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_recipients(void **state)
{
	struct image *i = *state;
	struct ukd_error e = {0};

	write_file(i, "# us\n\n" SSH1 " name@host\n");
	set(i, AGE1 " " SSH1 " @");
	if (need_encrypt(&i->needs, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(i->needs.n_files, 1);
	assert_string_equal(i->needs.files[0].path, "/etc/ukdump/recipients");
	assert_int_equal(i->needs.files[0].mode, 0600);
	assert_string_equal((char *)i->needs.files[0].content.data,
			    AGE1 "\n" SSH1 "\n" SSH1 " name@host\n");
	assert_non_null(strstr(i->needs.programs.v[0], "/age /usr/bin/age"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *value, *file, *text;
	} cases[] = {
		{"age1abc", NULL, "EncryptTo=age1abc: age: error"},
		{"ssh-ed25519 AAAA", NULL, "EncryptTo=ssh-ed25519 AAAA: age: error"},
		{"ssh-ed25519", NULL, "EncryptTo=ssh-ed25519: age: error"},
		{"AGE-SECRET-KEY-1XYZ", NULL, "names a secret key"},
		{"@", "# nobody\n\n", "the file names nobody"},
		{"@", AGE1 "\nage1abc\n", "EncryptTo=age1abc"},
		{"@", "AGE-SECRET-KEY-1XYZ\n", "names a secret key"},
		{"@", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "names a secret key"},
		{"/nonexistent/file", NULL, "/nonexistent/file"},
	};
	struct image *i = *state;

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct ukd_error e = {0};

		if (cases[c].file)
			write_file(i, cases[c].file);
		set(i, cases[c].value);
		if (need_encrypt(&i->needs, &e) >= 0 || !strstr(e.text, cases[c].text))
			fail_msg("%s: %s", cases[c].value, e.text);
		assert_int_equal(i->needs.n_files, 0);
	}
}

static void test_nobody(void **state)
{
	struct image *i = *state;
	struct ukd_error e;

	assert_int_equal(need_encrypt(&i->needs, &e), 0);
	assert_int_equal(i->needs.programs.n, 0);
}

static void test_exec(void **state)
{
	struct image *i = *state;
	struct ukd_error e;

	assert_int_equal(need_exec(&i->needs, "exec:/bin/sh", 0, &e), 0);
	assert_string_equal(i->needs.programs.v[0], "/bin/sh");
	assert_true(need_exec(&i->needs, "exec:/no/such/program", 0, &e) < 0);
	assert_string_equal(e.text, "Target=exec:/no/such/program: /no/such/program is not there");
	assert_int_equal(need_exec(&i->needs, "exec:sh", 0, &e), -EBADMSG);
	assert_string_equal(e.check, "target");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recipients),
		TEST(test_refused),
		TEST(test_nobody),
		TEST(test_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/inputs.c, sources.c: what went into an image, and what has changed since. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/sources.h"
#include "fixture_tree.h"
#include "util/cleanup.h"

static const struct timespec later = {.tv_sec = INT32_MAX};

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* Records these files (NULL at the end) and one text. */
static void record(const struct tree *t, const struct timespec *begin, struct inputs *ret,
		   const char *const *paths)
{
	_strings_ struct strings list = {0};
	struct ukd_error e;

	for (; *paths; paths++)
		assert_int_equal(strings_add(&list, *paths), 0);
	assert_int_equal(inputs_add_files(ret, &t->root, &list, begin, &e), 0);
	assert_int_equal(inputs_add_text(ret, "command line", text("panic=1"), &e), 0);
}

/* What changed, joined by '|'. */
static const char *changed(const struct tree *t, const struct inputs *recorded, const char *cmdline)
{
	static char all[1024];
	_strings_ struct strings names = {0};
	_inputs_ struct inputs now = {0};
	struct ukd_error e;

	if (cmdline)
		assert_int_equal(inputs_add_text(&now, "command line", text(cmdline), &e), 0);
	assert_int_equal(inputs_changed(recorded, &t->root, &now, &names, &e), 0);
	all[0] = 0;
	for (unsigned int i = 0; i < names.n; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "",
			       names.v[i]);
	return all;
}

static void set_time(const struct tree *t, const char *path, time_t s)
{
	const struct timespec times[] = {{.tv_sec = s}, {.tv_sec = s}};

	assert_int_equal(utimensat(AT_FDCWD, tree_path(t, path), times, 0), 0);
}

static void test_what_changed_is_named(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0};

	tree_make(&t);
	tree_write(&t, "/a", "one");
	tree_write(&t, "/b", "one");
	tree_write(&t, "/gone", "one");
	record(&t, &later, &in, (const char *const[]){"/gone", "/b", "/a", "/new", "/a", NULL});
	assert_int_equal(in.n, 5); /* each once */
	assert_string_equal(changed(&t, &in, "panic=1"), "");
	tree_write(&t, "/b", "two");
	set_time(&t, "/b", 1000);
	tree_write(&t, "/new", "");
	assert_int_equal(unlink(tree_path(&t, "/gone")), 0);
	assert_string_equal(changed(&t, &in, "panic=2"), "/b|/gone|/new|command line");
	/* what cannot be told now has not changed */
	assert_string_equal(changed(&t, &in, NULL), "/b|/gone|/new");
}

static void test_same_content_is_fresh(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0};

	tree_make(&t);
	tree_write(&t, "/a", "one");
	record(&t, &later, &in, (const char *const[]){"/a", NULL});
	set_time(&t, "/a", 1000);
	assert_string_equal(changed(&t, &in, "panic=1"), "");
	tree_write(&t, "/a", "eno");
	set_time(&t, "/a", 1000);
	assert_string_equal(changed(&t, &in, "panic=1"), "/a");
}

/* Size and time are looked at first: the content is not read as long as they are the same. */
static void test_stat_decides_first(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0};

	tree_make(&t);
	tree_write(&t, "/a", "one");
	set_time(&t, "/a", 1000);
	record(&t, &later, &in, (const char *const[]){"/a", NULL});
	tree_write(&t, "/a", "two");
	set_time(&t, "/a", 1000);
	assert_string_equal(changed(&t, &in, "panic=1"), "");
}

static void test_no_digest_of_secrets(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0};
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	tree_make(&t);
	tree_write(&t, "/key", "hunter2");
	assert_int_equal(chmod(tree_path(&t, "/key"), 0640), 0);
	set_time(&t, "/key", 1000);
	record(&t, &later, &in, (const char *const[]){"/key", NULL});
	assert_int_equal(inputs_format(&in, &b, &e), 0);
	assert_memory_equal(b.data, "- 7 1000000000000 /key\n", 23);
	assert_string_equal(changed(&t, &in, "panic=1"), "");
	/* so the same content with another time counts as another one */
	set_time(&t, "/key", 1001);
	assert_string_equal(changed(&t, &in, "panic=1"), "/key");
}

static void test_changed_while_the_image_was_made(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0};

	tree_make(&t);
	tree_write(&t, "/a", "one");
	record(&t, &(struct timespec){.tv_sec = 1000}, &in, (const char *const[]){"/a", NULL});
	assert_string_equal(changed(&t, &in, "panic=1"), "/a");
}

static void test_record_comes_back(void **state _unused_)
{
	_tree_ struct tree t;
	_inputs_ struct inputs in = {0}, back = {0};
	_buffer_ struct buffer b = {0}, again = {0};
	struct ukd_error e;

	tree_make(&t);
	tree_write(&t, "/a b", "one");
	tree_write(&t, "/new\nline", "one"); /* no line of a record */
	record(&t, &later, &in, (const char *const[]){"/a b", "/missing", "/new\nline", NULL});
	assert_int_equal(inputs_format(&in, &b, &e), 0);
	assert_int_equal(inputs_parse(buffer_bytes(&b), &back, &e), 0);
	assert_int_equal(back.n, 3);
	assert_string_equal(back.v[0].name, "/a b");
	assert_string_equal(back.v[1].stat, "- -");
	assert_int_equal(inputs_format(&back, &again, &e), 0);
	assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
	assert_string_equal(changed(&t, &back, "panic=1"), "");
}

static void test_damaged_record(void **state _unused_)
{
	static const char *const bad[] = {
		"",
		"\n",
		"- - - /a",
		"- - -\n",
		"- - - \n",
		"xyz 1 2 /a\n",
		"- - - /a\n\n",
		"- 00000000000000000000000000000000000000000000000000 1 /a\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_inputs_ struct inputs in = {0};
		struct ukd_error e = {0};

		assert_int_equal(inputs_parse(text(bad[i]), &in, &e), -EBADMSG);
		assert_string_equal(e.check, "inputs.syntax");
	}
}

static bool has(const struct strings *list, const char *s)
{
	for (unsigned int i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

static void test_sources(void **state _unused_)
{
	_tree_ struct tree t;
	_needs_ struct needs n = {0};
	struct ukd_error e;
	char tree[128];

	tree_make(&t);
	n.root = &t.root;
	tree_write(&t, "/usr/lib/libc.so.6", "libc");
	tree_write(&t, "/etc/nsswitch.conf", "same");
	tree_write(&t, "/etc/passwd", "the system's");
	tree_write(&t, "/usr/lib/dracut/modules.d/99base/init.sh", "");
	tree_write(&t, "/usr/lib/ukdump/ukdump-capture", "");
	tree_write(&t, "/tree/usr/lib/libc.so.6", "stripped");
	tree_write(&t, "/tree/etc/nsswitch.conf", "same");
	tree_write(&t, "/etc/resolv.conf", "same");
	tree_write(&t, "/tree/etc/resolv.conf", "same");
	tree_write(&t, "/tree/etc/passwd", "dracut's own");
	tree_write(&t, "/tree/init", "in the image alone");
	assert_int_equal(strings_add(&n.programs, "/usr/sbin/prog /usr/bin/prog"), 0);
	n.drivers.data = (uint8_t *)strdup("/m/a.ko\n/m/b.ko parameter=1\n");
	n.drivers.len = strlen((char *)n.drivers.data);
	assert_int_equal(needs_sources(&n, &e), 0);
	(void)snprintf(tree, sizeof(tree), "%s", tree_path(&t, "/tree"));
	assert_int_equal(needs_sources_of_tree(&n, tree, &e), 0);
	for (const char *const *s =
		     (const char *const[]){"/usr/lib/libc.so.6", "/etc/nsswitch.conf",
					   "/usr/sbin/prog", "/m/a.ko", "/m/b.ko",
					   "/usr/lib/dracut/modules.d/99base/init.sh",
					   "/usr/bin/dracut", "/usr/lib/ukdump/ukdump-capture",
					   "/etc/machine-id", NULL};
	     *s; s++)
		if (!has(&n.sources, *s))
			fail_msg("%s is missing", *s);
	assert_false(has(&n.sources, "/etc/passwd"));
	assert_false(has(&n.sources, "/etc/resolv.conf"));
	assert_false(has(&n.sources, "/init"));
}

static void set(struct settings *s, const char *conf)
{
	struct ukd_error e;

	assert_int_equal(settings_parse(s, text(conf), "t", &e), 0);
}

/* The names of the statements that differ between two settings. */
static const char *differ(const struct tree *t, const char *before, const char *after)
{
	static char all[256];
	const char *conf[] = {before, after};
	struct inputs in[2] = {0};
	_strings_ struct strings names = {0};
	struct ukd_error e;

	for (unsigned int i = 0; i < 2; i++) {
		_settings_ struct settings s = {0};

		assert_int_equal(settings_init(&s, &e), 0);
		set(&s, conf[i]);
		assert_int_equal(inputs_add_statements(&in[i], &t->root, &s, "panic=1", &e), 0);
	}
	assert_int_equal(inputs_changed(&in[0], &t->root, &in[1], &names, &e), 0);
	inputs_free(&in[0]);
	inputs_free(&in[1]);
	all[0] = 0;
	for (unsigned int i = 0; i < names.n; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "",
			       names.v[i]);
	return all;
}

static void test_statements(void **state _unused_)
{
	_tree_ struct tree t;

	tree_make(&t);
	assert_string_equal(differ(&t, "", ""), "");
	assert_string_equal(differ(&t, "", "[Image]\nModules=x\n[Dump]\nDumpLevel=1\n"),
			    "settings [Image]|settings [Dump]");
	assert_string_equal(differ(&t, "", "[Store]\nKeep=1\n[Action]\nOnFailure=halt\n"),
			    "settings [Action]|settings [Store]");
	/* which images there are and what is done with them, not what is in them */
	assert_string_equal(differ(&t, "", "[Image]\nKernel=newest\n[Arm]\nSysctl=a.b=1\n"), "");
	assert_string_equal(differ(&t, "[Image]\nSign=external\n", "[Reserve]\nSize=1G\n"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changed_is_named),
		cmocka_unit_test(test_same_content_is_fresh),
		cmocka_unit_test(test_stat_decides_first),
		cmocka_unit_test(test_no_digest_of_secrets),
		cmocka_unit_test(test_changed_while_the_image_was_made),
		cmocka_unit_test(test_record_comes_back),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_statements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

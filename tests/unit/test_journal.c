// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entries of the journal (ctl/report/journal.h) with a logger of our own, and the administrator's
 * programs (ctl/hookdir.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/hookdir.h"
#include "ctl/report/journal.h"
#include "fixture_tree.h"
#include "util/cleanup.h"

static void write_program(const struct tree *t, const char *path, const char *text)
{
	tree_write(t, path, text);
	assert_int_equal(chmod(tree_path(t, path), 0755), 0);
}

/* The fake writes what it was told to the file $OUT. */
static void use_logger(const struct tree *t, const char *script)
{
	write_program(t, "/bin/logger", script);
	assert_int_equal(setenv("OUT", tree_path(t, "/out"), 1), 0);
	assert_int_equal(setenv("PATH", tree_path(t, "/bin"), 1), 0);
}

#define KEEPING "#!/bin/sh\n[ \"$*\" = --journald ] && /bin/cat > $OUT\n"

static void test_journal_entry(void **state)
{
	_tree_ struct tree t;
	_free_ char *before = strdup(getenv("PATH")), *got = NULL;
	const struct journal_field fields[] = {
		{"UKDUMP_STATE", "failed"},
		{"UKDUMP_DUMP", NULL},
		{"UKDUMP_KERNEL", ""},
		{"UKDUMP_PANIC", "a\nPRIORITY=0\r\033[2J\xc3\xa4\ttab"},
	};
	struct ukd_error e = {0};

	(void)state;
	tree_make(&t);
	use_logger(&t, KEEPING);
	assert_int_equal(journal_send(LOG_ERR, JOURNAL_CRASH, "it\ncrashed", fields, 4, &e), 0);
	got = tree_text(&t, "/out");
	assert_string_equal(got, "MESSAGE=it?crashed\nMESSAGE_ID=" JOURNAL_CRASH
				 "\nPRIORITY=3\nSYSLOG_IDENTIFIER=ukdump\nUKDUMP_STATE=failed\n"
				 "UKDUMP_PANIC=a?PRIORITY=0??[2J??\ttab\n");
	use_logger(&t, "#!/bin/sh\nexit 3\n");
	assert_int_equal(journal_send(LOG_ERR, JOURNAL_CRASH, "x", NULL, 0, &e), -EREMOTEIO);
	assert_non_null(strstr(e.text, "journal: logger: failed with exit status 3"));
	assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
	assert_int_equal(journal_send(LOG_ERR, JOURNAL_CRASH, "x", NULL, 0, &e), -ENOENT);
	assert_int_equal(setenv("PATH", before, 1), 0);
}

/* "NAME:CODE " of each program that was over. */
static void note(void *ctx, const char *program, const struct ukd_error *e)
{
	char *text = ctx;

	(void)sprintf(text + strlen(text), "%s:%d ", strrchr(program, '/') + 1, -e->code);
}

#define SAYING "#!/bin/sh\necho ${0##*/} $1 $A $HOME >> ${0%/d/*}/out\n"

static struct hookdir hooks_of(const struct tree *t, char *text)
{
	static const char *const env[] = {"A=b c", NULL};

	text[0] = 0;
	return (struct hookdir){.root = &t->root,
				.path = "/d",
				.argument = "first",
				.env = env,
				.limit_s = 1,
				.done = note,
				.ctx = text};
}

static void test_hooks_run_in_order(void **state)
{
	static const char *const left_out[] = {".hidden",     "b~",	    "b.dpkg-old",
					       "b.dpkg-dist", "b.dpkg-new", "b.rpmnew",
					       "b.rpmsave"};
	_free_ char *out = NULL;
	_tree_ struct tree t;
	struct ukd_error e;
	char text[512];
	struct hookdir h;

	(void)state;
	tree_make(&t);
	h = hooks_of(&t, text);
	assert_int_equal(hookdir_run(&h, &e), 0);
	write_program(&t, "/d/b", SAYING);
	write_program(&t, "/d/a a", SAYING);
	write_program(&t, "/d/c", "#!/bin/sh\nexit 3\n");
	write_program(&t, "/d/e", "#!/bin/sh\nsleep 9\n");
	write_program(&t, "/d/sub/x", SAYING);
	tree_write(&t, "/d/README", "not executable");
	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/d/%s", left_out[i]);
		write_program(&t, path, SAYING);
	}
	assert_int_equal(hookdir_run(&h, &e), 2);
	(void)snprintf(text + strlen(text), 8, "|");
	assert_string_equal(text, "a a:0 b:0 c:121 e:110 |");
	out = tree_text(&t, "/out");
	assert_string_equal(out, "a a first b c\nb first b c\n");
}

/* What others than root could have written does not run. */
static void test_hooks_of_others(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		bool foreign;
		int result;
		const char *text;
	} cases[] = {
		{"/d/a", 0775, false, 1, "a:74 "}, {"/d/a", 0757, false, 1, "a:74 "},
		{"/d/a", 0755, true, 1, "a:74 "},  {"/d/a", 0700, false, 0, "a:0 "},
		{"/d", 0775, false, -EBADMSG, ""}, {"/d", 01777, false, -EBADMSG, ""},
		{"/d", 0755, true, -EBADMSG, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};
		char text[512];
		struct hookdir h;

		tree_make(&t);
		h = hooks_of(&t, text);
		write_program(&t, "/d/a", SAYING);
		if (cases[i].foreign && geteuid() != 0)
			continue;
		if (cases[i].foreign)
			assert_int_equal(chown(tree_path(&t, cases[i].path), 65534, 65534), 0);
		assert_int_equal(chmod(tree_path(&t, cases[i].path), cases[i].mode), 0);
		assert_int_equal(hookdir_run(&h, &e), cases[i].result);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(tree_has(&t, "/out"), cases[i].result == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_entry),
		cmocka_unit_test(test_hooks_run_in_order),
		cmocka_unit_test(test_hooks_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

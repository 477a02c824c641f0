// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole captures in a fixture tree, with tools that succeed, lie, fail, hang and die. The target is
 * a directory: which one, see test_capture_target.c; block devices are in test_capture_disk.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_crash.h"
#include "util/cleanup.h"
#include "util/clock.h"

static void assert_content(const struct run *r, const char *name, const char *text)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	assert_int_equal(file_read(AT_FDCWD, in_dump(r, name), 4096, &b, &e), 0);
	assert_string_equal((char *)b.data, text);
}

static mode_t mode_of(const struct run *r, const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_dump(r, name), &st), 0);
	return st.st_mode & 07777;
}

static void test_complete(void **state)
{
	struct run *r = *state;
	struct stat st;

	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_string_equal(stages(r), "modules=skipped target=ok log=ok space=ok dump=ok check=ok "
				       "publish=ok");
	assert_true(has(r, "vmcore"));
	assert_false(has(r, "vmcore-incomplete"));
	assert_content(r, "dmesg.txt",
		       "[    1.000000] log by vmcore-dmesg\n"
		       "[    2.000000] Kernel panic - not syncing: a fixture\n");
	assert_int_equal(mode_of(r, ""), 0700);
	assert_int_equal(mode_of(r, "vmcore"), 0600);
	assert_int_equal(mode_of(r, "dmesg.txt"), 0600);
	assert_int_equal(mode_of(r, "manifest.json"), 0600);
	assert_int_equal(stat(in_dump(r, "vmcore"), &st), 0);
	assert_int_equal(strtoul(manifest(r, "bytes"), NULL, 10), st.st_size);
	assert_string_equal(manifest(r, "state"), "complete");
	assert_string_equal(manifest(r, "image"), "test");
	assert_string_equal(manifest(r, "machine"), "0123abc");
	assert_string_equal(manifest(r, "kernel"), "6.12.107+deb13-amd64");
	assert_string_equal(manifest(r, "crash_time"), "2026-11-21T18:38:22Z");
	assert_string_equal(manifest(r, "checked"), "full");
	assert_int_equal(strlen(manifest(r, "sha256")), 64);
	assert_string_equal(manifest(r, "collector.exit"), "0");
	assert_string_equal(manifest(r, "collector.attempts"), "1");
	assert_string_equal(manifest(r, "collector.argv.1"), "-z");
	assert_string_equal(manifest(r, "memory.peak"), "61440000");
	assert_string_equal(manifest(r, "stages.6.name"), "publish");
	assert_string_equal(manifest(r, "targets.0.result"), "complete");
	assert_string_equal(manifest(r, "triage.kind"), "panic");
	assert_string_equal(manifest(r, "triage.panic"), "Kernel panic - not syncing: a fixture");
	assert_int_equal(strlen(manifest(r, "triage.signature")), 16);
}

static void test_same_second_twice(void **state)
{
	struct run *r = *state;

	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_true(has(r, "vmcore"));
	r->dir = NAME "-1";
	assert_true(has(r, "vmcore"));
}

static void expect_failed_plans(const struct run *r, const char *failed)
{
	const char *tail = strstr(stages(r), "dump=");
	char want[256] = "";

	for (; *failed; failed++)
		strcat(want, *failed == 'F' ? "dump=failed " : "dump=ok check=failed ");
	strcat(want, "dump=ok check=ok");
	if (!tail || strncmp(tail, want, strlen(want)))
		fail_msg("want %s, have %s", want, stages(r));
}

/* Every way in which makedumpfile can fail leads to the plain copy, with the reason kept. */
static void test_collector_failures(void **state)
{
	static const struct {
		const char *body;
		const char *failed; /* each plan of makedumpfile: Failed, or by its Check */
		const char *reason; /* of the first stage that failed */
	} cases[] = {
		{"echo 'write_cache: boom' >&2; echo 'makedumpfile Failed.' >&2; exit 1", "FF",
		 "write_cache: boom"},
		{"echo half >\"$out\"; exit 3", "FF", "exit status 3"},
		{"kill -9 $$", "FFF", "signal 9"},
		{"kill -11 $$", "FFF", "signal 11"},
		/* The lie: exit status 0 and no good dump (peers: D1, R4). */
		{"exit 0", "FF", "wrote no dump"},
		{": >\"$out\"", "CC", "ends at 0"},
		{"echo garbage >\"$out\"", "CC", "ends at"},
		{"head -c 16600 @/good >\"$out\"", "CC", "page descriptor"},
		{"ln -s /etc/passwd \"$out\"", "FF", "no dump"},
	};
	struct run *r = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[64];
		unsigned int failed = 0;

		(void)snprintf(name, sizeof(name), i ? NAME "-%u" : NAME, i);
		r->dir = name;
		memset(&r->c.record, 0, sizeof(r->c.record));
		tree_makedumpfile(&r->tree, cases[i].body);
		if (run(r) != STATE_COMPLETE)
			fail_msg("%s: %s", cases[i].body, stages(r));
		expect_failed_plans(r, cases[i].failed);
		while (r->c.record.stages[failed].outcome != OUTCOME_FAILED)
			failed++;
		if (!strstr(r->c.record.stages[failed].reason, cases[i].reason))
			fail_msg("%s: %s", cases[i].body, r->c.record.stages[failed].reason);
		assert_string_equal(manifest(r, "collector.argv.0"), "copy");
		assert_int_equal(strtoul(manifest(r, "collector.attempts"), NULL, 10),
				 strlen(cases[i].failed) + 1);
		assert_string_equal(manifest(r, "state"), "complete");
		assert_string_equal(manifest(r, "file"), "vmcore");
		assert_string_equal(manifest(r, "format"), "elf");
	}
}

static void test_collector_hangs(void **state)
{
	struct run *r = *state;
	uint64_t begin = clock_ms();

	r->c.settings.dump.timeout_s = 12; /* so 3 s without progress are enough */
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"; sleep 1000");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_in_range(clock_ms() - begin, 3000, 9500); /* of the 12 s, 2.4 are kept */
	assert_non_null(strstr(manifest(r, "stages.4.reason"), "made no progress"));
	assert_string_equal(manifest(r, "collector.argv.0"), "copy");
}

static void test_makedumpfile_missing(void **state)
{
	struct run *r = *state;

	assert_int_equal(setenv("PATH", tree_path(&r->tree, "/bin"), 1), 0);
	assert_int_equal(unlink(tree_path(&r->tree, "/bin/vmcore-dmesg")), 0);
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_non_null(strstr(stages(r), "log=failed space=ok dump=failed dump=ok check=ok"));
	assert_false(has(r, "dmesg.txt"));
	assert_non_null(strstr(manifest(r, "stages.2.reason"), "vmcore-dmesg: cannot start"));
	assert_string_equal(manifest(r, "triage"), "null");
	assert_non_null(strstr(manifest(r, "stages.2.reason"), "makedumpfile: cannot start"));
}

static void test_log_by_makedumpfile(void **state)
{
	static const char *const bad[] = {"exit 1", "echo part; exit 1", "exit 0", "kill -6 $$"};
	struct run *r = *state;

	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), i ? NAME "-%u" : NAME, i);
		r->dir = name;
		tree_tool(&r->tree, "vmcore-dmesg", bad[i]);
		assert_int_equal(run(r), STATE_COMPLETE);
		assert_content(r, "dmesg.txt", "log by makedumpfile\n");
		assert_false(has(r, "dmesg-makedumpfile.txt"));
	}
}

/* Part of a log is better than none, and is not called a success. */
static void test_part_of_log(void **state)
{
	struct run *r = *state;

	tree_tool(&r->tree, "vmcore-dmesg", "echo part; exit 1");
	tree_tool(&r->tree, "makedumpfile", "exit 1");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_content(r, "dmesg-incomplete.txt", "part\n");
	assert_false(has(r, "dmesg.txt"));
	assert_string_equal(manifest(r, "stages.2.result"), "failed");
}

/* A log without end stops at a limit, is not kept, and leaves the second tool its time. */
static void test_endless_log(void **state)
{
	struct run *r = *state;

	tree_tool(&r->tree, "vmcore-dmesg", "exec cat /dev/zero");
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_content(r, "dmesg.txt", "log by makedumpfile\n");
	assert_string_equal(manifest(r, "stages.2.result"), "ok");
	r->dir = NAME "-1";
	tree_tool(&r->tree, "makedumpfile", "exec cat /dev/zero >\"$3\"");
	r->c.settings.store.keep_free = UINT64_MAX; /* the smaller limit */
	assert_int_equal(run(r), STATE_FAILED);
	assert_false(has(r, "dmesg.txt"));
	assert_false(has(r, "dmesg-makedumpfile.txt"));
	assert_non_null(strstr(manifest(r, "stages.9.reason"), "signal 25"));
}

/* What makedumpfile saved in part outlives a copy that fails, and goes when the copy is good. */
static void test_part_is_kept(void **state)
{
	struct run *r = *state;
	struct stat st;

	tree_makedumpfile(&r->tree, "head -c 16900 @/good >\"$out\"; exit 1");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_false(has(r, "vmcore-part"));
	assert_false(has(r, "vmcore-incomplete"));

	/* The copy ends early: a core whose headers say more than there is. */
	r->dir = NAME "-1";
	assert_int_equal(truncate(tree_path(&r->tree, "/proc/vmcore"), 8192), 0);
	assert_int_equal(run(r), STATE_PARTIAL);
	assert_false(has(r, "vmcore-part"));
	assert_int_equal(stat(in_dump(r, "vmcore-incomplete"), &st), 0);
	assert_int_equal(st.st_size, 16900);
	assert_string_equal(manifest(r, "bytes"), "16900");
	assert_string_equal(manifest(r, "checked"), "null");
	assert_string_equal(manifest(r, "sha256"), "null");
}

/* No dump at all: nothing is left that looks like one. */
static void test_no_dump(void **state)
{
	struct run *r = *state;

	assert_int_equal(truncate(tree_path(&r->tree, "/proc/vmcore"), 0), 0);
	tree_write(&r->tree, "/etc/ukdump/build.conf", "machine_id=0123abc\n");
	tree_makedumpfile(&r->tree, "echo garbage >\"$out\"");
	run_set(r, "[Dump]\nTarget=file:/crash\n");
	budget_start(&r->c.budget, 60);
	r->c.crash.time = CRASH_TIME;
	assert_int_equal(capture_run(&r->c), STATE_LOG_ONLY);
	assert_int_equal(r->c.record.bytes, 0);
	assert_int_equal(r->c.record.checked, CHECKED_NOT);
}

static void test_no_space(void **state)
{
	struct run *r = *state;

	r->c.settings.store.keep_free = UINT64_MAX;
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_LOG_ONLY);
	assert_string_equal(stages(r), "modules=skipped target=ok log=ok space=failed publish=ok");
	assert_true(has(r, "dmesg.txt"));
	assert_string_equal(manifest(r, "state"), "log-only");
	assert_string_equal(manifest(r, "targets.0.result"), "log-only");
	assert_non_null(strstr(manifest(r, "targets.0.reason"), "KeepFree="));
	assert_string_equal(manifest(r, "collector.exit"), "null");
}

/* Never in the clear what was to be encrypted. */
static void test_encryption_asked_for(void **state)
{
	static char recipient[] = "age1xyz";
	char *list[] = {recipient, NULL};
	struct run *r = *state;
	struct strings old = r->c.settings.dump.encrypt_to;

	r->c.settings.dump.encrypt_to = (struct strings){list, 1};
	assert_int_equal(run(r), STATE_FAILED);
	assert_int_equal(access(tree_path(&r->tree, NAME), F_OK), -1);
	r->c.settings.dump.encrypt_to = old;
	/* With the settings EncryptTo= is lost, too; what it has brought into the image is not. */
	r->c.settings_lost = true;
	tree_write(&r->tree, "/etc/ukdump/recipients", "age1xyz\n");
	assert_int_equal(run(r), STATE_FAILED);
	assert_int_equal(access(tree_path(&r->tree, NAME), F_OK), -1);
}

static void test_no_vmcoreinfo(void **state)
{
	struct run *r = *state;
	_closedir_ DIR *d = NULL;

	assert_int_equal(unlink(tree_path(&r->tree, "/proc/vmcore")), 0);
	tree_write(&r->tree, "/proc/vmcore", "not a core");
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_int_equal(r->c.record.crash_time, 0);
	/* Named by the clock of the capture kernel. */
	assert_false(has(r, "vmcore"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_complete),
		TEST(test_same_second_twice),
		TEST(test_collector_failures),
		TEST(test_collector_hangs),
		TEST(test_makedumpfile_missing),
		TEST(test_log_by_makedumpfile),
		TEST(test_part_of_log),
		TEST(test_endless_log),
		TEST(test_part_is_kept),
		TEST(test_no_dump),
		TEST(test_no_space),
		TEST(test_encryption_asked_for),
		TEST(test_no_vmcoreinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

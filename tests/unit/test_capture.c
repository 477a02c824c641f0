// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole captures in a fixture tree, with tools that succeed, lie, fail, hang and die; the parts
 * that protect against hangs. The target is a directory; block devices are in test_capture_disk.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "capture/blockdev.h"
#include "capture/capture.h"
#include "capture/guard.h"
#include "capture/hardware.h"
#include "capture/init.h"
#include "capture/target.h"
#include "capture/watchdog.h"
#include "fixture_capture.h"
#include "util/cleanup.h"

#define NAME "/crash/20261121T183822Z-0123abc"

static int setup(void **state)
{
	struct run *r = run_make();

	r->c.settings.store.keep_free = 0;
	r->c.settings.dump.timeout_s = 60;
	r->dir = NAME;
	*state = r;
	return 0;
}

static enum dump_state run(struct run *r)
{
	if (!strcmp(r->c.settings.dump.target.v[0], "file:/var/crash"))
		run_set(r, "[Dump]\nTarget=file:/crash\n");
	budget_start(&r->c.budget, r->c.settings.dump.timeout_s);
	return capture_run(&r->c);
}

static const char *in_dump(const struct run *r, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return tree_path(&r->tree, path);
}

static bool has(const struct run *r, const char *name)
{
	return access(in_dump(r, name), F_OK) == 0;
}

static void assert_content(const struct run *r, const char *name, const char *text)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	assert_int_equal(file_read(AT_FDCWD, in_dump(r, name), 4096, &b, &e), 0);
	assert_string_equal((char *)b.data, text);
}

/* A value of the manifest by path, such as "collector.exit" or "targets.0.reason". */
static const char *manifest(const struct run *r, const char *path)
{
	static char value[1024];
	struct json_object *o = json_object_from_file(in_dump(r, "manifest.json")), *v = o;
	char copy[128], *save = copy, *word;

	assert_non_null(o);
	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((word = strsep(&save, ".")) && v) {
		if (json_object_is_type(v, json_type_array))
			v = json_object_array_get_idx(v, strtoul(word, NULL, 10));
		else if (!json_object_object_get_ex(v, word, &v))
			v = NULL;
	}
	(void)snprintf(value, sizeof(value), "%s", v ? json_object_get_string(v) : "null");
	json_object_put(o);
	return value;
}

/* "name=result" of all stages. */
static const char *stages(const struct run *r)
{
	static char all[1024];
	size_t n = 0;

	all[0] = 0;
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s=%s", i ? " " : "",
				      r->c.record.stages[i].name,
				      outcome_name(r->c.record.stages[i].outcome));
	return all;
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
	assert_in_range(clock_ms() - begin, 3000, 7000);
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

static void test_next_target(void **state)
{
	struct run *r = *state;

	run_set(r, "[Dump]\nTarget=file:/missing LABEL=nowhere:/x file:/crash\n");
	tree_write(&r->tree, "/proc/partitions", "major minor  #blocks  name\n\n");
	r->c.settings.dump.timeout_s = 10;
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_string_equal(manifest(r, "targets.0.result"), "failed");
	assert_non_null(strstr(manifest(r, "targets.0.reason"), "No such file"));
	assert_non_null(strstr(manifest(r, "targets.1.reason"), "no device LABEL=nowhere"));
	assert_string_equal(manifest(r, "targets.2.result"), "complete");
	assert_string_equal(manifest(r, "targets.2.uri"), "file:/crash");
}

/* Paths of a dead array, here FIFOs, all hang: the search ends when its own time is over. */
static void test_many_devices_hang(void **state)
{
	struct run *r = *state;
	const struct locator l = {.kind = LOCATE_LABEL, .value = "x", .path = "/"};
	uint64_t begin = clock_ms();
	struct blockdev dev;
	struct ukd_error e;

	assert_int_equal(make_directories(r->tree.root.fd, "dev", 0700, &e), 0);
	for (unsigned int i = 0; i < 3; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "/dev/sd%c", 'a' + i);
		assert_int_equal(mkfifo(tree_path(&r->tree, path), 0600), 0);
	}
	tree_write(&r->tree, "/proc/partitions",
		   "major minor  #blocks  name\n\n 8 0 9 sda\n 8 16 9 sdb\n 8 32 9 sdc\n");
	assert_int_equal(blockdev_wait(&r->tree.root, &l, 2, &dev, &e), -ETIMEDOUT);
	assert_in_range(clock_ms() - begin, 1900, 6000);
}

/* A target that hangs, here on a FIFO that nobody writes to, does not keep the next from its turn. */
static void test_target_hangs(void **state)
{
	struct run *r = *state;
	uint64_t begin = clock_ms();

	assert_int_equal(mkdir(tree_path(&r->tree, "/second"), 0700), 0);
	run_set(r, "[Dump]\nTarget=file:/crash file:/second\n");
	tree_makedumpfile(&r->tree, "case $PWD in */second/*) cp @/good \"$out\" ;; "
				    "*) mkfifo \"$out\" ;; esac");
	r->c.settings.dump.timeout_s = 15;
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_in_range(clock_ms() - begin, 9000, 13000);
	r->dir = "/second/20261121T183822Z-0123abc";
	assert_true(has(r, "vmcore"));
	assert_string_equal(manifest(r, "targets.0.result"), "log-only");
	assert_string_equal(manifest(r, "targets.0.reason"), "dump: attempt: not done after 10 s");
	assert_string_equal(manifest(r, "targets.1.result"), "complete");
	assert_string_equal(manifest(r, "stages.4.reason"), "attempt: not done after 10 s");
	assert_string_equal(manifest(r, "collector.attempts"), "1");
}

/* Keep= and MaxUse= after the dump; what was removed is recorded. */
static void test_retention(void **state)
{
	static const char *const old[] = {"/crash/20261101T000000Z-0123abc",
					  "/crash/20261102T000000Z-0123abc",
					  "/crash/20261103T000000Z-0123abc",
					  "/crash/20261101T000000Z-other"};
	struct run *r = *state;
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		assert_int_equal(mkdir(tree_path(&r->tree, old[i]), 0700), 0);
		(void)snprintf(path, sizeof(path), "%s/vmcore", old[i]);
		tree_write(&r->tree, path, "a dump");
	}
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	r->c.settings.store.keep = 2;
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_string_equal(stages(r), "modules=skipped target=ok log=ok space=ok dump=ok check=ok "
				       "publish=ok retention=ok");
	assert_string_equal(manifest(r, "stages.7.reason"),
			    "removed 2 (8.0 KiB): 20261101T000000Z-0123abc, "
			    "20261102T000000Z-0123abc");
	assert_true(has(r, "vmcore"));
	assert_int_not_equal(access(tree_path(&r->tree, old[0]), F_OK), 0);
	assert_int_not_equal(access(tree_path(&r->tree, old[1]), F_OK), 0);
	assert_int_equal(access(tree_path(&r->tree, old[2]), F_OK), 0);
	assert_int_equal(access(tree_path(&r->tree, old[3]), F_OK), 0);
	/* Machines without a name of their own do not remove each other's dumps. */
	tree_write(&r->tree, "/etc/ukdump/build.conf", "");
	memset(&r->c.record, 0, sizeof(r->c.record));
	assert_int_equal(rename(tree_path(&r->tree, old[2]),
				tree_path(&r->tree, "/crash/20261103T000000Z-unknown")),
			 0);
	r->c.settings.store.keep = 1;
	assert_int_equal(run(r), STATE_COMPLETE);
	assert_null(strstr(stages(r), "retention"));
}

/* What build resolved takes the place of the setting; the manifest shows the setting. */
static void test_resolved_target(void **state)
{
	struct run *r = *state;

	run_set(r, "[Dump]\nTarget=file:/var/crash\n");
	tree_write(&r->tree, "/etc/ukdump/build.conf",
		   "machine_id=0123abc\ntarget.0=file:/crash\n");
	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	budget_start(&r->c.budget, 60);
	assert_int_equal(capture_run(&r->c), STATE_COMPLETE);
	assert_string_equal(manifest(r, "targets.0.uri"), "file:/var/crash");
}

static void test_target_in_memory(void **state)
{
	struct ukd_error e;
	struct run *r = *state;
	struct root host;

	assert_int_equal(root_open("/dev", &host, &e), 0);
	r->c.root = &host;
	run_set(r, "[Dump]\nTarget=file:/shm\n");
	if (!root_exists(&host, "/shm"))
		skip();
	budget_start(&r->c.budget, 60);
	assert_int_equal(capture_run(&r->c), STATE_FAILED);
	assert_non_null(strstr(r->c.record.targets[0].reason, "lies in memory"));
	root_close(&host);
}

static void test_no_time(void **state)
{
	struct run *r = *state;

	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	r->c.settings.dump.timeout_s = 0;
	assert_int_equal(run(r), STATE_FAILED);
	assert_int_equal(r->c.record.n_targets, 1);
	assert_string_equal(r->c.record.targets[0].reason, "not tried, no time left");
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

static int enter(struct run *r, const char *path, struct ukd_error *e)
{
	_close_ int base = open(tree_path(&r->tree, "/crash"), O_RDONLY | O_DIRECTORY);
	struct attempt a = {.c = &r->c, .dirfd = -1};
	int ret;

	budget_start(&r->c.budget, 60);
	(void)snprintf(r->c.facts.machine, sizeof(r->c.facts.machine), "m");
	ret = directory_enter(&a, base, path, e);
	directory_leave(&a);
	return ret;
}

static void test_directories(void **state)
{
	struct run *r = *state;
	struct ukd_error e;
	struct stat st;

	assert_int_equal(enter(r, "/a//b/c/", &e), 0);
	assert_int_equal(stat(tree_path(&r->tree, "/crash/a/b"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(symlink("/etc", tree_path(&r->tree, "/crash/abs")), 0);
	assert_int_equal(symlink("a", tree_path(&r->tree, "/crash/rel")), 0);
	tree_write(&r->tree, "/crash/file", "");
	assert_int_equal(enter(r, "/abs/x", &e), -ELOOP);
	assert_int_equal(enter(r, "/rel", &e), -ELOOP);
	assert_int_equal(enter(r, "/file/x", &e), -ENOTDIR);
	assert_true(enter(r, "/../outside", &e) < 0);
	assert_int_equal(access(tree_path(&r->tree, "/outside"), F_OK), -1);
}

/* Stands in for finit_module(2): the module's content says what happens. */
static int fake_load(int fd, const char *params, int flags)
{
	char content[32] = "";

	(void)!read(fd, content, sizeof(content) - 1);
	if (!strcmp(content, "hang"))
		sleep(1000);
	if (!strcmp(content, "params"))
		return strcmp(params, "a=1 b=2") ? -EINVAL : 0;
	if (!strcmp(content, "xz"))
		return flags == 4 ? 0 : -ENOEXEC;
	if (!strcmp(content, "crash"))
		abort();
	return !strcmp(content, "there") ? -EEXIST : !strcmp(content, "bad") ? -ENOEXEC : 0;
}

static void test_modules(void **state)
{
	static const char *const names[] = {"good", "there", "bad", "params", "hang", "crash"};
	struct run *r = *state;
	const struct modules_limit limit = {.one_s = 1, .all_s = 30}, little = {1, 2};
	struct modules_result result;
	uint64_t begin;
	struct ukd_error e;

	assert_int_equal(modules_load(&r->tree.root, MODULES_LIST, fake_load, &limit, &result, &e),
			 -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/lib/%s.ko", names[i]);
		tree_write(&r->tree, path, names[i]);
	}
	tree_write(&r->tree, "/lib/z.ko.xz", "xz");
	tree_write(&r->tree, "/etc/ukdump/modules.list",
		   "# modules\n\n/lib/bad.ko\n/lib/good.ko\n/lib/missing.ko\n/lib/there.ko\n"
		   "/lib/params.ko a=1 b=2\n/lib/hang.ko\n/lib/z.ko.xz\n/lib/crash.ko\n"
		   "/lib/good.ko");
	assert_int_equal(modules_load(&r->tree.root, MODULES_LIST, fake_load, &limit, &result, &e),
			 0);
	assert_int_equal(result.loaded, 5);
	assert_int_equal(result.failed, 4);
	assert_string_equal(result.first, "bad.ko: Exec format error");
	/* Many that hang take no longer than all may take together. */
	tree_write(&r->tree, "/etc/ukdump/modules.list",
		   "/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n");
	begin = clock_ms();
	assert_int_equal(modules_load(&r->tree.root, MODULES_LIST, fake_load, &little, &result, &e),
			 0);
	assert_in_range(clock_ms() - begin, 2000, 4500);
	assert_int_equal(result.failed, 5);
	assert_string_equal(result.first, "hang.ko: not done after 1 s");
}

/* Stands in for a driver: its device is a bus, on which another device appears. */
static struct run *bus_run;

static int fake_driver(int fd, const char *params, int flags)
{
	char content[32] = "";

	(void)params;
	(void)flags;
	(void)!read(fd, content, sizeof(content) - 1);
	if (!strcmp(content, "bus"))
		tree_write(&bus_run->tree, "/sys/bus/virtio/devices/virtio0/modalias",
			   "virtio:d00000002v00001AF4\n");
	return strcmp(content, "broken") ? 0 : -EINVAL;
}

/* What is there is loaded, what a loaded driver brings to light too, and nothing else. */
static void test_drivers_by_hardware(void **state)
{
	struct run *r = *state;
	const struct modules_limit limit = {.one_s = 5, .all_s = 5};
	struct modules_result result = {0};
	struct ukd_error e;

	static const char *const dirs[] = {"sys/bus/virtio/devices/virtio0",
					   "sys/bus/pci/devices/0000:00:01.0",
					   "sys/bus/pci/devices/0000:00:02.0",
					   "sys/bus/pci/devices/0000:00:03.0", "m"};

	bus_run = r;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(make_directories(r->tree.root.fd, dirs[i], 0755, &e), 0);
	assert_int_equal(hardware_load(&r->tree.root, fake_driver, &limit, &result, &e), -ENOENT);
	tree_write(&r->tree, HARDWARE_ALIASES,
		   "pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
		   "virtio:d00000002v* virtio_blk\n"
		   "pci:v00008086d*sv*sd*bc*sc*i* broken\n"
		   "pci:v00001234d*sv*sd*bc*sc*i* builtin\n"
		   "virtio:d00000008v* virtio_scsi\nnonsense\n");
	tree_write(&r->tree, "/etc/ukdump/modules-virtio_pci.list", "/m/ring.ko\n/m/pci.ko\n");
	tree_write(&r->tree, "/etc/ukdump/modules-virtio_blk.list", "/m/blk.ko\n");
	tree_write(&r->tree, "/etc/ukdump/modules-virtio_scsi.list", "/m/absent.ko\n");
	tree_write(&r->tree, "/etc/ukdump/modules-broken.list", "/m/broken.ko\n");
	tree_write(&r->tree, "/m/ring.ko", "");
	tree_write(&r->tree, "/m/pci.ko", "bus");
	tree_write(&r->tree, "/m/blk.ko", "");
	tree_write(&r->tree, "/m/broken.ko", "broken");
	tree_write(&r->tree, "/sys/bus/pci/devices/0000:00:01.0/modalias",
		   "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00\n");
	tree_write(&r->tree, "/sys/bus/pci/devices/0000:00:02.0/modalias",
		   "pci:v00008086d00001001sv00001AF4sd00000002bc01sc00i00\n");
	tree_write(&r->tree, "/sys/bus/pci/devices/0000:00:03.0/modalias",
		   "pci:v00001234d00001111sv00001AF4sd00000002bc01sc00i00\n");
	assert_int_equal(hardware_load(&r->tree.root, fake_driver, &limit, &result, &e), 0);
	assert_int_equal(result.loaded, 3);
	assert_int_equal(result.failed, 1);
	assert_string_equal(result.first, "broken.ko: Invalid argument");
}

/* Whatever a stopped terminal does, writing to it comes back. */
static void test_console(void **state)
{
	_close_ int master = posix_openpt(O_RDWR | O_NOCTTY), terminal = -1;
	static const char stop = 023, text[4096];
	struct termios t;
	ssize_t n;

	(void)state;
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	init_never_block(terminal);
	assert_int_equal(tcgetattr(terminal, &t), 0);
	assert_int_equal(t.c_iflag & (tcflag_t)(IXON | IXOFF), 0);
	assert_int_equal(write(master, &stop, 1), 1);
	(void)alarm(10);
	for (int i = 0; i < 1000 && (n = write(terminal, text, sizeof(text))) > 0; i++)
		;
	(void)alarm(0);
	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	init_never_block(-1);
}

static void test_after_crash(void **state)
{
	struct run *r = *state;

	assert_true(init_after_crash(&r->tree.root)); /* cannot be told */
	tree_write(&r->tree, "/proc/cmdline", "quiet elfcorehdr=0x7e000000\n");
	assert_true(init_after_crash(&r->tree.root));
	tree_write(&r->tree, "/proc/cmdline", "elfcorehdr=1\n");
	assert_true(init_after_crash(&r->tree.root));
	tree_write(&r->tree, "/proc/cmdline", "quiet xelfcorehdr=1 elfcorehdr\n");
	assert_false(init_after_crash(&r->tree.root));
	tree_write(&r->tree, "/proc/cmdline", "");
	assert_false(init_after_crash(&r->tree.root));
}

static int slow(void *ctx)
{
	sleep(*(unsigned int *)ctx);
	return -EIO;
}

static int die(void *ctx)
{
	(void)ctx;
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static void test_guard(void **state)
{
	unsigned int never = 1000, at_once = 0;
	uint64_t begin = clock_ms();
	struct ukd_error e;

	(void)state;
	assert_int_equal(guard_call(slow, &at_once, 5, "call", &e), -EIO);
	assert_string_equal(e.text, "call: Input/output error");
	assert_int_equal(guard_call(slow, &never, 1, "call", &e), -ETIMEDOUT);
	assert_in_range(clock_ms() - begin, 1000, 2000);
	assert_int_equal(guard_call(die, NULL, 5, "call", &e), -ECHILD);
}

static void leave_mark(void *ctx)
{
	(void)close(open(ctx, O_CREAT | O_WRONLY, 0600));
}

static void test_watchdog(void **state)
{
	struct run *r = *state;
	char path[600];
	struct ukd_error e;
	pid_t first, second;

	(void)snprintf(path, sizeof(path), "%s/mark", r->tree.path);
	first = watchdog_start(clock_ms() + 1000, leave_mark, path, &e);
	assert_true(first > 0);
	watchdog_stop(first);
	assert_int_equal(access(path, F_OK), -1);
	second = watchdog_start(clock_ms() + 1000, leave_mark, path, &e);
	assert_true(second > 0);
	assert_int_equal(waitpid(second, NULL, 0), second);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

static void test_watchdog_is_woken(void **state)
{
	struct run *r = *state;
	char path[600];
	struct ukd_error e;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/mark", r->tree.path);
	pid = watchdog_start(clock_ms() + 60000, leave_mark, path, &e);
	assert_true(pid > 0);
	(void)usleep(200000); /* it has to be asleep */
	watchdog_wake(pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_budget(void **state)
{
	struct budget b;

	(void)state;
	budget_start(&b, 1000);
	assert_in_range(budget_left_ms(&b), 999000, 1000000);
	assert_in_range(budget_work_ms(&b), 969000, 970000); /* 30 s are kept */
	assert_int_equal(budget_work_s(&b, 10), 10);
	assert_int_equal(budget_share_s(&b, 4, UINT64_MAX), 250);
	budget_start(&b, 10);
	assert_in_range(budget_work_ms(&b), 7900, 8000); /* a fifth */
	budget_start(&b, 0);
	assert_int_equal(budget_work_ms(&b), 0);
	assert_int_equal(budget_work_s(&b, 10), 1);
}

static void test_auto_budget(void **state)
{
	const uint64_t gib = 1ull << 30;

	(void)state;
	assert_int_equal(budget_auto_s(0, 31), 600);
	assert_int_equal(budget_auto_s(8 * gib, 31), 600 + 20);
	assert_int_equal(budget_auto_s(8 * gib, 1), 600 + 163);
	assert_int_equal(budget_auto_s(1024 * gib, 31), 600 + 2621);
	assert_int_equal(budget_auto_s(2048 * gib, 15), 6 * 3600); /* free pages are written */
	assert_int_equal(budget_auto_s(UINT64_MAX, 31), 6 * 3600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, run_remove)

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
		TEST(test_next_target),
		TEST(test_many_devices_hang),
		TEST(test_target_hangs),
		TEST(test_retention),
		TEST(test_resolved_target),
		TEST(test_target_in_memory),
		TEST(test_no_time),
		TEST(test_encryption_asked_for),
		TEST(test_no_vmcoreinfo),
		TEST(test_directories),
		TEST(test_modules),
		TEST(test_drivers_by_hardware),
		cmocka_unit_test(test_console),
		TEST(test_after_crash),
		cmocka_unit_test(test_guard),
		TEST(test_watchdog),
		TEST(test_watchdog_is_woken),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_auto_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

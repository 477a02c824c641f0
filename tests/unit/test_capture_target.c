// SPDX-License-Identifier: GPL-2.0-or-later
/* Which target a capture goes to, how long each may take, and which old dumps go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/blockdev.h"
#include "capture/target.h"
#include "fixture_crash.h"
#include "util/cleanup.h"
#include "util/clock.h"

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
	for (unsigned int i = 0; i < 8; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "/dev/sd%c", 'a' + i);
		assert_int_equal(mkfifo(tree_path(&r->tree, path), 0600), 0);
	}
	tree_write(&r->tree, "/proc/partitions",
		   "major minor  #blocks  name\n\n 8 0 9 sda\n 8 16 9 sdb\n 8 32 9 sdc\n"
		   " 8 48 9 sdd\n 8 64 9 sde\n 8 80 9 sdf\n 8 96 9 sdg\n 8 112 9 sdh\n");
	assert_int_equal(blockdev_wait(&r->tree.root, &l, 2, &dev, &e), -ETIMEDOUT);
	assert_in_range(clock_ms() - begin, 1900, 15000); /* 2 s each would be 16 */
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
	assert_in_range(clock_ms() - begin, 9000, 15000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_next_target), TEST(test_many_devices_hang), TEST(test_target_hangs),
		TEST(test_retention),	TEST(test_resolved_target),   TEST(test_target_in_memory),
		TEST(test_no_time),	TEST(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

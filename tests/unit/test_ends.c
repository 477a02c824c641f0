// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How a capture ends: the site's programs, the result for the next boot, what pid 1 hands on, the
 * hardware watchdog's state. Captures run in a fixture tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/facts.h"
#include "capture/keeper.h"
#include "capture/panic.h"
#include "capture/result.h"
#include "capture/watchdog.h"
#include "fixture_capture.h"
#include "util/cleanup.h"
#include "util/efivarfs.h"

#define CRASH "/crash/20261121T183822Z-0123abc"

static int setup(void **state)
{
	struct run *r = run_make();
	struct ukd_error e;

	tree_makedumpfile(&r->tree, "cp @/good \"$out\"");
	assert_int_equal(make_directories(r->tree.root.fd, &EFIVARFS_DIR[1], 0700, &e), 0);
	*state = r;
	return 0;
}

static enum dump_state run_for(struct run *r, const char *conf, uint64_t seconds)
{
	run_set(r, "[Store]\nKeepFree=0\n%s", conf);
	budget_start(&r->c.budget, seconds);
	return capture_run(&r->c);
}

static enum dump_state run(struct run *r, const char *conf)
{
	return run_for(r, conf, 60);
}

static const char *content(const struct run *r, const char *path)
{
	static char text[65536];
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	if (root_read(&r->tree.root, path, sizeof(text) - 1, &b, &e) < 0)
		fail_msg("%s", e.text);
	memcpy(text, b.data, b.len + 1);
	return text;
}

/* The variable's content, in front of which efivarfs has the attributes. */
static const char *variable(const struct run *r)
{
	static char text[RESULT_MAX + 1];
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	if (efivarfs_read(&r->tree.root, RESULT_VARIABLE, RESULT_MAX, &b, &e) < 0)
		fail_msg("%s", e.text);
	memcpy(text, b.data, b.len + 1);
	return text;
}

static bool has_variable(const struct run *r)
{
	return root_exists(&r->tree.root, EFIVARFS_DIR "/" RESULT_VARIABLE);
}

static const struct stage *stage(const struct run *r, const char *name)
{
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		if (!strcmp(r->c.record.stages[i].name, name))
			return &r->c.record.stages[i];
	fail_msg("no stage %s", name);
	return NULL;
}

#define SHOW "echo $UKDUMP_STATE $UKDUMP_TARGET $UKDUMP_CRASH $UKDUMP_DIR; ls \"$UKDUMP_DIR\""

static void test_hooks(void **state)
{
	struct run *r = *state;
	char dir[600], wanted[2048];

	tree_tool(&r->tree, "pre", SHOW);
	tree_tool(&r->tree, "post", SHOW);
	assert_int_equal(run(r, "[Dump]\nTarget=file:/crash\n[Action]\nPre=/bin/pre\n"
				"Post=/bin/post\nFailure=/bin/missing\n"),
			 STATE_COMPLETE);
	(void)snprintf(dir, sizeof(dir), "%s", tree_path(&r->tree, CRASH));
	(void)snprintf(wanted, sizeof(wanted), "log-only file:/crash %s %s;dmesg.txt",
		       strrchr(CRASH, '/') + 1, dir);
	assert_string_equal(stage(r, "pre")->output, wanted);
	assert_string_equal(stage(r, "pre")->program, "/bin/pre");
	assert_int_equal(stage(r, "pre")->outcome, OUTCOME_OK);
	/* Post sees the dump under its final name, and is in the manifest. */
	(void)snprintf(wanted, sizeof(wanted),
		       "complete file:/crash %s %s;dmesg.txt;manifest.json;vmcore",
		       strrchr(CRASH, '/') + 1, dir);
	assert_string_equal(stage(r, "post")->output, wanted);
	assert_non_null(strstr(content(r, CRASH "/manifest.json"), "\"program\":\"/bin/post\""));
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		assert_string_not_equal(r->c.record.stages[i].name, "failure");
}

/* Whatever a hook does, the dump is written. */
static void test_hooks_that_fail(void **state)
{
	struct run *r = *state;
	char text[400] = "";

	tree_tool(&r->tree, "fails", "echo first; echo last >&2; exit 3");
	tree_tool(&r->tree, "hangs", "trap '' TERM; echo waiting; while :; do sleep 1; done");
	tree_tool(&r->tree, "dies", "kill -11 $$");
	tree_tool(&r->tree, "floods", "head -c 300000 /dev/zero | tr '\\0' x; echo end");
	assert_int_equal(run(r, "[Dump]\nTarget=file:/crash\n[Action]\nPre=/bin/fails\n"
				"Pre=/bin/missing\nPre=/bin/hangs\nPre=/bin/dies\n"
				"Pre=/bin/floods\n"),
			 STATE_COMPLETE);
	for (const struct stage *s = stage(r, "pre"); !strcmp(s->name, "pre"); s++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%s ",
			       strrchr(s->program, '/') + 1, outcome_name(s->outcome));
	assert_string_equal(text,
			    "fails=failed missing=failed hangs=failed dies=failed floods=ok ");
	assert_non_null(strstr(stage(r, "pre")->reason, "exit status 3: first;last"));
	assert_non_null(strstr((stage(r, "pre") + 1)->reason, "cannot start"));
	assert_non_null(strstr((stage(r, "pre") + 2)->reason, "not done after 6 s"));
	assert_int_equal(strspn((stage(r, "pre") + 4)->output, "x"), 255);
}

/* Pre= runs once, on the first target that takes a log; Failure= when all is over. */
static void test_hooks_of_several_targets(void **state)
{
	struct run *r = *state;
	unsigned int pre = 0;

	tree_tool(&r->tree, "pre", "echo $UKDUMP_TARGET");
	tree_tool(&r->tree, "failure", "echo state $UKDUMP_STATE dir \"[$UKDUMP_DIR]\"");
	r->c.settings.store.keep_free = UINT64_MAX;
	assert_int_equal(mkdir(tree_path(&r->tree, "/second"), 0700), 0);
	assert_int_equal(
		run(r, "KeepFree=16777215T\n[Dump]\nTarget=file:/none file:/crash file:/second\n"
		       "[Action]\nPre=/bin/pre\nFailure=/bin/failure\n"),
		STATE_LOG_ONLY);
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		pre += !strcmp(r->c.record.stages[i].name, "pre");
	assert_int_equal(pre, 1);
	assert_string_equal(stage(r, "pre")->output, "file:/crash");
	assert_string_equal(stage(r, "failure")->output, "state log-only dir []");
	/* The manifests tell it. */
	assert_false(has_variable(r));
}

static void test_result(void **state)
{
	struct run *r = *state;

	tree_write(&r->tree, EFIVARFS_DIR "/" RESULT_VARIABLE, "old");
	/* What a watchdog would store while the line is looked for. */
	tree_tool(&r->tree, "vmcore-dmesg",
		  "cp @/run/ukdump/result @/meanwhile\n"
		  "echo '[ 1.0] sysrq: Trigger a crash'\n"
		  "echo '[ 2.0] Kernel panic - not syncing: sysrq triggered crash'\n"
		  "echo '[ 3.0] CPU: 0'");
	assert_int_equal(run(r, "[Dump]\nTarget=file:/none ssh://host/x\n"), STATE_FAILED);
	assert_string_equal(json_value(variable(r), "schema"), "1");
	assert_string_equal(json_value(variable(r), "state"), "failed");
	assert_string_equal(json_value(variable(r), "machine"), "0123abc");
	assert_string_equal(json_value(variable(r), "kernel"), "6.12.107+deb13-amd64");
	assert_string_equal(json_value(variable(r), "crash_time"), "2026-11-21T18:38:22Z");
	assert_string_equal(json_value(variable(r), "targets.0.uri"), "file:/none");
	assert_string_equal(json_value(variable(r), "targets.0.result"), "failed");
	assert_non_null(strstr(json_value(variable(r), "targets.0.reason"), "No such file"));
	assert_string_equal(json_value(variable(r), "targets.1.uri"), "ssh://host/x");
	assert_string_equal(json_value(variable(r), "last_stage.name"), "target");
	assert_string_equal(json_value(variable(r), "reason"), "null");
	assert_string_equal(json_value(variable(r), "panic"),
			    "[ 2.0] Kernel panic - not syncing: sysrq triggered crash");
	assert_memory_equal(content(r, EFIVARFS_DIR "/" RESULT_VARIABLE), "\7\0\0\0", 4);
	assert_null(strstr(content(r, "/meanwhile"), "did not come to its end"));
}

/* A target that hangs has a log, and no manifest that would tell. */
static void test_result_of_a_target_that_hangs(void **state)
{
	struct run *r = *state;

	tree_makedumpfile(&r->tree, "mkfifo \"$out\"");
	assert_int_equal(run_for(r, "[Dump]\nTarget=file:/crash\n", 8), STATE_LOG_ONLY);
	assert_false(root_exists(&r->tree.root, CRASH "/manifest.json"));
	assert_string_equal(json_value(variable(r), "state"), "log-only");
	assert_string_equal(json_value(variable(r), "targets.0.result"), "log-only");
	assert_non_null(strstr(json_value(variable(r), "targets.0.reason"), "not done after"));
}

static void test_no_result_where_a_manifest_is(void **state)
{
	struct run *r = *state;
	struct ukd_error e;

	assert_int_equal(run(r, "[Dump]\nTarget=file:/none file:/crash\n"), STATE_COMPLETE);
	assert_false(has_variable(r));
	/* Nor would a watchdog store one now. */
	assert_int_equal(result_store(&r->tree.root, 5, &e), 0);
	assert_false(has_variable(r));
}

/* What a watchdog finds when the program is stuck. */
static void test_result_of_an_unfinished_capture(void **state)
{
	struct run *r = *state;
	struct ukd_error e;

	assert_int_equal(result_keep(&r->c, "stuck", &e), 0);
	assert_int_equal(result_store(&r->tree.root, 5, &e), 0);
	assert_string_equal(json_value(variable(r), "reason"), "stuck");
	assert_int_equal(rmdir(tree_path(&r->tree, "/sys/firmware/efi/efivars")), -1);
	assert_int_equal(efivarfs_remove(&r->tree.root, RESULT_VARIABLE, &e), 0);
	assert_int_equal(efivarfs_remove(&r->tree.root, RESULT_VARIABLE, &e), -ENOENT);
	assert_int_equal(rmdir(tree_path(&r->tree, "/sys/firmware/efi/efivars")), 0);
	assert_int_equal(result_store(&r->tree.root, 5, &e), -ENODEV);
}

/* However much there is to tell, it fits, and stays JSON. */
static void test_result_is_cut(void **state)
{
	struct run *r = *state;
	struct record *record = &r->c.record;
	_free_ char *few = NULL, *many = NULL;
	char uri[400];

	(void)record_begin(record, "target");
	memset(uri, '"', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = 0;
	for (unsigned int i = 0; i < 3; i++)
		(void)snprintf(record_target(record, uri)->reason, RECORD_REASON, "%s", uri);
	few = result_text(&r->c, uri);
	assert_in_range(strlen(few), RESULT_MAX / 2, RESULT_MAX);
	assert_int_equal(strspn(json_value(few, "targets.2.reason"), "\""),
			 strlen(json_value(few, "targets.2.reason")));
	for (unsigned int i = 3; i < RECORD_TARGETS; i++)
		(void)snprintf(record_target(record, uri)->reason, RECORD_REASON, "%s", uri);
	many = result_text(&r->c, uri);
	assert_in_range(strlen(many), 100, RESULT_MAX);
	assert_string_equal(json_value(many, "state"), "failed");
}

static void test_which_line_tells_why(void **state)
{
	static const char *const log[] = {
		"[ 1] BUG: soft lockup - CPU#1 stuck for 22s!",
		"[ 2] BUG: kernel NULL pointer dereference, address: 0000000000000000",
		"[ 3] Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
		"[ 4] Kernel panic - not syncing: Fatal exception in interrupt",
	};
	char best[128] = "";

	(void)state;
	assert_true(panic_line_better(log[3], ""));
	for (size_t i = 0; i < ARRAY_SIZE(log); i++)
		if (panic_line_better(log[i], best))
			(void)snprintf(best, sizeof(best), "%s", log[i]);
	assert_string_equal(best, log[1]);
}

/* Where it cannot be told, or must not be told in the clear. */
static void test_no_panic_line(void **state)
{
	struct run *r = *state;

	tree_tool(&r->tree, "vmcore-dmesg", "exit 1");
	assert_int_equal(run(r, "[Dump]\nTarget=file:/none\n"), STATE_FAILED);
	assert_string_equal(json_value(variable(r), "panic"), "null");
	assert_int_equal(run(r, "[Dump]\nTarget=file:/none\nEncryptTo=age1x\n"), STATE_FAILED);
	assert_string_equal(json_value(variable(r), "last_stage.name"), "encrypt");
}

static void test_handover(void **state)
{
	struct run *r = *state;
	struct watchdogs w = {.first = 11, .second = 12, .keeper = 13}, got = {0};
	uint64_t end = 0;
	struct ukd_error e;

	assert_int_equal(handover_read(&r->tree.root, &end, &got, &e), -ENOENT);
	assert_int_equal(handover_write(&r->tree.root, 123456789012, &w, &e), 0);
	assert_string_equal(content(r, "/run/ukdump/deadline"), "123456789012\n");
	assert_int_equal(handover_read(&r->tree.root, &end, &got, &e), 0);
	assert_int_equal(end, 123456789012);
	assert_memory_equal(&got, &w, sizeof(w));
	tree_write(&r->tree, "/run/ukdump/watchdogs", "11 12\n");
	assert_int_equal(handover_read(&r->tree.root, &end, &got, &e), -EINVAL);
}

static void test_environment_is_a_fact(void **state)
{
	struct run *r = *state;
	struct facts f;
	struct ukd_error e;

	assert_int_equal(facts_read(&r->tree.root, &f, &e), 0);
	assert_false(f.full);
	tree_write(&r->tree, "/etc/ukdump/build.conf", "environment=full\n");
	assert_int_equal(facts_read(&r->tree.root, &f, &e), 0);
	assert_true(f.full);
}

static void test_hardware_that_goes_on_is_told(void **state)
{
	struct run *r = *state;
	struct ukd_error e;

	assert_int_equal(keeper_stop(0, &r->tree.root, &e), 0);
	assert_int_equal(
		make_directories(r->tree.root.fd, "sys/class/watchdog/watchdog0", 0700, &e), 0);
	tree_write(&r->tree, "/sys/class/watchdog/watchdog0/state", "inactive\n");
	assert_int_equal(keeper_stop(0, &r->tree.root, &e), 0);
	tree_write(&r->tree, "/sys/class/watchdog/watchdog0/state", "active\n");
	assert_int_equal(keeper_stop(0, &r->tree.root, &e), -EBUSY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, run_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hooks),
		TEST(test_hooks_that_fail),
		TEST(test_hooks_of_several_targets),
		TEST(test_result),
		TEST(test_result_of_a_target_that_hangs),
		TEST(test_no_result_where_a_manifest_is),
		TEST(test_result_of_an_unfinished_capture),
		TEST(test_result_is_cut),
		cmocka_unit_test(test_which_line_tells_why),
		TEST(test_no_panic_line),
		TEST(test_handover),
		TEST(test_environment_is_a_fact),
		TEST(test_hardware_that_goes_on_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

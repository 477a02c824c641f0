// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/loader/load.c on fixture trees: what is loaded, what is armed after a failure, and how often
 * the system call is tried.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_machine.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "fixture_tree.h"
#include "loader/armed.h"
#include "loader/lastgood.h"
#include "loader/load.h"
#include "util/cleanup.h"
#include "util/sys.h"

static void expect_call_with(const struct tree *t, unsigned int call, const char *path)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error e = {0};

	assert_int_equal(file_read(AT_FDCWD, tree_path(t, path), MIB(1), &b, &e), 0);
	assert_true(bytes_equal(buffer_bytes(&kernel.call[call].image), buffer_bytes(&b)));
	assert_int_equal(kernel.call[call].flags,
			 UKD_KEXEC_FILE_ON_CRASH | UKD_KEXEC_FILE_NO_INITRAMFS);
	assert_null(kernel.call[call].initrd.data);
	assert_null(kernel.call[call].cmdline);
}

static void test_verified_bytes_are_loaded_once(void **state _unused_)
{
	_tree_ struct tree t;
	struct stat image, good;

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	expect_loaded(&t, "/a.efi");
	assert_int_equal(kernel.n, 1);
	expect_call_with(&t, 0, "/a.efi");
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_non_null(strstr(armed, "image="));
	assert_non_null(strstr(armed, "/a.efi\nsigner="));
	assert_non_null(strstr(armed, "signer"));
	assert_non_null(strstr(armed, "kernel=" FIXTURE_VERSION "\n"));
	assert_null(strstr(armed, "problem="));
	assert_int_equal(stat(tree_path(&t, "/a.efi"), &image), 0);
	assert_int_equal(stat(tree_path(&t, LAST_GOOD), &good), 0);
	assert_int_equal(image.st_ino, good.st_ino); /* a hard link */
	assert_int_equal(tree_count(&t, "/var/lib/ukdump"), 1);
}

/* The record has one line per fact, and a name may contain anything but NUL and '/'. */
static void test_name_that_would_add_to_the_record(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a\nsigner=nobody", "a", "signer");
	expect_loaded(&t, "/a\nsigner=nobody");
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_non_null(strstr(armed, "/a?signer=nobody\nsigner=CN"));
}

static void test_nothing_is_called_when_verification_fails(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	_buffer_ struct buffer plain = {0};

	machine_make(&t);
	trust_signer(&t);
	tree_write(&t, "/sys/kernel/kexec_crash_loaded", "1\n");
	tree_write(&t, ARMED_FILE, "image=old\n");
	image_make(&t, "/foreign.efi", "x", "foreign");
	expect_refused(load(&t, "/foreign.efi", &e), &e, "auth.trust", "foreign");
	image_make(&t, "/unsigned.efi", "x", NULL);
	assert_int_equal(load(&t, "/unsigned.efi", &e), -EBADMSG);
	assert_non_null(strstr(e.text, "unsigned"));
	image_make(&t, "/tampered.efi", "x", "signer");
	_buffer_ struct buffer b = {0};
	assert_int_equal(file_read(AT_FDCWD, tree_path(&t, "/tampered.efi"), MIB(1), &b, &e), 0);
	b.data[sealed_raw_of(&b, ".initrd") + 5] ^= 1;
	tree_write_bytes(&t, "/tampered.efi", buffer_bytes(&b));
	expect_refused(load(&t, "/tampered.efi", &e), &e, "auth.digest", "tampered");
	tree_write(&t, "/garbage.efi", "garbage");
	expect_refused(load(&t, "/garbage.efi", &e), &e, "pe.mz", "garbage");
	tree_write(&t, "/empty.efi", "");
	expect_refused(load(&t, "/empty.efi", &e), &e, "pe.size", "empty");
	expect_refused(load(&t, "/etc", &e), &e, "file.type", "directory");
	assert_int_equal(load(&t, "/missing.efi", &e), -ENOENT);
	fixture_uki_make(&plain);
	tree_write_bytes(&t, "/plain.efi", buffer_bytes(&plain));
	assert_int_equal(load(&t, "/plain.efi", &e), -EBADMSG);
	assert_int_equal(kernel.n, 0);
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_string_equal(armed, "image=old\n");
	assert_false(tree_has(&t, LAST_GOOD));
}

static void test_sparse_garbage_is_not_copied(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct timespec a, b;

	machine_make(&t);
	tree_write(&t, "/big.efi", "MZ");
	assert_int_equal(truncate(tree_path(&t, "/big.efi"), 0x7ffffe00), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	expect_refused(load(&t, "/big.efi", &e), &e, "pe.lfanew", "2 GiB of zeros");
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 2);
}

static void test_failed_load_brings_back_the_last_good(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, "/b.efi", "b", "signer");
	expect_loaded(&t, "/a.efi");
	kernel.drops = true;
	kernel.answers[1] = -ENOKEY;
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_int_equal(kernel.n, 3);
	expect_call_with(&t, 1, "/b.efi");
	expect_call_with(&t, 2, "/a.efi");
	assert_non_null(strstr(e.text, "the last good image is armed again"));
	assert_non_null(strstr(e.text, "errno 126"));
	assert_non_null(strstr(e.text, "/b.efi"));
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_non_null(strstr(armed, "path=" LAST_GOOD "\n"));
}

/* The longest that nothing was armed: the call, and that of the last good image behind it. */
static void expect_call_ms(const struct tree *t, unsigned long at_least)
{
	_free_ char *armed = tree_text(t, ARMED_FILE);
	const char *found = strstr(armed, "\ncall_ms=");

	assert_non_null(found);
	assert_true(strtoul(found + strlen("\ncall_ms="), NULL, 10) >= at_least);
}

static void test_call_is_timed(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, "/b.efi", "b", "signer");
	kernel.takes_ms = 20;
	expect_loaded(&t, "/a.efi");
	expect_call_ms(&t, 20);
	kernel.drops = true;
	kernel.answers[1] = -ENOKEY;
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	expect_call_ms(&t, 40);
	assert_non_null(strstr(e.text, "armed again, after "));
}

static void expect_panic_on_oops(const struct tree *t, const char *value)
{
	_free_ char *text = tree_text(t, "/proc/sys/kernel/panic_on_oops");

	assert_int_equal(text[0], value[0]);
}

/* What makes crashes reach us is set while something is armed, and only then. */
static void test_sysctl_follows_what_is_armed(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, "/b.efi", "b", "signer");
	expect_loaded(&t, "/a.efi");
	expect_panic_on_oops(&t, "1");
	kernel.drops = true;
	kernel.answers[1] = -ENOKEY;
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	expect_panic_on_oops(&t, "1"); /* the last good one is armed */
	assert_int_equal(unload_image(&t.root, &e), 0);
	expect_panic_on_oops(&t, "0");

	expect_loaded(&t, "/a.efi");
	kernel.answers[kernel.n] = -ENOKEY;
	kernel.answers[kernel.n + 1] = -ENOKEY;
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_int_equal(strncmp(e.text, "NOT ARMED", 9), 0);
	expect_panic_on_oops(&t, "0");
}

static void expect_problem(const struct tree *t, const char *problem)
{
	_free_ char *record = tree_text(t, ARMED_FILE);
	const char *found = strstr(record, "\nproblem=");

	if (!problem)
		assert_null(found);
	else if (!found || !strstr(found, problem))
		fail_msg("not '%s': %s", problem, record);
}

/* What is wrong with [Arm] is told, and leaves no machine unarmed. */
static void test_settings_that_cannot_be_carried_out(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Dump]\nTraget=x\n");
	expect_loaded(&t, "/a.efi");
	expect_problem(&t, "defaults of [Arm]: ");
	expect_problem(&t, "ukdump.conf:2");
	expect_panic_on_oops(&t, "1");
	tree_write(&t, "/etc/ukdump/ukdump.conf",
		   "[Arm]\nSysctl=kernel.nowhere=1 kernel.panic_on_oops=1\n");
	expect_loaded(&t, "/a.efi");
	expect_problem(&t, "/proc/sys/kernel/nowhere");
	expect_panic_on_oops(&t, "1");
	tree_write(&t, "/etc/ukdump/ukdump.conf", "");
	expect_loaded(&t, "/a.efi");
	expect_problem(&t, NULL);
}

static void test_failed_load_that_dropped_nothing_changes_nothing(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, "/b.efi", "b", "signer");
	expect_loaded(&t, "/a.efi");
	_free_ char *before = tree_text(&t, ARMED_FILE);
	kernel.answers[1] = -EPERM;
	assert_int_equal(load(&t, "/b.efi", &e), -EPERM);
	assert_int_equal(kernel.n, 2);
	_free_ char *after = tree_text(&t, ARMED_FILE);
	assert_string_equal(before, after);
	assert_null(strstr(e.text, "last good"));
}

static void test_failed_load_without_a_last_good_says_not_armed(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	tree_write(&t, ARMED_FILE, "image=old\n");
	kernel.drops = true;
	kernel.answers[0] = -ENOEXEC;
	assert_int_equal(load(&t, "/a.efi", &e), -ENOEXEC);
	assert_int_equal(strncmp(e.text, "NOT ARMED", 9), 0);
	assert_false(tree_has(&t, ARMED_FILE));
}

static void test_failing_last_good_says_not_armed(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, "/b.efi", "b", "signer");
	expect_loaded(&t, "/a.efi");
	kernel.drops = true;
	kernel.answers[1] = -ENOKEY;
	kernel.answers[2] = -EKEYREJECTED;
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_non_null(strstr(e.text, "NOT ARMED"));
	assert_non_null(strstr(e.text, "errno 126"));
	assert_non_null(strstr(e.text, "errno 129"));
	assert_false(tree_has(&t, ARMED_FILE));
}

static void test_last_good_is_verified_again(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	image_make(&t, LAST_GOOD, "evil", "foreign");
	kernel.drops = true;
	kernel.answers[0] = -ENOKEY;
	assert_int_equal(load(&t, "/a.efi", &e), -ENOKEY);
	assert_int_equal(kernel.n, 1); /* what somebody put there is not loaded */
	assert_non_null(strstr(e.text, "NOT ARMED"));
}

static void test_last_good_may_be_loaded_itself(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	expect_loaded(&t, "/a.efi");
	expect_loaded(&t, LAST_GOOD);
	assert_int_equal(kernel.n, 2);
	expect_call_with(&t, 1, "/a.efi");
	assert_int_equal(tree_count(&t, "/var/lib/ukdump"), 1);
}

static void machine_with_image(struct tree *t)
{
	machine_make(t);
	trust_signer(t);
	image_make(t, "/a.efi", "a", "signer");
}

static void test_busy_and_no_hole_are_tried_again(void **state _unused_)
{
	static const int errors[] = {-EBUSY, -EADDRNOTAVAIL};

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};

		machine_with_image(&t);
		/* where keys are placed at random, the next try may find a hole */
		tree_write(&t, "/sys/kernel/config/crash_dm_crypt_keys/count", "0\n");
		kernel.answers[0] = kernel.answers[1] = errors[i];
		expect_loaded(&t, "/a.efi");
		assert_int_equal(kernel.n, 3);
		assert_true(kernel.slept_ms >= 200 && kernel.slept_ms < 5000);
		kernel_is(&t);
		for (unsigned int a = 0; a < MAX_CALLS; a++)
			kernel.answers[a] = errors[i];
		assert_int_equal(load(&t, "/a.efi", &e), errors[i]);
		assert_int_equal(kernel.n, 5); /* and not for ever */
	}
}

static void test_no_hole_is_final_where_no_keys_are_placed(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_with_image(&t);
	kernel.answers[0] = -EADDRNOTAVAIL;
	assert_int_equal(load(&t, "/a.efi", &e), -EADDRNOTAVAIL);
	assert_int_equal(kernel.n, 1);
}

/* Failed calls count against kexec_load_limit_panic, too: one is kept for the last good image. */
static void test_tries_leave_one_load_for_the_last_good(void **state _unused_)
{
	static const struct {
		const char *limit;
		unsigned int calls;
	} cases[] = {{"1\n", 1}, {"2\n", 1}, {"3\n", 2}, {"4\n", 3}, {"-1\n", 5}, {"100\n", 5}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};

		machine_with_image(&t);
		tree_write(&t, "/sys/kernel/kexec_crash_loaded", "1\n"); /* EBUSY drops nothing */
		tree_write(&t, "/proc/sys/kernel/kexec_load_limit_panic", cases[i].limit);
		for (unsigned int a = 0; a < MAX_CALLS; a++)
			kernel.answers[a] = -EBUSY;
		assert_int_equal(load(&t, "/a.efi", &e), -EBUSY);
		if (kernel.n != cases[i].calls)
			fail_msg("limit %s: %u calls", cases[i].limit, kernel.n);
	}
}

static void test_other_errors_are_not_tried_again(void **state _unused_)
{
	/* EADDRNOTAVAIL without dm-crypt keys is what it will be the next time, too */
	static const int errors[] = {-EPERM,   -ENOKEY,	 -EKEYREJECTED, -EADDRNOTAVAIL,
				     -ENODATA, -ENOEXEC, -524};

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};

		machine_make(&t);
		trust_signer(&t);
		image_make(&t, "/a.efi", "a", "signer");
		kernel.answers[0] = errors[i];
		assert_int_equal(load(&t, "/a.efi", &e), errors[i]);
		assert_int_equal(kernel.n, 1);
	}
}

static void test_lock_is_waited_for_a_limited_time(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	_close_ int other = -1;

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	tree_write(&t, "/run/ukdump/lock", "");
	other = open(tree_path(&t, "/run/ukdump/lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX), 0);
	assert_int_equal(load(&t, "/a.efi", &e), -EBUSY);
	assert_non_null(
		strstr(e.text, "/run/ukdump/lock: still held after 240 s by another process"));
	assert_int_equal(kernel.n, 0);
	assert_int_equal(kernel.slept_ms, 240000);
	assert_int_equal(unload_image(&t.root, &e), -EBUSY);
	assert_int_equal(flock(other, LOCK_UN), 0);
	expect_loaded(&t, "/a.efi");
	expect_loaded(&t, "/a.efi"); /* the lock was released */
}

static void test_unload(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	assert_int_equal(unload_image(&t.root, &e), 0); /* nothing armed: no error, no call */
	assert_int_equal(kernel.n, 0);
	image_make(&t, "/a.efi", "a", "signer");
	expect_loaded(&t, "/a.efi");
	assert_int_equal(unload_image(&t.root, &e), 0);
	assert_int_equal(kernel.call[1].flags, UKD_KEXEC_FILE_UNLOAD | UKD_KEXEC_FILE_ON_CRASH);
	assert_false(tree_has(&t, ARMED_FILE));
	expect_loaded(&t, "/a.efi");
	kernel.answers[3] = -EPERM;
	assert_int_equal(unload_image(&t.root, &e), -EPERM);
	assert_true(tree_has(&t, ARMED_FILE));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verified_bytes_are_loaded_once),
		cmocka_unit_test(test_name_that_would_add_to_the_record),
		cmocka_unit_test(test_nothing_is_called_when_verification_fails),
		cmocka_unit_test(test_sparse_garbage_is_not_copied),
		cmocka_unit_test(test_failed_load_brings_back_the_last_good),
		cmocka_unit_test(test_failed_load_that_dropped_nothing_changes_nothing),
		cmocka_unit_test(test_call_is_timed),
		cmocka_unit_test(test_sysctl_follows_what_is_armed),
		cmocka_unit_test(test_settings_that_cannot_be_carried_out),
		cmocka_unit_test(test_failed_load_without_a_last_good_says_not_armed),
		cmocka_unit_test(test_failing_last_good_says_not_armed),
		cmocka_unit_test(test_last_good_is_verified_again),
		cmocka_unit_test(test_last_good_may_be_loaded_itself),
		cmocka_unit_test(test_busy_and_no_hole_are_tried_again),
		cmocka_unit_test(test_no_hole_is_final_where_no_keys_are_placed),
		cmocka_unit_test(test_tries_leave_one_load_for_the_last_good),
		cmocka_unit_test(test_other_errors_are_not_tried_again),
		cmocka_unit_test(test_lock_is_waited_for_a_limited_time),
		cmocka_unit_test(test_unload),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}

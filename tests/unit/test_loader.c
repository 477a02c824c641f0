// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/loader and crashkernel/size.h on fixture trees; the system call is replaced by one that
 * keeps what it is given and answers as the test wants.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
#include "loader/explain.h"
#include "loader/host.h"
#include "loader/load.h"
#include "util/cleanup.h"
#include "util/sys.h"

/* ---- images ---- */

/* A sealed image with this command line, signed by signer, foreign or nobody (NULL). */
static void image_make(const struct tree *t, const char *path, const char *line, const char *by)
{
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	struct image_parts parts;
	struct ukd_error e = {0};

	fixture_kernel_make(&k);
	parts = fixture_parts(&k);
	parts.cmdline = (struct bytes){(const uint8_t *)line, strlen(line)};
	assert_int_equal(image_assemble(&parts, &image, &e), 0);
	if (by) {
		signature_make(&image, by, &der);
		assert_int_equal(image_attach(&image, buffer_bytes(&der), &e), 0);
	}
	tree_write_bytes(t, path, buffer_bytes(&image));
}

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

/* ---- loading ---- */

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

/* ---- what the host refuses ---- */

static void expect_host_refuses(const struct tree *t, const char *check, const char *says)
{
	struct ukd_error e = {0};

	trust_signer(t);
	image_make(t, "/a.efi", "a", "signer");
	expect_refused(load(t, "/a.efi", &e), &e, check, says);
	if (!strstr(e.text, says))
		fail_msg("'%s' does not say '%s'", e.text, says);
	assert_int_equal(kernel.n, 0);
}

static void test_no_reserved_memory(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/sys/kernel/kexec_crash_size", "0\n");
	expect_host_refuses(&t, "host.memory", "crashkernel=");
}

static void test_too_little_memory_in_one_piece(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	/* 3 MiB for the image, 2 for its alignment behind the core header, 128 KiB at the end */
	tree_write(&t, "/proc/iomem", "  01000000-0151efff : Crash kernel\n");
	expect_host_refuses(&t, "host.memory", "needs at least 5.1 MiB; raise crashkernel=");
	tree_write(&t, "/proc/iomem", "  01000000-0151ffff : Crash kernel\n");
	expect_loaded(&t, "/a.efi"); /* little for comfort: only a warning */
}

static void test_low_memory_of_crashkernel_high_does_not_count(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/proc/iomem",
		   "  20000000-2fffffff : Crash kernel\n  140000000-1403fffff : Crash kernel\n");
	expect_host_refuses(&t, "host.memory", "4.0 MiB of crash memory are reserved in one piece");
}

static void test_kernel_without_kexec_file_load(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/boot/config-6.12.0-test",
		   "# CONFIG_KEXEC_FILE is not set\nCONFIG_KEXEC=y\nCONFIG_CRASH_DUMP=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
	tree_write(&t, "/boot/config-6.12.0-test", "CONFIG_KEXEC_FILE=y"); /* no line feed */
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
	tree_write(&t, "/boot/config-6.12.0-test", "CONFIG_KEXEC_FILE=y\n");
	expect_loaded(&t, "/a.efi");
	kernel_is(&t);
	assert_int_equal(unlink(tree_path(&t, "/boot/config-6.12.0-test")), 0);
	tree_write(&t, "/usr/lib/modules/6.12.0-test/config", "CONFIG_X=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
}

static void test_kernel_that_insists_and_cannot_verify(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/boot/config-6.12.0-test",
		   "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG_FORCE=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_BZIMAGE_VERIFY_SIG;");
}

static void test_image_for_a_normal_kexec_is_not_armed(void **state _unused_)
{
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	struct image_parts parts;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	fixture_kernel_make(&k);
	parts = fixture_parts(&k);
	parts.flags = SEALED_FOR_NORMAL_KEXEC;
	assert_int_equal(image_assemble(&parts, &image, &e), 0);
	signature_make(&image, "signer", &der);
	assert_int_equal(image_attach(&image, buffer_bytes(&der), &e), 0);
	tree_write_bytes(&t, "/normal.efi", buffer_bytes(&image));
	expect_refused(load(&t, "/normal.efi", &e), &e, "sealed.normal", "--normal-kexec");
	assert_int_equal(kernel.n, 0);
}

static void test_kernel_without_crash_support(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	assert_int_equal(unlink(tree_path(&t, "/sys/kernel/kexec_crash_size")), 0);
	assert_int_equal(load(&t, "/a.efi", &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.text, "CONFIG_KEXEC_FILE"));
}

static void test_locked_host(void **state _unused_)
{
	static const struct {
		const char *file, *value;
		bool locked;
	} cases[] = {
		{"/proc/sys/kernel/kexec_load_disabled", "1\n", true},
		{"/proc/sys/kernel/kexec_load_disabled", "0\n", false},
		{"/proc/sys/kernel/kexec_load_limit_panic", "0\n", true},
		{"/proc/sys/kernel/kexec_load_limit_panic", "1\n", false},
		{"/proc/sys/kernel/kexec_load_limit_panic", "-1\n", false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;

		machine_make(&t);
		tree_write(&t, cases[i].file, cases[i].value);
		if (cases[i].locked) {
			expect_host_refuses(&t, "host.locked", "until the next boot");
			continue;
		}
		trust_signer(&t);
		image_make(&t, "/a.efi", "a", "signer");
		expect_loaded(&t, "/a.efi");
	}
}

static void test_five_level_paging(void **state _unused_)
{
	_buffer_ struct buffer b = {0};
	_tree_ struct tree t;
	struct host h;
	struct ukd_error e = {0};

	machine_make(&t);
	tree_write(&t, "/proc/cpuinfo", "flags\t\t: fpu vme la57 rdpid\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_true(h.five_level);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	expect_loaded(&t, "/a.efi"); /* the fixture's kernel has XLF_5LEVEL */
	tree_write(&t, "/proc/cmdline", "no5lvl\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_false(h.five_level);
}

/* 72a4...: subject key id of the armed signer in /proc/keys as a kernel prints it. */
static void write_keys(const struct tree *t, const char *description)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "00f1dd6b I--Q---     1 perm 3f030000     0     0 keyring   _ses: 1\n"
		       "120ee50e I------     1 perm 1f010000     0     0 asymmetri %s: X509.rsa "
		       "cc4e1bd7 []\n",
		       description);
	tree_write(t, "/proc/keys", text);
}

static void test_keyring_is_asked_where_the_kernel_enforces(void **state _unused_)
{
	_tree_ struct tree t;
	struct host h;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	write_keys(&t, "another: 72a4a217db7f0f92a1ea05bdc6c24ddbcc4e1bd7");
	expect_loaded(&t, "/a.efi"); /* nothing is enforced: a warning */
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_true(h.enforced);
	expect_refused(load(&t, "/a.efi", &e), &e, "host.keyring", "no such key");
	assert_non_null(strstr(e.text, "mokutil --import"));
	assert_int_equal(kernel.n, 1);
}

static void test_keyring_that_has_the_key(void **state _unused_)
{
	_tree_ struct tree t;
	_auth_trust_ struct auth_trust *trust = auth_trust_new();
	_uki_ struct uki u = {0};
	struct auth_result a, inner;
	struct ukd_error e = {0};
	char hex[2 * AUTH_KEY_ID_MAX + 1] = "", description[256];

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	assert_true(auth_trust_add_file(trust, &t.root, "/etc/ukdump/trust.d/signer.crt", &e) > 0);
	_close_ int fd = open(tree_path(&t, "/a.efi"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(auth_verify(fd, "x", (uint64_t)lseek(fd, 0, SEEK_END),
				     &(struct auth_policy){.trust = trust}, &u, &a, &inner, &e),
			 0);
	for (unsigned int i = 0; i < a.chain[0].skid_len; i++)
		(void)sprintf(hex + 2 * i, "%02x", a.chain[0].skid[i]);
	(void)snprintf(description, sizeof(description), "Test: Inc: signer: %s", hex);
	write_keys(&t, description);
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect_loaded(&t, "/a.efi");
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_non_null(strstr(armed, "\nkeyring=\nkey=Test: Inc: signer\n"));
	/* revoked: no advice to enroll it */
	for (unsigned int i = 0; i < a.embedded[0].tbs_len; i++)
		(void)sprintf(hex + 2 * i, "%02x", a.embedded[0].tbs[i]);
	(void)snprintf(description, sizeof(description),
		       "1 I------ 1 perm 1f010000 0 0 blacklist tbs:%s\n", hex);
	tree_write(&t, "/proc/keys", description);
	expect_refused(load(&t, "/a.efi", &e), &e, "host.blacklist", "revoked");
	assert_non_null(strstr(e.text, "sign with a key that is not revoked"));
	assert_null(strstr(e.text, "mokutil"));
}

static void test_algorithm_that_the_kernel_lacks(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust(&t, "foreign");
	image_make(&t, "/a.efi", "a", "foreign"); /* P-256 */
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect_refused(load(&t, "/a.efi", &e), &e, "host.algorithm", "no CONFIG_CRYPTO_ECDSA");
	assert_non_null(strstr(e.text, "sign with RSA and SHA-256"));
	assert_null(strstr(e.text, "mokutil"));
	assert_int_equal(kernel.n, 0);
}

/* ---- facts ---- */

static void test_facts_by_old_and_new_names(void **state _unused_)
{
	for (unsigned int i = 0; i < 2; i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		tree_make(&t);
		tree_write(&t, i ? "/sys/kernel/kexec/crash_size" : "/sys/kernel/kexec_crash_size",
			   "117440512\n");
		tree_write(&t,
			   i ? "/sys/kernel/kexec/crash_loaded" : "/sys/kernel/kexec_crash_loaded",
			   "1\n");
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_int_equal(h.memory.total, MIB(112));
		assert_int_equal(h.memory.usable, 0); /* no iomem: unknown */
		assert_true(h.loaded);
		assert_false(h.secure_boot || h.enforced || h.five_level || h.load_disabled);
		assert_false(h.config_known);
		assert_string_equal(h.missing, "");
		assert_string_equal(h.lockdown, "unknown");
	}
}

static void test_new_names_win(void **state _unused_)
{
	struct crash_memory m;
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_make(&t);
	tree_write(&t, "/sys/kernel/kexec/crash_size", "2\n");
	tree_write(&t, "/sys/kernel/kexec_crash_size", "1\n");
	assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
	assert_int_equal(m.total, 2);
}

static void test_crash_memory_ranges(void **state _unused_)
{
	static const struct {
		const char *iomem;
		uint64_t usable;
	} cases[] = {
		{"  25000000-34ffffff : Crash kernel\n", 0x10000000},
		{"  01000000-01ffffff : Crash kernel\n  140000000-147ffffff : Crash kernel\n",
		 0x8000000},
		/* crashkernel=64M,high with 256M,low: nothing is loaded into the low one */
		{"  20000000-2fffffff : Crash kernel\n  140000000-143ffffff : Crash kernel\n",
		 0x4000000},
		{"  00000000-00000000 : Crash kernel\n", 0}, /* as read without root */
		{"00100000-3fffffff : System RAM\n", 0},
		{"  x : Crash kernel\n", 0},
		{"  2000-1000 : Crash kernel\n", 0},
		{"", 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crash_memory m;
		_tree_ struct tree t;
		struct ukd_error e = {0};

		tree_make(&t);
		tree_write(&t, "/sys/kernel/kexec_crash_size", "1\n");
		tree_write(&t, "/proc/iomem", cases[i].iomem);
		assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
		assert_true(m.usable == cases[i].usable);
	}
}

static void test_size_model(void **state _unused_)
{
	struct image_need n = image_need(0x2fff001, 0x200000, 3300000, 0);

	assert_int_equal(n.minimum, 0x3000000 + 0x200000 + KIB(128));
	/* measured: 96M works with a 3.3 MB initrd, 80M does not; 144M with 12 MB, 128M not */
	assert_true(n.comfort > MIB(80) && n.comfort <= MIB(112));
	n = image_need(0x2fff001, 0x200000, 12000000, 0);
	assert_true(n.comfort > MIB(128) && n.comfort <= MIB(160));
	assert_int_equal(n.comfort % MIB(1), 0);
	/* a large kernel: never less than what the kernel itself insists on */
	n = image_need(0x7fffffff, 0x40000000, 1, 0);
	assert_true(n.minimum >= 0x80000000 + 0x40000000u && n.comfort >= n.minimum);
	n = image_need(0x7fffffff, 0x40000000, UINT32_MAX, 0);
	assert_true(n.comfort > MIB(4096));
}

static void test_secure_boot_variable(void **state _unused_)
{
	static const struct {
		uint8_t bytes[6];
		uint64_t len;
		bool on;
	} cases[] = {{{6, 0, 0, 0, 1}, 5, true},
		     {{6, 0, 0, 0, 0}, 5, false},
		     {{6, 0, 0, 0, 2}, 5, false},
		     {{6, 0, 0, 0}, 4, false},
		     {{6, 0, 0, 0, 1, 1}, 6, false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		machine_make(&t);
		tree_write_bytes(&t,
				 "/sys/firmware/efi/efivars/"
				 "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
				 (struct bytes){cases[i].bytes, cases[i].len});
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_int_equal(h.secure_boot, cases[i].on);
		assert_int_equal(h.enforced, cases[i].on);
	}
}

static void test_lockdown(void **state _unused_)
{
	static const struct {
		const char *text, *mode;
		bool enforced;
	} cases[] = {{"[none] integrity confidentiality\n", "none", false},
		     {"none [integrity] confidentiality\n", "integrity", true},
		     {"none integrity [confidentiality]\n", "confidentiality", true},
		     {"", "unknown", false},
		     {"[", "", false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		machine_make(&t);
		tree_write(&t, "/sys/kernel/security/lockdown", cases[i].text);
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_string_equal(h.lockdown, cases[i].mode);
		assert_int_equal(h.enforced, cases[i].enforced);
	}
}

static void test_every_known_errno_is_explained(void **state _unused_)
{
	/* reference/uki-kexec.md, section 4.3 */
	static const int known[] = {EPERM,   EBUSY,	    EINVAL,   ENOEXEC, EFBIG,
				    ETXTBSY, EACCES,	    ENODATA,  ENOKEY,  EKEYREJECTED,
				    ELIBBAD, EBADMSG,	    EMSGSIZE, ENOPKG,  ENOENT,
				    ENOMEM,  EADDRNOTAVAIL, ENOSYS,   524};

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (strstr(explain_errno(known[i]), "unexpected"))
			fail_msg("errno %d is not explained", known[i]);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(explain_errno(known[i]), explain_errno(known[k]));
	}
	assert_non_null(strstr(explain_errno(9999), "unexpected"));
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
		cmocka_unit_test(test_no_reserved_memory),
		cmocka_unit_test(test_too_little_memory_in_one_piece),
		cmocka_unit_test(test_low_memory_of_crashkernel_high_does_not_count),
		cmocka_unit_test(test_kernel_without_kexec_file_load),
		cmocka_unit_test(test_kernel_that_insists_and_cannot_verify),
		cmocka_unit_test(test_image_for_a_normal_kexec_is_not_armed),
		cmocka_unit_test(test_kernel_without_crash_support),
		cmocka_unit_test(test_locked_host),
		cmocka_unit_test(test_five_level_paging),
		cmocka_unit_test(test_keyring_is_asked_where_the_kernel_enforces),
		cmocka_unit_test(test_keyring_that_has_the_key),
		cmocka_unit_test(test_algorithm_that_the_kernel_lacks),
		cmocka_unit_test(test_facts_by_old_and_new_names),
		cmocka_unit_test(test_new_names_win),
		cmocka_unit_test(test_crash_memory_ranges),
		cmocka_unit_test(test_size_model),
		cmocka_unit_test(test_secure_boot_variable),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_every_known_errno_is_explained),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}

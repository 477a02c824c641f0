// SPDX-License-Identifier: GPL-2.0-or-later
/* The capture program as init: modules, drivers, the console, and what protects against hangs. */
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
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "capture/guard.h"
#include "capture/hardware.h"
#include "capture/init.h"
#include "capture/watchdog.h"
#include "fixture_capture.h"
#include "util/cleanup.h"
#include "util/clock.h"

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
	/* Many that hang take no longer than all may take together; 15 s else. */
#define HANG_5 "/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n/lib/hang.ko\n"
	tree_write(&r->tree, "/etc/ukdump/modules.list", HANG_5 HANG_5 HANG_5);
	begin = clock_ms();
	assert_int_equal(modules_load(&r->tree.root, MODULES_LIST, fake_load, &little, &result, &e),
			 0);
	assert_in_range(clock_ms() - begin, 2000, 14000);
	assert_int_equal(result.failed, 15);
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
	assert_in_range(clock_ms() - begin, 1000, 20000);
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
	first = watchdog_start(clock_ms() + 60000, leave_mark, path, &e);
	assert_true(first > 0);
	watchdog_stop(first);
	assert_int_equal(access(path, F_OK), -1);
	second = watchdog_start(clock_ms() + 1000, leave_mark, path, &e);
	assert_true(second > 0);
	assert_int_equal(waitpid(second, NULL, 0), second);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

/* Is it asleep under its own name, which it takes just before? (proc(5): state behind the name) */
static bool sleeps(pid_t pid)
{
	_buffer_ struct buffer stat = {0};
	struct ukd_error e;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	assert_int_equal(file_read(AT_FDCWD, path, KIB(4), &stat, &e), 0);
	return strstr((char *)stat.data, "(ukdump-watchdog) S");
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
	for (unsigned int i = 0; i < 2000 && !sleeps(pid); i++)
		(void)usleep(10000); /* before, the signal would kill it */
	assert_true(sleeps(pid));
	watchdog_wake(pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_budget(void **state)
{
	uint64_t begin = clock_ms(), left, work;
	struct budget b;

	(void)state;
	budget_start(&b, 1000);
	left = budget_left_ms(&b);
	work = budget_work_ms(&b);
	assert_in_range(left, 1000000 - (clock_ms() - begin), 1000000);
	assert_in_range(work, 970000 - (clock_ms() - begin), 970000); /* 30 s are kept */
	assert_int_equal(budget_work_s(&b, 10), 10);
	assert_int_equal(budget_share_s(&b, 4, UINT64_MAX), 250);
	begin = clock_ms();
	budget_start(&b, 10);
	work = budget_work_ms(&b);
	assert_in_range(work, 8000 - (clock_ms() - begin), 8000); /* a fifth */
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

static int setup(void **state)
{
	*state = run_make();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, run_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
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

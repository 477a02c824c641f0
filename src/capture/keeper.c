// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps hardware watchdogs alive: see keeper.h. */
#include "capture/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define DEVICES	   5
#define TIMEOUT_S  30 /* a busy kernel must not be taken for a dead one */
#define STOP_MS	   3000
#define SIGNAL_END SIGUSR1

/* Mostly the first two are the same one, and the second is busy; ipmi_watchdog has the first only. */
static const char *const devices[DEVICES] = {
	"/dev/watchdog", "/dev/watchdog0", "/dev/watchdog1", "/dev/watchdog2", "/dev/watchdog3",
};

/* Opening it starts it. What the driver makes of the wanted time counts. */
static int open_device(const char *path, keeper_say_fn *say)
{
	struct watchdog_info info = {0};
	char line[128];
	int timeout = TIMEOUT_S, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, WDIOC_SETTIMEOUT, &timeout) < 0 && ioctl(fd, WDIOC_GETTIMEOUT, &timeout) < 0)
		timeout = 0;
	(void)ioctl(fd, WDIOC_GETSUPPORT, &info);
	(void)snprintf(line, sizeof(line), "hardware watchdog %s (%.32s): %d s", path,
		       (const char *)info.identity, timeout);
	say(LOG_LEVEL_INFO, line);
	return fd;
}

/* "V" before the end tells the driver that it is meant (magic close). */
static void close_device(int fd)
{
	(void)!write(fd, "V", 1);
	(void)close(fd);
}

static _noreturn_ void keep(uint64_t end_ms, keeper_say_fn *say, const sigset_t *end_signal)
{
	const struct timespec second = {.tv_sec = 1};
	int fds[DEVICES] = {-1, -1, -1, -1, -1};
	bool stop = false;

	while (!stop) {
		for (unsigned int i = 0; i < DEVICES && clock_ms() < end_ms; i++) {
			if (fds[i] < 0)
				fds[i] = open_device(devices[i], say);
			else
				(void)ioctl(fds[i], WDIOC_KEEPALIVE, 0);
		}
		stop = sigtimedwait(end_signal, NULL, &second) == SIGNAL_END;
	}
	for (unsigned int i = 0; i < DEVICES; i++)
		if (fds[i] >= 0)
			close_device(fds[i]);
	_exit(0);
}

pid_t keeper_start(uint64_t end_ms, keeper_say_fn *say, struct ukd_error *e)
{
	sigset_t all, before, end_signal;
	pid_t pid;

	(void)fflush(NULL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		guard_detach("ukdump-keeper");
		(void)sigemptyset(&end_signal);
		(void)sigaddset(&end_signal, SIGNAL_END);
		keep(end_ms, say, &end_signal);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? ukd_fail_errno(e, -errno, "cannot keep the hardware watchdog") : pid;
}

/* A child of ours, or, in the full environment, one of pid 1's, which reaps it. */
static void end_process(pid_t pid)
{
	uint64_t end = clock_ms() + STOP_MS;

	if (kill(pid, SIGNAL_END) < 0)
		return;
	while (clock_ms() < end) {
		if (waitpid(pid, NULL, WNOHANG) == pid || kill(pid, 0) < 0)
			return;
		(void)usleep(10000);
	}
}

int keeper_stop(pid_t pid, const struct root *root, struct ukd_error *e)
{
	if (pid > 0)
		end_process(pid);
	for (unsigned int i = 0; i < DEVICES; i++) {
		_buffer_ struct buffer b = {0};
		struct ukd_error ignored;
		char path[64];

		(void)snprintf(path, sizeof(path), "/sys/class/watchdog/%s/state",
			       strrchr(devices[i], '/') + 1);
		if (root_read(root, path, 64, &b, &ignored) == 0 &&
		    !strncmp((char *)b.data, "active", 6))
			return ukd_fail(
				e, -EBUSY,
				"the hardware watchdog cannot be stopped: it will reset the "
				"machine soon");
	}
	return 0;
}

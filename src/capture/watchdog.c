// SPDX-License-Identifier: GPL-2.0-or-later
/* The watchdog: see watchdog.h. */
#include "capture/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/guard.h"
#include "util/clock.h"
#include "util/file.h"

#define DEADLINE_FILE  "/run/ukdump/deadline"
#define WATCHDOGS_FILE "/run/ukdump/watchdogs"
#define WAKE	       SIGALRM

/* Until then, or until it is woken. */
static void sleep_until(uint64_t end_ms)
{
	sigset_t wake;

	(void)sigemptyset(&wake);
	(void)sigaddset(&wake, WAKE);
	(void)sigprocmask(SIG_BLOCK, &wake, NULL);
	for (uint64_t now = clock_ms(); now < end_ms; now = clock_ms()) {
		const struct timespec left = {
			.tv_sec = (time_t)((end_ms - now) / 1000),
			.tv_nsec = (long)((end_ms - now) % 1000) * 1000000,
		};

		if (sigtimedwait(&wake, NULL, &left) == WAKE)
			return;
	}
}

static _noreturn_ void child(uint64_t end_ms, void (*act)(void *ctx), void *ctx)
{
	guard_detach("ukdump-watchdog");
	sleep_until(end_ms);
	act(ctx);
	_exit(0);
}

pid_t watchdog_start(uint64_t end_ms, void (*act)(void *ctx), void *ctx, struct ukd_error *e)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ukd_fail_errno(e, -errno, "cannot start the watchdog");
	if (pid == 0)
		child(end_ms, act, ctx);
	return pid;
}

void watchdog_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

void watchdog_wake(pid_t pid)
{
	(void)kill(pid, WAKE);
}

static int write_line(const struct root *root, const char *path, const char *text,
		      struct ukd_error *e)
{
	return file_replace(root->fd, path, 0600,
			    (struct bytes){(const uint8_t *)text, strlen(text)}, e);
}

int handover_write(const struct root *root, uint64_t end_ms, const struct watchdogs *w,
		   struct ukd_error *e)
{
	char deadline[32], pids[64];
	int r = make_directories(root->fd, "run/ukdump", 0700, e);

	(void)snprintf(deadline, sizeof(deadline), "%llu\n", (unsigned long long)end_ms);
	(void)snprintf(pids, sizeof(pids), "%d %d %d\n", w->first, w->second, w->keeper);
	if (r >= 0)
		r = write_line(root, &WATCHDOGS_FILE[1], pids, e);
	/* Last: whoever finds it finds the other one, too. */
	if (r >= 0)
		r = write_line(root, &DEADLINE_FILE[1], deadline, e);
	return r;
}

int handover_read(const struct root *root, uint64_t *ret_end_ms, struct watchdogs *ret_w,
		  struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	struct watchdogs w;
	uint64_t end_ms;
	int r = root_read_u64(root, DEADLINE_FILE, &end_ms, e);

	if (r >= 0)
		r = root_read(root, WATCHDOGS_FILE, 64, &b, e);
	if (r < 0)
		return r;
	if (sscanf((char *)b.data, "%9d %9d %9d", &w.first, &w.second, &w.keeper) != 3)
		return ukd_fail(e, -EINVAL, WATCHDOGS_FILE ": not three numbers");
	*ret_end_ms = end_ms;
	*ret_w = w;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The watchdog: see watchdog.h. */
#include "capture/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/budget.h"
#include "util/process.h"

static void sleep_until(uint64_t end_ms)
{
	const struct timespec end = {
		.tv_sec = (time_t)(end_ms / 1000),
		.tv_nsec = (long)(end_ms % 1000) * 1000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

static _noreturn_ void child(uint64_t end_ms, void (*act)(void *ctx), void *ctx)
{
	process_set_oom_score(OOM_SCORE_NEVER);
	(void)prctl(PR_SET_NAME, "ukdump-watchdog");
	(void)setsid();
	sleep_until(end_ms);
	act(ctx);
	_exit(0);
}

pid_t watchdog_start(unsigned int seconds, void (*act)(void *ctx), void *ctx, struct ukd_error *e)
{
	uint64_t end_ms = clock_ms() + (uint64_t)seconds * 1000;
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

// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls with a time limit: see guard.h. */
#include "capture/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/budget.h"
#include "util/cleanup.h"
#include "util/process.h"

/* True when the child ended within ms. */
static bool ends_within(int pidfd, uint64_t ms)
{
	uint64_t end = clock_ms() + ms;

	for (;;) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		uint64_t now = clock_ms();

		if (poll(&p, 1, now < end ? (int)(end - now) : 0) > 0)
			return true;
		if (now >= end)
			return false;
	}
}

static int child_result(pid_t pid, const char *what, struct ukd_error *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ukd_fail_errno(e, -errno, "%s: waitpid", what);
	if (WIFSIGNALED(status))
		return ukd_fail(e, -ECHILD, "%s: ended by signal %d", what, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return ukd_fail_errno(e, -WEXITSTATUS(status), "%s", what);
	return 0;
}

int guard_call(int (*fn)(void *ctx), void *ctx, unsigned int timeout_s, const char *what,
	       struct ukd_error *e)
{
	_close_ int pidfd = -1;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ukd_fail_errno(e, -errno, "%s: fork", what);
	if (pid == 0)
		_exit(-fn(ctx) & 0xff);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		(void)ukd_fail_errno(e, -errno, "%s: pidfd_open", what);
		(void)kill(pid, SIGKILL);
		return e->code;
	}
	if (ends_within(pidfd, (uint64_t)timeout_s * 1000))
		return child_result(pid, what, e);
	(void)kill(pid, SIGKILL);
	if (ends_within(pidfd, 1000))
		(void)waitpid(pid, NULL, 0);
	return ukd_fail(e, -ETIMEDOUT, "%s: not done after %u s", what, timeout_s);
}

void guard_detach(const char *name)
{
	process_set_oom_score(OOM_SCORE_NEVER);
	program_invocation_name[0] = '@';
	(void)prctl(PR_SET_NAME, name);
	(void)setsid();
}

void *guard_share(unsigned long size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void guard_unshare(void *p, unsigned long size)
{
	if (p)
		(void)munmap(p, size);
}

static int do_fsync(void *ctx)
{
	return fsync(*(int *)ctx) < 0 ? -errno : 0;
}

int guard_fsync(int fd, unsigned int timeout_s, const char *what, struct ukd_error *e)
{
	return guard_call(do_fsync, &fd, timeout_s, what, e);
}

static int do_sync(void *ctx)
{
	(void)ctx;
	sync();
	return 0;
}

int guard_sync(unsigned int timeout_s, struct ukd_error *e)
{
	return guard_call(do_sync, NULL, timeout_s, "sync", e);
}

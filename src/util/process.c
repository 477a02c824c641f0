// SPDX-License-Identifier: GPL-2.0-or-later
/* Child processes with time limits: see process.h. */
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define KILLED_WAIT_MS 5000

void process_set_oom_score(int adj)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)dprintf(fd, "%d", adj);
		(void)close(fd);
	}
}

/* Child side: never returns. Reports its errno through status_fd if exec does not happen. */
static _noreturn_ void child_exec(const struct process *p, int out_fd, int status_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int in = p->stdin_fd >= 0 ? p->stdin_fd : null;
	sigset_t none;
	int err;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	if (p->oom_score_adj)
		process_set_oom_score(p->oom_score_adj);
	if (!p->keep_running)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) < 0 || (out_fd >= 0 && dup2(out_fd, STDOUT_FILENO) < 0) ||
	    (p->stderr_fd >= 0 && dup2(p->stderr_fd, STDERR_FILENO) < 0))
		goto out;
	if (p->chroot_dir && (chroot(p->chroot_dir) < 0 || chdir("/") < 0))
		goto out;
	if (p->env)
		environ = (char **)p->env;
	(void)execvp(p->argv[0], (char *const *)p->argv);
out:
	err = errno;
	(void)!write(status_fd, &err, sizeof(err));
	_exit(127);
}

/* Starts the child; on success its pid, and in *ret_out the reading end of its stdout or -1. */
static int start(const struct process *p, pid_t *ret_pid, int *ret_out, struct ukd_error *e)
{
	_close_ int status_r = -1, status_w = -1, out_r = -1, out_w = -1;
	int fds[2], err;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ukd_fail_errno(e, -errno, "pipe");
	status_r = fds[0];
	status_w = fds[1];
	if (p->output) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return ukd_fail_errno(e, -errno, "pipe");
		out_r = fds[0];
		out_w = fds[1];
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot start", p->argv[0]);
	if (pid == 0)
		child_exec(p, p->output ? out_w : p->stdout_fd, status_w);
	(void)close(take_fd(&status_w));
	if (fd_read_full(status_r, &err, sizeof(err)) == 0) {
		(void)waitpid(pid, NULL, 0);
		return ukd_fail_errno(e, -err, "%s: cannot start", p->argv[0]);
	}
	*ret_pid = pid;
	*ret_out = take_fd(&out_r);
	return 0;
}

/* Takes what the child wrote so far; closes *fd at its end. Too much output is cut. */
static void collect(const struct process *p, int *fd)
{
	char chunk[4096];
	ssize_t n = read(*fd, chunk, sizeof(chunk));
	struct buffer *b = p->output;
	size_t room, take;
	uint8_t *data;

	if (n <= 0) {
		if (n < 0 && errno == EINTR)
			return;
		(void)close(take_fd(fd));
		return;
	}
	room = p->output_max - b->len;
	take = (size_t)n < room ? (size_t)n : room;
	data = realloc(b->data, b->len + take + 1);
	if (!data)
		return;
	memcpy(data + b->len, chunk, take);
	data[b->len + take] = 0;
	*b = (struct buffer){data, b->len + take};
}

/* Waits for the child's end, its output, a tick or the limit. Returns 0, or why it must be killed. */
static int supervise(const struct process *p, int pidfd, int *out, struct ukd_error *e)
{
	uint64_t begin = clock_ms(), next_tick = 1000;

	for (;;) {
		struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN},
					{.fd = *out, .events = POLLIN}};
		uint64_t passed = clock_ms() - begin;

		if (passed >= (uint64_t)p->timeout_s * 1000)
			return ukd_fail(e, -ETIMEDOUT, "%s: not done after %u s, killed",
					p->argv[0], p->timeout_s);
		if (passed >= next_tick) {
			next_tick += 1000;
			if (p->tick && p->tick(p->tick_ctx, (unsigned int)(passed / 1000)))
				return ukd_fail(e, -ECANCELED, "%s: stopped after %u s", p->argv[0],
						(unsigned int)(passed / 1000));
		}
		if (poll(fds, 2, 200) < 0 && errno != EINTR)
			return ukd_fail_errno(e, -errno, "poll");
		if (*out >= 0 && fds[1].revents)
			collect(p, out);
		else if (fds[0].revents)
			return 0;
	}
}

/* A killed process that sleeps in the kernel (a dead disk) may stay for ever: not waited for. */
static bool ends_soon(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd < 0 || poll(&p, 1, KILLED_WAIT_MS) != 0;
}

int process_run(const struct process *p, struct ukd_error *e)
{
	_close_ int out = -1, pidfd = -1;
	int status, r;
	pid_t pid = -1;

	r = start(p, &pid, &out, e);
	if (r < 0)
		return r;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = pidfd < 0 ? ukd_fail_errno(e, -errno, "pidfd_open") : supervise(p, pidfd, &out, e);
	if (r < 0 && p->keep_running)
		return r;
	if (r < 0) {
		(void)kill(-pid, SIGKILL);
		if (!ends_soon(pidfd))
			return ukd_fail(e, r, "%.400s; it cannot be killed", e->text);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ukd_fail_errno(e, -errno, "waitpid");
	if (r < 0)
		return r;
	/* What we killed ourselves was told above. */
	if (WIFSIGNALED(status))
		return ukd_fail(e, -ECHILD, "%s: ended by signal %d (%s)%s", p->argv[0],
				WTERMSIG(status), strsignal(WTERMSIG(status)),
				WTERMSIG(status) == SIGKILL ? ", probably out of memory" : "");
	return WEXITSTATUS(status);
}

int process_run_ok(const struct process *p, struct ukd_error *e)
{
	int r = process_run(p, e);

	if (r > 0)
		return ukd_fail(e, -EREMOTEIO, "%s: failed with exit status %d", p->argv[0], r);
	return r;
}

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

#define KILLED_WAIT_MS	   5000
#define TERMINATED_WAIT_MS 1000

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
	(void)signal(SIGPIPE, SIG_DFL); /* we may ignore it; a program expects it */
	if (!p->terminal)
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

/* A pipe for the output that is collected, if any: the two ends, or -1. */
static int make_output_pipe(const struct process *p, int *ret_r, int *ret_w, struct ukd_error *e)
{
	int fds[2];

	if (!p->output)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return ukd_fail_errno(e, -errno, "pipe");
	*ret_r = fds[0];
	*ret_w = fds[1];
	return 0;
}

int process_start(const struct process *p, struct child *ret, struct ukd_error *e)
{
	_close_ int status_r = -1, status_w = -1, out_r = -1, out_w = -1;
	struct child child = CHILD_NONE;
	int fds[2], err, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ukd_fail_errno(e, -errno, "pipe");
	status_r = fds[0];
	status_w = fds[1];
	r = make_output_pipe(p, &out_r, &out_w, e);
	if (r < 0)
		return r;
	(void)fflush(NULL);
	child.name = p->argv[0];
	child.pid = fork();
	if (child.pid < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot start", p->argv[0]);
	if (child.pid == 0)
		child_exec(p, p->output ? out_w : p->stdout_fd, status_w);
	(void)close(take_fd(&status_w));
	if (fd_read_full(status_r, &err, sizeof(err)) == 0) {
		(void)waitpid(child.pid, NULL, 0);
		return ukd_fail_errno(e, -err, "%s: cannot start", p->argv[0]);
	}
	child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
	if (child.pidfd < 0) {
		r = ukd_fail_errno(e, -errno, "pidfd_open");
		(void)process_kill(&child);
		return r;
	}
	child.out = take_fd(&out_r);
	*ret = child;
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
static int supervise(const struct process *p, struct child *c, struct ukd_error *e)
{
	uint64_t begin = clock_ms(), next_tick = 1000;

	for (;;) {
		struct pollfd fds[2] = {{.fd = c->pidfd, .events = POLLIN},
					{.fd = c->out, .events = POLLIN}};
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
		if (c->out >= 0 && fds[1].revents)
			collect(p, &c->out);
		else if (fds[0].revents)
			return 0;
	}
}

static void child_close(struct child *c)
{
	if (c->out >= 0)
		(void)close(c->out);
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	*c = (struct child)CHILD_NONE;
}

int process_reap(struct child *c, struct ukd_error *e)
{
	const char *name = c->name;
	int status, r = 0;

	while (r == 0 && waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			r = ukd_fail_errno(e, -errno, "waitpid");
	child_close(c);
	if (r < 0)
		return r;
	if (WIFSIGNALED(status))
		return ukd_fail(e, -ECHILD, "%s: ended by signal %d (%s)%s", name, WTERMSIG(status),
				strsignal(WTERMSIG(status)),
				WTERMSIG(status) == SIGKILL ? ", probably out of memory" : "");
	return WEXITSTATUS(status);
}

/* A killed process that sleeps in the kernel (a dead disk) may stay for ever: not waited for. */
bool process_kill(struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	struct ukd_error ignored;
	bool ended;

	if (c->pid <= 0)
		return true;
	(void)kill(-c->pid, SIGKILL);
	(void)kill(c->pid, SIGKILL); /* one that has no group of its own */
	ended = c->pidfd < 0 || poll(&p, 1, KILLED_WAIT_MS) != 0;
	if (ended)
		(void)process_reap(c, &ignored);
	else
		child_close(c);
	return ended;
}

/* Who asks for a password has the echo off, and puts it right if it is told to end. */
static void terminate(struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

	(void)kill(c->pid, SIGTERM);
	(void)poll(&p, 1, TERMINATED_WAIT_MS);
}

int process_run(const struct process *p, struct ukd_error *e)
{
	struct child child = CHILD_NONE;
	int r = process_start(p, &child, e);

	if (r < 0)
		return r;
	r = supervise(p, &child, e);
	if (r == 0)
		return process_reap(&child, e);
	if (p->terminal)
		terminate(&child);
	if (p->keep_running)
		child_close(&child);
	else if (!process_kill(&child))
		return ukd_fail(e, r, "%.400s; it cannot be killed", e->text);
	return r;
}

int process_run_ok(const struct process *p, struct ukd_error *e)
{
	int r = process_run(p, e);

	if (r > 0)
		return ukd_fail(e, -EREMOTEIO, "%s: failed with exit status %d", p->argv[0], r);
	return r;
}

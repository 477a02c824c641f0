/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes: no shell, a time limit always, an exit status that cannot be overlooked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/file.h"

#define OOM_SCORE_NEVER (-1000)
#define OOM_SCORE_FIRST 500

struct process {
	const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
	const char *const *env;	 /* NULL: inherit */
	const char *chroot_dir;	 /* NULL: none; else the child chroots there and enters "/" */
	int stdin_fd;		 /* -1: /dev/null */
	int stdout_fd;		 /* -1: inherit */
	int stderr_fd;		 /* -1: inherit; STDOUT_FILENO: where stdout goes */
	unsigned int timeout_s;	 /* 0 is not allowed: every wait has a limit */
	int oom_score_adj;	 /* OOM_SCORE_*; 0: inherit */
	/*
	 * The child must not be torn out of what it does: it outlives us, and at the limit we stop
	 * waiting instead of killing it.
	 */
	bool keep_running;
	/*
	 * The child may ask somebody at the terminal: it stays in our process group, since the
	 * kernel stops others that read from it, and at the limit it is told to end first.
	 */
	bool terminal;
	struct buffer *output; /* not NULL: stdout is collected here, at most output_max bytes */
	size_t output_max;
	/*
	 * Not NULL: called about once a second while the child runs, with the seconds since its
	 * start; a return of true ends it early (-ECANCELED).
	 */
	bool (*tick)(void *ctx, unsigned int seconds);
	void *tick_ctx;
};

#define PROCESS_DEFAULTS .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .timeout_s = 60

/* A program that runs. */
struct child {
	const char *name; /* argv[0], borrowed */
	pid_t pid;
	int pidfd; /* readable when it has ended */
	int out;   /* the reading end of its stdout where that is collected, or -1 */
};

#define CHILD_NONE                                \
	{                                         \
		.pid = -1, .pidfd = -1, .out = -1 \
	}

/*
 * For several programs at once. Starts one; its limit, tick and output are the caller's affair.
 * Each is ended by one of: process_reap(), once pidfd is readable: exit code or -ECHILD as
 * process_run() has it; process_kill(), with its process group: false if it cannot be killed, which
 * is not waited for. Both close what the struct holds.
 */
int process_start(const struct process *p, struct child *ret, struct ukd_error *e) _must_check_;
int process_reap(struct child *c, struct ukd_error *e);
bool process_kill(struct child *c);

/*
 * Whom the out-of-memory killer takes (oom_score_adj of proc(5)): sets it for the calling process
 * and what it forks from now on. Where that is not possible the kernel decides alone.
 */
void process_set_oom_score(int adj);

/*
 * Runs the program and waits for it. Returns its exit code (>= 0); -ETIMEDOUT after it was killed
 * (with its process group) at the limit; -ECANCELED; -ECHILD if a signal ended it (text names the
 * signal); or another negative errno if it could not be started. e is filled for all negatives.
 * What was killed is waited for a few seconds at most: it may sleep in the kernel for ever.
 */
int process_run(const struct process *p, struct ukd_error *e) _must_check_;

/* As process_run(), and an exit code other than 0 is -EREMOTEIO with a text that names it. */
int process_run_ok(const struct process *p, struct ukd_error *e) _must_check_;

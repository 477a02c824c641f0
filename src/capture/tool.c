// SPDX-License-Identifier: GPL-2.0-or-later
/* Running a tool in the crash's directory and watching it: see collector.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "capture/words.h"
#include "util/cleanup.h"
#include "util/process.h"

#define STALL_LIMIT_S 300

struct watch {
	struct attempt *a;
	int output_fd;
	unsigned int stall_limit;
	struct progress progress;
	/* what was seen last, and when it changed */
	uint64_t output_size;
	uint64_t dump_size;
	unsigned int changed_at;
	enum failure why; /* it was stopped */
};

void vmcore_path(const struct capture *c, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/proc/vmcore", c->root->path);
}

unsigned int stall_limit_s(const struct capture *c)
{
	return budget_share_s(&c->budget, 4, STALL_LIMIT_S);
}

/* Called once a second. True stops the tool. */
static bool watch_tick(void *ctx, unsigned int seconds)
{
	struct watch *w = ctx;
	uint64_t output = words_size(w->output_fd), dump = 0, room;
	double percent = -1;
	struct ukd_error e;
	struct stat st;

	if (fstatat(w->a->dirfd, DUMP_UNFINISHED, &st, AT_SYMLINK_NOFOLLOW) == 0)
		dump = (uint64_t)st.st_size;
	if (output != w->output_size || dump != w->dump_size)
		w->changed_at = seconds;
	w->output_size = output;
	w->dump_size = dump;
	words_trim(w->output_fd);
	(void)words_percent(w->output_fd, &percent);
	progress_step(&w->progress, dump, percent);
	if (seconds - w->changed_at >= w->stall_limit)
		w->why = FAILURE_STALL;
	else if (directory_room(w->a, &room, &e) == 0 && !room)
		w->why = FAILURE_SPACE;
	return w->why;
}

/* Runs with the attempt's directory as the working directory. */
static int run_inside(struct attempt *a, const struct process *p, struct ukd_error *e)
{
	_close_ int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fchdir(a->dirfd) < 0)
		return ukd_fail_errno(e, -errno, "cannot enter the directory");
	r = process_run(p, e);
	if (back < 0 || fchdir(back) < 0)
		(void)!chdir("/");
	return r;
}

/* The text of a tool's failure. */
static int explain(const struct watch *w, const char *name, int r, struct ukd_error *e)
{
	char words[WORDS_MAX] = "";

	if (r > 0)
		r = ukd_fail(e, -EREMOTEIO, "%s: failed with exit status %d", name, r);
	if (r == -ECANCELED)
		r = ukd_fail(e, r, "%s: stopped, it %s", name,
			     w->why == FAILURE_STALL ? "made no progress" :
						       "reached the limit of KeepFree=");
	if (w->output_fd >= 0)
		words_last(w->output_fd, words);
	return words[0] ? ukd_fail(e, r, "%.200s (%s)", e->text, words) : r;
}

int tool_run(struct attempt *a, const char *const *argv, int out_fd, unsigned int limit_s,
	     bool watch, int *ret_exit, enum failure *ret_why, struct ukd_error *e)
{
	_close_ int output = words_open();
	struct watch w = {.a = a, .output_fd = output, .stall_limit = stall_limit_s(a->c)};
	struct process p = {
		.argv = argv,
		.stdin_fd = -1,
		.stdout_fd = out_fd >= 0 ? out_fd : output,
		.stderr_fd = output,
		.timeout_s = limit_s,
		.oom_score_adj = OOM_SCORE_FIRST,
		.tick = watch && output >= 0 ? watch_tick : NULL,
		.tick_ctx = &w,
	};
	int r;

	progress_begin(&w.progress, a->c, "dump");
	r = run_inside(a, &p, e);
	if (watch)
		progress_end(&w.progress, w.dump_size);
	if (ret_exit)
		*ret_exit = r < 0 ? -1 : r;
	if (ret_why)
		*ret_why = w.why;
	return r ? explain(&w, argv[0], r, e) : 0;
}

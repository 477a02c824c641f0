// SPDX-License-Identifier: GPL-2.0-or-later
/* Running a tool in the crash's directory and watching it: see collector.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/process.h"

#define SAY_EVERY_S   10
#define STALL_LIMIT_S 300
#define OUTPUT_KEPT   KIB(64) /* of what the tool says */

struct watch {
	struct attempt *a;
	int output_fd;
	unsigned int stall_limit;
	/* what was seen last, and when it changed */
	uint64_t output_size;
	uint64_t dump_size;
	unsigned int changed_at;
	unsigned int said_at;
	const char *why; /* it was stopped */
};

void vmcore_path(const struct capture *c, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/proc/vmcore", c->root->path);
}

static uint64_t file_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The end of a tool's output as text. */
static void read_tail(int fd, char *ret, size_t size)
{
	uint64_t end = file_size(fd);
	uint64_t begin = end > size - 1 ? end - (size - 1) : 0;
	ssize_t n = pread(fd, ret, size - 1, (off_t)begin);

	ret[n > 0 ? n : 0] = 0;
	/* A hole, or a tool that prints zeros, must not end the text early. */
	for (ssize_t i = 0; i < n; i++)
		if (!ret[i])
			ret[i] = '\n';
}

/* "Copying data   : [ 45.3 %] /" and the like: the last percentage. False if there is none. */
static bool last_percent(const char *text, unsigned int *ret)
{
	const char *bracket = strrchr(text, '[');
	double percent;

	if (!bracket || sscanf(bracket, "[%lf", &percent) != 1 || percent < 0 || percent > 100)
		return false;
	*ret = (unsigned int)percent;
	return true;
}

static void say_progress(struct watch *w, unsigned int seconds)
{
	char tail[512], size[FORMAT_SIZE_MAX];
	unsigned int percent;

	if (seconds < w->said_at + SAY_EVERY_S)
		return;
	w->said_at = seconds;
	read_tail(w->output_fd, tail, sizeof(tail));
	(void)format_size(w->dump_size, size);
	if (last_percent(tail, &percent))
		capture_say(w->a->c, LOG_LEVEL_INFO, "dump: %u %%, %s written, %u s", percent, size,
			    seconds);
	else
		capture_say(w->a->c, LOG_LEVEL_INFO, "dump: %s written, %u s", size, seconds);
}

/* Called once a second. True stops the tool. */
static bool watch_tick(void *ctx, unsigned int seconds)
{
	struct watch *w = ctx;
	uint64_t output = file_size(w->output_fd), dump = 0, room;
	struct ukd_error e;
	struct stat st;

	memory_sample(&w->a->c->memory, w->a->c->root);
	if (fstatat(w->a->dirfd, DUMP_UNFINISHED, &st, AT_SYMLINK_NOFOLLOW) == 0)
		dump = (uint64_t)st.st_size;
	if (output != w->output_size || dump != w->dump_size)
		w->changed_at = seconds;
	w->output_size = output;
	w->dump_size = dump;
	/* Days of progress lines must not fill the memory that the tool needs. */
	if (output > 2 * OUTPUT_KEPT)
		(void)fallocate(w->output_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)(output - OUTPUT_KEPT));
	say_progress(w, seconds);
	if (seconds - w->changed_at >= w->stall_limit)
		w->why = "made no progress";
	else if (directory_room(w->a, &room, &e) == 0 && !room)
		w->why = "reached the limit of KeepFree=";
	return w->why;
}

/* Joins the last lines that say something into one. */
static void last_words(int fd, char *ret, size_t size)
{
	char tail[1024], *lines[3], *save = tail, *line;
	unsigned int n = 0;
	size_t used = 0;

	ret[0] = 0;
	read_tail(fd, tail, sizeof(tail));
	while ((line = strsep(&save, "\r\n"))) {
		line += strspn(line, " ");
		/* Progress, and makedumpfile's own last line, tell nothing. */
		if (!*line || strstr(line, " %]") || !strcmp(line, "makedumpfile Failed."))
			continue;
		if (n == ARRAY_SIZE(lines))
			memmove(lines, lines + 1, sizeof(lines[0]) * --n);
		lines[n++] = line;
	}
	for (unsigned int i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", i ? "; " : "", lines[i]);
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

int tool_run(struct attempt *a, const char *const *argv, int out_fd, unsigned int limit_s,
	     bool watch, int *ret_exit, struct ukd_error *e)
{
	_close_ int output = memfd_create("output", MFD_CLOEXEC);
	struct watch w = {
		.a = a,
		.output_fd = output,
		.stall_limit = budget_share_s(&a->c->budget, 4, STALL_LIMIT_S),
	};
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
	char words[400] = "";
	int r = run_inside(a, &p, e);

	if (ret_exit)
		*ret_exit = r < 0 ? -1 : r;
	if (!r)
		return 0;
	if (r > 0)
		r = ukd_fail(e, -EREMOTEIO, "%s: failed with exit status %d", argv[0], r);
	if (r == -ECANCELED && w.why)
		r = ukd_fail(e, r, "%s: stopped, it %s", argv[0], w.why);
	if (output >= 0)
		last_words(output, words, sizeof(words));
	return words[0] ? ukd_fail(e, r, "%.200s (%s)", e->text, words) : r;
}

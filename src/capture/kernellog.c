// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel log, before anything else: dmesg.txt by vmcore-dmesg, else by makedumpfile. Small and
 * often enough on its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define LOG_SECOND  "dmesg-makedumpfile.txt" /* until it replaces the first */
#define LOG_LIMIT_S 120
#define LOG_MAX	    MIB(128) /* more than any sensible log_buf_len= */
#define LOG_MIN	    MIB(8)   /* the log is worth more than KeepFree=, up to this size */

/* Size of a finished log; not even one byte is a failure. */
static int log_size(int dirfd, const char *name, uint64_t *ret, struct ukd_error *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ukd_fail_errno(e, -errno, "%s", name);
	if (st.st_size <= 0)
		return ukd_fail(e, -ENODATA, "the kernel log is empty");
	*ret = (uint64_t)st.st_size;
	return 0;
}

/* A tool that writes without end, led astray by the broken memory, is ended by SIGXFSZ. */
static int run_log_tool(struct attempt *a, const char *const *argv, int out_fd, uint64_t max,
			struct ukd_error *e)
{
	unsigned int limit_s = budget_share_s(&a->c->budget, 8, LOG_LIMIT_S);
	struct rlimit old, small;
	int r;

	if (getrlimit(RLIMIT_FSIZE, &old) < 0)
		return ukd_fail_errno(e, -errno, "getrlimit");
	/* Inherited by the tool; this program itself writes no file meanwhile. */
	small = (struct rlimit){.rlim_cur = old.rlim_max < max ? old.rlim_max : max,
				.rlim_max = old.rlim_max};
	(void)setrlimit(RLIMIT_FSIZE, &small);
	r = tool_run(a, argv, out_fd, budget_work_s(&a->c->budget, limit_s), false, NULL, NULL, e);
	(void)setrlimit(RLIMIT_FSIZE, &old);
	return r;
}

static int by_vmcore_dmesg(struct attempt *a, const char *core, uint64_t max, struct ukd_error *e)
{
	const char *argv[] = {"vmcore-dmesg", core, NULL};
	_close_ int fd = openat(a->dirfd, LOG_NAME,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint64_t size;
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "cannot create %s", LOG_NAME);
	r = run_log_tool(a, argv, fd, max, e);
	if (r < 0)
		return r;
	return log_size(a->dirfd, LOG_NAME, &size, e);
}

/* What vmcore-dmesg left, if anything, stays until makedumpfile has something better. */
static int by_makedumpfile(struct attempt *a, const char *core, uint64_t max, struct ukd_error *e)
{
	const char *argv[] = {"makedumpfile", "--dump-dmesg", core, LOG_SECOND, NULL};
	uint64_t size;
	int r = run_log_tool(a, argv, -1, max, e);

	if (r == 0)
		r = log_size(a->dirfd, LOG_SECOND, &size, e);
	if (r < 0) {
		(void)unlinkat(a->dirfd, LOG_SECOND, 0);
		return r;
	}
	if (renameat(a->dirfd, LOG_SECOND, a->dirfd, LOG_NAME) < 0)
		return ukd_fail_errno(e, -errno, "cannot rename %s", LOG_SECOND);
	return 0;
}

/* Makes the log durable before the long part begins. */
static int sync_log(struct attempt *a, unsigned int limit_s, struct ukd_error *e)
{
	_close_ int fd = openat(a->dirfd, LOG_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", LOG_NAME);
	r = guard_fsync(fd, limit_s, "fsync of the kernel log", e);
	if (r < 0)
		return r;
	return guard_fsync(a->dirfd, limit_s, "fsync of the directory", e);
}

/* Part of a log is kept under a name of its own, if it is not endless; an empty file is not. */
static void keep_part(struct attempt *a)
{
	struct ukd_error e;
	uint64_t size;

	if (log_size(a->dirfd, LOG_NAME, &size, &e) < 0 || size > LOG_MIN ||
	    renameat(a->dirfd, LOG_NAME, a->dirfd, LOG_PART) < 0)
		(void)unlinkat(a->dirfd, LOG_NAME, 0);
}

int kernel_log(struct attempt *a, uint64_t max, struct ukd_error *e)
{
	struct ukd_error first, second;
	char core[4200];
	int r;

	vmcore_path(a->c, core, sizeof(core));
	r = by_vmcore_dmesg(a, core, max, &first);
	if (r == 0)
		return 0;
	r = by_makedumpfile(a, core, max, &second);
	if (r == 0)
		return 0;
	keep_part(a);
	return ukd_fail(e, r, "%.240s; %.240s", first.text, second.text);
}

int directory_save_log(struct attempt *a, struct ukd_error *e)
{
	char size_text[FORMAT_SIZE_MAX];
	uint64_t size, room;
	int r;

	if (a->stream)
		return stream_save_log(a, e);
	if (directory_room(a, &room, e) < 0 || room > LOG_MAX)
		room = LOG_MAX;
	r = kernel_log(a, room < LOG_MIN ? LOG_MIN : room, e);
	if (r < 0)
		return r;
	r = sync_log(a, budget_work_s(&a->c->budget, 60), e);
	if (r < 0)
		return r;
	a->log_saved = true;
	if (log_size(a->dirfd, LOG_NAME, &size, e) == 0)
		(void)snprintf(a->note, sizeof(a->note), "%s in %s/%s",
			       format_size(size, size_text), a->name, LOG_NAME);
	return 0;
}

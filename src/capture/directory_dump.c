// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dumps in a directory. In the clear makedumpfile writes the file itself, as it can seek there;
 * encrypted, the file is the sink of a stream (stream.c), and only ciphertext is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "capture/dumpcheck.h"
#include "capture/guard.h"
#include "util/cleanup.h"

static int open_dump(const struct attempt *a, const char *name, struct ukd_error *e)
{
	int fd = openat(a->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? ukd_fail_errno(e, -errno, "%s", name) : fd;
}

/* Whatever the outcome: what was written goes to the disk, in the time that is left. */
static int sync_dump(struct attempt *a, struct ukd_error *e)
{
	_close_ int fd = openat(a->dirfd, DUMP_UNFINISHED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "makedumpfile wrote no dump");
	return guard_fsync(fd, budget_work_s(&a->c->budget, 600), "fsync of the dump", e);
}

/*
 * makedumpfile marks a dump incomplete when it could not write for want of space, whether that was
 * the disk's or the limit of -L. Without a header to mark there is hardly any left.
 */
static bool space_is_short(const struct attempt *a)
{
	_close_ int fd = openat(a->dirfd, DUMP_UNFINISHED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct dump_facts facts;
	struct ukd_error e;
	uint64_t room;

	if (fd >= 0 && dump_check(fd, &facts, &e) < 0 && !strcmp(e.check, "dump.incomplete"))
		return true;
	return directory_room(a, &room, &e) == 0 && room < MIB(1);
}

static enum failure tool_failure(const struct attempt *a, int r, enum failure stopped)
{
	if (r == 0)
		return FAILURE_NONE;
	if (stopped)
		return stopped;
	if (!budget_work_ms(&a->c->budget))
		return FAILURE_TIME;
	if (space_is_short(a))
		return FAILURE_SPACE;
	if (r == -EREMOTEIO)
		return FAILURE_EXIT;
	return r == -ECHILD ? FAILURE_KILLED : FAILURE_START;
}

static enum failure run_makedumpfile(struct attempt *a, const struct plan *plan,
				     struct ukd_error *e)
{
	struct record *record = &a->c->record;
	enum failure stopped = FAILURE_NONE, why;
	struct arguments args = {0};
	struct ukd_error e2;
	uint64_t room;

	if (directory_room(a, &room, e) < 0)
		return FAILURE_TARGET;
	/* Not even a header fits in one byte: 0 would ask for the flattened format. */
	if (makedumpfile_command(a, plan, room ? room : 1, &args, e) < 0)
		return FAILURE_START;
	record_collector(record, args.v);
	why = tool_failure(a,
			   tool_run(a, args.v, -1, budget_work_s(&a->c->budget, UINT64_MAX), true,
				    &record->collector.exit, &stopped, e),
			   stopped);
	if (sync_dump(a, why ? &e2 : e) < 0 && !why)
		why = FAILURE_EXIT;
	return why;
}

static enum failure run_copy(struct attempt *a, struct ukd_error *e)
{
	struct capture *c = a->c;
	struct flow_progress progress = {.total = c->crash.size};
	struct flow f = {
		.what = DUMP_UNFINISHED,
		.end_ms = clock_ms() + budget_work_ms(&c->budget),
		.stall_s = stall_limit_s(c),
		.tick = flow_progress,
		.tick_ctx = &progress,
	};
	_close_ int from = -1;
	_close_ int to = openat(a->dirfd, DUMP_UNFINISHED,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct flow_result result;
	struct ukd_error e2;
	enum failure why;
	int r;

	if (copy_prepare(a, &f, &from, e) < 0)
		return FAILURE_EXIT;
	f.sink_fd = to;
	if (to < 0)
		return ukd_fail_errno(e, -errno, "cannot create %s", DUMP_UNFINISHED),
		       FAILURE_TARGET;
	if (directory_room(a, &f.limit, e) < 0)
		return FAILURE_TARGET;
	progress_begin(&progress.progress, c, "copy");
	r = flow_run(&f, &result, e);
	progress_end(&progress.progress, result.stored);
	why = flow_failure(&result, e);
	if (r == 0)
		c->record.collector.exit = 0;
	if (guard_fsync(to, budget_work_s(&c->budget, 600), "fsync of the dump", why ? &e2 : e) <
		    0 &&
	    !why)
		why = FAILURE_TARGET;
	return why;
}

static enum failure run(struct attempt *a, void *ctx, const struct plan *plan, struct ukd_error *e)
{
	struct stat st = {0};
	enum failure why;

	(void)ctx;
	why = plan->step < STEP_COPY ? run_makedumpfile(a, plan, e) : run_copy(a, e);
	(void)fstatat(a->dirfd, DUMP_UNFINISHED, &st, AT_SYMLINK_NOFOLLOW);
	a->c->record.bytes = (uint64_t)st.st_size;
	return why;
}

/* Hashes a file as it is read back from the disk. */
static int read_back(struct attempt *a, int fd, char hex[65], struct ukd_error *e)
{
	struct progress progress;
	int r;

	progress_begin(&progress, a->c, "read back");
	r = dump_hash(fd, clock_ms() + budget_work_ms(&a->c->budget), &progress, hex, e);
	return r;
}

static const char *format_name(enum dump_format format)
{
	return format == DUMP_KDUMP ? "kdump" : format == DUMP_ELF ? "elf" : NULL;
}

/* Structure first; then the whole file is read back and hashed if there is time. */
static int check(struct attempt *a, void *ctx, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	_close_ int fd = open_dump(a, DUMP_UNFINISHED, e);
	struct dump_facts facts;
	int r;

	(void)ctx;
	if (fd < 0)
		return fd;
	r = dump_check(fd, &facts, e);
	record->format = format_name(facts.format);
	if (r < 0)
		return r;
	record->checked = CHECKED_HEADER;
	r = read_back(a, fd, record->sha256, e);
	if (r < 0)
		return r;
	record->checked = CHECKED_FULL;
	(void)snprintf(a->note, sizeof(a->note), "%s", record->sha256);
	return 0;
}

/* The verdict does not matter here: what counts is how far it can be read. */
static struct dump_facts left(struct attempt *a, void *ctx)
{
	struct dump_facts facts = {0};
	struct ukd_error e;
	_close_ int fd = open_dump(a, DUMP_UNFINISHED, &e);

	(void)ctx;
	if (fd >= 0 && dump_check(fd, &facts, &e) == 0)
		facts.readable = true;
	a->c->record.format = format_name(facts.format);
	return facts;
}

enum dump_state directory_save_dump(struct attempt *a)
{
	static const struct dump_way way = {
		.run = run,
		.check = check,
		.left = left,
		.directory = true,
	};
	struct record *r = &a->c->record;

	if (a->stream)
		return stream_save_dump(a);
	(void)snprintf(r->file, sizeof(r->file), "vmcore");
	(void)snprintf(r->file_part, sizeof(r->file_part), DUMP_UNFINISHED);
	return plans_run(a, &way, NULL);
}

static int file_sha256(struct attempt *a, const char *name, char ret[65], struct ukd_error *e)
{
	_close_ int fd = open_dump(a, name, e);

	return fd < 0 ? fd : read_back(a, fd, ret, e);
}

const struct stream_ops directory_stream = {.sha256 = file_sha256};

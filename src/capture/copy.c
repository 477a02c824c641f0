// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plain copy of /proc/vmcore: what remains when makedumpfile fails. All of it, or as much as
 * space and time allow; headers and notes come first in the file, so a part can still be opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/collector.h"
#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define CHUNK	     MIB(1)
#define SAY_EVERY_MS 10000

struct copying {
	struct attempt *a;
	int from;
	int to;
	uint64_t done;
	uint64_t max; /* bytes that may be written */
	uint64_t said_ms;
};

static void say_progress(struct copying *w)
{
	const struct capture *c = w->a->c;
	char done[FORMAT_SIZE_MAX], total[FORMAT_SIZE_MAX];

	if (clock_ms() - w->said_ms < SAY_EVERY_MS)
		return;
	w->said_ms = clock_ms();
	memory_sample(&w->a->c->memory, c->root);
	capture_say(c, LOG_LEVEL_INFO, "dump: %s of %s copied", format_size(w->done, done),
		    format_size(c->crash.size, total));
}

/*
 * One chunk. 1: go on, 0: end of the core. A page of the crashed kernel that cannot be read ends
 * the copy: a hole in an ELF core could not be told from real zeros.
 */
static int copy_chunk(struct copying *w, uint8_t *chunk, struct ukd_error *e)
{
	size_t want = w->max - w->done < CHUNK ? (size_t)(w->max - w->done) : CHUNK;
	ssize_t n;
	int r;

	if (!want) {
		uint8_t more;

		if (pread(w->from, &more, 1, (off_t)w->done) == 0)
			return 0;
		return ukd_fail(e, -ENOSPC, "no space left: stopped at %llu bytes",
				(unsigned long long)w->done);
	}
	if (!budget_work_ms(&w->a->c->budget))
		return ukd_fail(e, -ETIMEDOUT, "no time left: stopped at %llu bytes",
				(unsigned long long)w->done);
	n = pread(w->from, chunk, want, (off_t)w->done);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0)
		return ukd_fail_errno(e, -errno, "cannot read /proc/vmcore at %llu",
				      (unsigned long long)w->done);
	r = fd_write_full(w->to, chunk, (size_t)n);
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot write the dump at %llu",
				      (unsigned long long)w->done);
	w->done += (uint64_t)n;
	return n > 0;
}

static int copy_all(struct copying *w, struct ukd_error *e)
{
	_free_ uint8_t *chunk = malloc(CHUNK);
	int r;

	if (!chunk)
		return ukd_oom(e);
	while ((r = copy_chunk(w, chunk, e)) > 0)
		say_progress(w);
	return r;
}

int plan_copy_part(struct attempt *a, struct ukd_error *e)
{
	const char *argv[] = {"copy", "/proc/vmcore", DUMP_UNFINISHED, NULL};
	_close_ int from = root_openat(a->c->root, "/proc/vmcore", O_RDONLY);
	_close_ int to = openat(a->dirfd, DUMP_UNFINISHED,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct copying w = {.a = a, .from = from, .to = to, .said_ms = clock_ms()};
	struct ukd_error e2;
	int r;

	record_collector(&a->c->record, argv);
	if (from < 0)
		return ukd_fail_errno(e, from, "/proc/vmcore");
	if (to < 0)
		return ukd_fail_errno(e, -errno, "cannot create %s", DUMP_UNFINISHED);
	r = directory_room(a, &w.max, e);
	if (r < 0)
		return r;
	r = copy_all(&w, e);
	if (r == 0)
		a->c->record.collector.exit = 0;
	if (guard_fsync(to, budget_work_s(&a->c->budget, 600), "fsync of the dump", &e2) < 0 && !r)
		return ukd_fail(e, e2.code, "%s", e2.text);
	return r;
}

int plan_copy(struct attempt *a, struct ukd_error *e)
{
	char room_text[FORMAT_SIZE_MAX], core_text[FORMAT_SIZE_MAX];
	uint64_t room;
	int r = directory_room(a, &room, e);

	if (r < 0)
		return r;
	if (room < a->c->crash.size)
		return ukd_fail(e, -ENOSPC, "a plain copy needs %s, there are %s",
				format_size(a->c->crash.size, core_text),
				format_size(room, room_text));
	return plan_copy_part(a, e);
}

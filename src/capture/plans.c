// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plans for a dump in a directory, in order, and what is done with what a failed plan has left.
 * A plan counts only when its result passes the structure check: an exit status of 0 is not proof.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "capture/dumpcheck.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const struct plan {
	const char *name;
	int (*run)(struct attempt *a, struct ukd_error *e);
	bool whole;   /* needs room for all of /proc/vmcore */
	bool partial; /* never complete by intention: not tried where a readable part exists */
} plans[] = {
	{"makedumpfile", plan_makedumpfile, false, false},
	{"copy", plan_copy, true, false},
	{"partial copy", plan_copy_part, false, true},
};

/* A readable part, while a copy that may replace it is written. */
#define DUMP_KEPT "vmcore-part"

/* What a failed plan left behind. */
static struct dump_facts leftover(const struct attempt *a)
{
	_close_ int fd = openat(a->dirfd, DUMP_UNFINISHED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct dump_facts facts = {0};
	struct ukd_error e;

	/* The verdict does not matter here: what counts is how far it can be read. */
	if (fd >= 0 && dump_check(fd, &facts, &e) == 0)
		facts.readable = true;
	return facts;
}

/* Takes away what a failed plan left, or puts it aside if it can be read. */
static int clear_way(struct attempt *a, const struct dump_facts *left, struct ukd_error *e)
{
	if (left->readable) {
		if (renameat(a->dirfd, DUMP_UNFINISHED, a->dirfd, DUMP_KEPT) < 0)
			return ukd_fail_errno(e, -errno, "cannot rename %s", DUMP_UNFINISHED);
		return 0;
	}
	if (unlinkat(a->dirfd, DUMP_UNFINISHED, 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "cannot remove %s", DUMP_UNFINISHED);
	return 0;
}

/* Clears the way for a plan, or decides against it (false, why filled). */
static bool prepare(struct attempt *a, const struct plan *plan, struct ukd_error *why)
{
	struct dump_facts left = leftover(a);
	uint64_t room;

	if (!budget_work_ms(&a->c->budget)) {
		(void)ukd_fail(why, -ETIMEDOUT, "%s: no time left", plan->name);
		return false;
	}
	if (plan->partial && left.readable) {
		(void)ukd_fail(why, -EEXIST, "%s: a readable part is there", plan->name);
		return false;
	}
	/* A part that can be read is given up only for what is complete: both must fit. */
	if (plan->whole && directory_room(a, &room, why) == 0) {
		if (!left.readable && add_overflows(room, left.size, &room))
			room = UINT64_MAX;
		if (room < a->c->crash.size) {
			(void)ukd_fail(why, -ENOSPC, "%s: not enough space for all memory",
				       plan->name);
			return false;
		}
	}
	return clear_way(a, &left, why) == 0;
}

/* What was put aside: no longer needed, or the best that there is. */
static void settle_kept(struct attempt *a, bool complete)
{
	if (complete)
		(void)unlinkat(a->dirfd, DUMP_KEPT, 0);
	else
		(void)renameat(a->dirfd, DUMP_KEPT, a->dirfd, DUMP_UNFINISHED);
}

static int run_plan(struct attempt *a, const struct plan *plan, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	struct stage *stage = record_begin(record, "dump");
	char size[FORMAT_SIZE_MAX];
	struct stat st = {0};
	int r;

	record->collector.attempts++;
	record->checked = CHECKED_NOT;
	r = plan->run(a, e);
	(void)fstatat(a->dirfd, DUMP_UNFINISHED, &st, AT_SYMLINK_NOFOLLOW);
	record->bytes = (uint64_t)st.st_size;
	(void)snprintf(a->note, sizeof(a->note), "%s by %s", format_size(record->bytes, size),
		       plan->name);
	capture_end_stage(a->c, stage, r < 0 ? OUTCOME_FAILED : OUTCOME_OK,
			  r < 0 ? e->text : a->note);
	return r;
}

/* Structure first; then the whole file is read back and hashed if there is time. */
static int check(struct attempt *a, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	_close_ int fd = openat(a->dirfd, DUMP_UNFINISHED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct dump_facts facts;
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", DUMP_UNFINISHED);
	r = dump_check(fd, &facts, e);
	if (r < 0)
		return r;
	record->checked = CHECKED_HEADER;
	r = dump_hash(fd, facts.size, clock_ms() + budget_work_ms(&a->c->budget), record->sha256,
		      e);
	if (r == 0)
		record->checked = CHECKED_FULL;
	return r;
}

static int check_stage(struct attempt *a, struct ukd_error *e)
{
	struct stage *stage = record_begin(&a->c->record, "check");
	int r = check(a, e);

	if (r == -ETIME) {
		/* Complete by structure, but not read back: checked = header. */
		capture_end_stage(a->c, stage, OUTCOME_WARNING, e->text);
		return 0;
	}
	capture_end_stage(a->c, stage, r < 0 ? OUTCOME_FAILED : OUTCOME_OK,
			  r < 0 ? e->text : a->c->record.sha256);
	return r;
}

/* The best that is there after all plans have failed. What is no dump at all does not stay. */
static enum dump_state take_leftover(struct attempt *a)
{
	struct dump_facts left = leftover(a);
	struct record *record = &a->c->record;

	record->checked = CHECKED_NOT;
	record->sha256[0] = 0;
	record->bytes = left.size;
	if (left.readable)
		return STATE_PARTIAL;
	/* A header that is intact is left to whoever can make something of it. */
	if (left.format == DUMP_UNKNOWN) {
		(void)unlinkat(a->dirfd, DUMP_UNFINISHED, 0);
		record->bytes = 0;
	}
	return STATE_FAILED;
}

enum dump_state directory_save_dump(struct attempt *a)
{
	struct ukd_error e;

	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		if (!prepare(a, &plans[i], &e)) {
			capture_say(a->c, LOG_LEVEL_INFO, "dump: %s", e.text);
			continue;
		}
		bool complete = run_plan(a, &plans[i], &e) == 0 && check_stage(a, &e) == 0;
		settle_kept(a, complete);
		if (complete)
			return STATE_COMPLETE;
	}
	return take_leftover(a);
}

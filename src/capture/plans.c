// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of plans, and what is done with what a failed plan has left: see plans.h. */
#include "capture/plans.h"

#include <errno.h>
#include <stdio.h>

#include "capture/collector.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define LEVEL_LEAST 31 /* the smallest dump */
#define LEVEL_PLAIN 1  /* zero pages only */
/*
 * For makedumpfile's bitmaps, which it sizes by the memory that is free when it starts. A small
 * one costs a further pass over the page descriptors for each 8 GiB.
 */
#define SMALL_BUFFER_KIB 256

/* A readable part, while a copy that may replace it is written. */
#define DUMP_KEPT "vmcore-part"

struct plan plan_first(unsigned int level, unsigned int threads)
{
	return (struct plan){.step = STEP_CONFIGURED, .level = level, .threads = threads};
}

static bool step_helps(enum plan_step step, const struct plan *p, enum failure why)
{
	bool collector = why == FAILURE_KILLED || why == FAILURE_EXIT || why == FAILURE_STALL ||
			 why == FAILURE_CHECK;

	switch (step) {
	case STEP_FRUGAL:
		/* A stall has cost a quarter of the time: the next step has one thread, too. */
		return why == FAILURE_KILLED ||
		       (collector && why != FAILURE_STALL && p->threads > 1);
	case STEP_LEVEL:
		return why == FAILURE_SPACE ? p->level != LEVEL_LEAST :
					      collector && p->level != LEVEL_PLAIN;
	default:
		return true;
	}
}

struct plan plan_next(const struct plan *plan, enum failure why)
{
	struct plan next = *plan;

	if (why == FAILURE_TIME || why == FAILURE_TARGET)
		next.step = STEP_END;
	while (next.step < STEP_END) {
		next.step++;
		if (step_helps(next.step, plan, why))
			break;
	}
	if (next.step == STEP_FRUGAL || next.step == STEP_LEVEL) {
		next.threads = 1;
		next.buffer_kib = why == FAILURE_KILLED ? SMALL_BUFFER_KIB : plan->buffer_kib;
	}
	if (next.step == STEP_LEVEL)
		next.level = why == FAILURE_SPACE ? LEVEL_LEAST : LEVEL_PLAIN;
	return next;
}

static const char *plan_name(const struct plan *p)
{
	static const char *const names[] = {
		[STEP_CONFIGURED] = "makedumpfile",
		[STEP_FRUGAL] = "makedumpfile with little memory",
		[STEP_LEVEL] = "makedumpfile at another level",
		[STEP_COPY] = "copy",
		[STEP_PART] = "partial copy",
	};

	return names[p->step];
}

/* Takes away what a failed plan left, or puts it aside if it can be read. */
static int clear_way(struct attempt *a, bool keep, struct ukd_error *e)
{
	if (keep) {
		if (renameat(a->dirfd, DUMP_UNFINISHED, a->dirfd, DUMP_KEPT) < 0)
			return ukd_fail_errno(e, -errno, "cannot rename %s", DUMP_UNFINISHED);
		return 0;
	}
	if (unlinkat(a->dirfd, DUMP_UNFINISHED, 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "cannot remove %s", DUMP_UNFINISHED);
	return 0;
}

/* In a directory: clears the way for a plan, or decides against it (-EEXIST, -ENOSPC). */
static int prepare_directory(struct attempt *a, const struct plan *plan,
			     const struct dump_facts *left, enum failure why, struct ukd_error *e)
{
	uint64_t room;

	if (plan->step == STEP_PART && left->readable)
		return ukd_fail(e, -EEXIST, "%s: a readable part is there", plan_name(plan));
	/* A part that can be read is given up only for what is complete: both must fit. */
	if (plan->step == STEP_COPY && directory_room(a, &room, e) == 0) {
		if (!left->readable && add_overflows(room, left->size, &room))
			room = UINT64_MAX;
		if (room < a->c->crash.size)
			return ukd_fail(e, -ENOSPC, "%s: not enough space for all memory",
					plan_name(plan));
	}
	/* Where space was short the part must go first: the next one holds the same pages and less.
	 */
	return clear_way(a, left->readable && why != FAILURE_SPACE, e);
}

static int prepare(struct attempt *a, const struct dump_way *way, void *ctx,
		   const struct plan *plan, enum failure why, struct ukd_error *e)
{
	struct dump_facts left;

	if (!budget_work_ms(&a->c->budget))
		return ukd_fail(e, -ETIMEDOUT, "%s: no time left", plan_name(plan));
	if (!way->directory) {
		/* Without knowledge of the room there, both copies are the same. */
		return plan->step == STEP_PART ?
			       ukd_fail(e, -EEXIST, "%s: not tried", plan_name(plan)) :
			       0;
	}
	left = way->left(a, ctx);
	return prepare_directory(a, plan, &left, why, e);
}

/* What was put aside: no longer needed, or the best that there is. */
static void settle_kept(struct attempt *a, bool complete)
{
	if (complete)
		(void)unlinkat(a->dirfd, DUMP_KEPT, 0);
	else
		(void)renameat(a->dirfd, DUMP_KEPT, a->dirfd, DUMP_UNFINISHED);
}

static enum failure dump_stage(struct attempt *a, const struct dump_way *way, void *ctx,
			       const struct plan *plan, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	struct stage *stage = record_begin(record, "dump");
	char size[FORMAT_SIZE_MAX];
	enum failure why;

	record->collector.attempts++;
	record->checked = CHECKED_NOT;
	record->sha256[0] = 0;
	why = way->run(a, ctx, plan, e);
	(void)snprintf(a->note, sizeof(a->note), "%s by %s", format_size(record->bytes, size),
		       plan_name(plan));
	capture_end_stage(a->c, stage, why ? OUTCOME_FAILED : OUTCOME_OK, why ? e->text : a->note);
	return why;
}

static enum failure check_stage(struct attempt *a, const struct dump_way *way, void *ctx,
				struct ukd_error *e)
{
	struct stage *stage = record_begin(&a->c->record, "check");
	int r;

	a->note[0] = 0;
	r = way->check(a, ctx, e);
	if (r == -ETIME) {
		/* Complete by structure, but not read back: checked = header. */
		capture_end_stage(a->c, stage, OUTCOME_WARNING, e->text);
		return FAILURE_NONE;
	}
	capture_end_stage(a->c, stage, r < 0 ? OUTCOME_FAILED : OUTCOME_OK,
			  r < 0 ? e->text : a->note);
	if (r == 0)
		return FAILURE_NONE;
	return r == -EBADMSG ? FAILURE_CHECK : FAILURE_TARGET;
}

/* The best that is there after all plans have failed. What is no dump at all does not stay. */
static enum dump_state take_leftover(struct attempt *a, const struct dump_way *way, void *ctx)
{
	struct dump_facts left = way->left(a, ctx);
	struct record *record = &a->c->record;

	record->checked = CHECKED_NOT;
	record->sha256[0] = 0;
	record->bytes = left.size;
	if (left.readable)
		return STATE_PARTIAL;
	/* A header that is intact is left to whoever can make something of it. */
	if (left.format == DUMP_UNKNOWN) {
		if (way->directory)
			(void)unlinkat(a->dirfd, DUMP_UNFINISHED, 0);
		record->bytes = 0;
	}
	return STATE_FAILED;
}

enum dump_state plans_run(struct attempt *a, const struct dump_way *way, void *ctx)
{
	const struct settings *s = &a->c->settings;
	struct plan plan = plan_first(s->dump.dump_level, s->dump.threads);
	enum failure why = FAILURE_NONE;
	struct ukd_error e;

	for (; plan.step != STEP_END; plan = plan_next(&plan, why)) {
		if (prepare(a, way, ctx, &plan, why, &e) < 0) {
			capture_say(a->c, LOG_LEVEL_INFO, "dump: %s", e.text);
			continue;
		}
		why = dump_stage(a, way, ctx, &plan, &e);
		if (!why)
			why = check_stage(a, way, ctx, &e);
		if (way->directory)
			settle_kept(a, !why);
		if (!why)
			return STATE_COMPLETE;
	}
	return take_leftover(a, way, ctx);
}

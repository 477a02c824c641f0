/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans: the ways to get a dump, in order, until one gives a complete one. A failure leads to the
 * next plan that can change the outcome:
 *
 *	makedumpfile as configured
 *	makedumpfile with one thread and a small buffer, if more threads were used or it was killed
 *	makedumpfile at another level: 31 if space was short, else 1, for which makedumpfile does
 *not walk the crashed kernel's own structures a plain copy of all memory a plain copy of what fits
 *
 * Whatever the plan, a dump counts only when its check passes: an exit status is no proof.
 */
#pragma once

#include "capture/dumpcheck.h"
#include "capture/target.h"

/* Why a plan gave no complete dump. */
enum failure {
	FAILURE_NONE,
	FAILURE_SPACE,
	FAILURE_KILLED, /* by a signal that is not ours: out of memory, a fault */
	FAILURE_EXIT,	/* the collector said that it failed */
	FAILURE_STALL,	/* the collector does not go on */
	FAILURE_START,	/* there is no collector */
	FAILURE_CHECK,	/* it said nothing, and the dump is not complete */
	FAILURE_TIME,	/* nothing is left for another plan */
	FAILURE_TARGET, /* who takes the dump failed: no plan changes that */
};

enum plan_step {
	STEP_CONFIGURED,
	STEP_FRUGAL,
	STEP_LEVEL,
	STEP_COPY,
	STEP_PART,
	STEP_END,
};

struct plan {
	enum plan_step step;
	unsigned int level;
	unsigned int threads;
	unsigned int buffer_kib; /* makedumpfile's own, 0: as it likes */
};

/* Pure: the first plan, and the one after plan failed. STEP_END: none is left. */
struct plan plan_first(unsigned int level, unsigned int threads);
struct plan plan_next(const struct plan *plan, enum failure why);

/* How a kind of target carries plans out. ctx is the caller's. */
struct dump_way {
	/* Writes the dump. Fills e for all but FAILURE_NONE, and the collector's record. */
	enum failure (*run)(struct attempt *a, void *ctx, const struct plan *plan,
			    struct ukd_error *e);
	/*
	 * Checks what run wrote, and hashes it. 0; -ETIME: complete, but not compared for want of
	 * time; -EBADMSG: not a complete dump; other negatives: the target fails.
	 */
	int (*check)(struct attempt *a, void *ctx, struct ukd_error *e);
	/* What the last plan left: its size, and can it be read at least in part? */
	struct dump_facts (*left)(struct attempt *a, void *ctx);
	bool directory; /* what was left can be put aside */
};

/* Runs plans and records the stages "dump" and "check". The state of the target is returned. */
enum dump_state plans_run(struct attempt *a, const struct dump_way *way, void *ctx);

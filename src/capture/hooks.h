/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the site: Pre=, Post= and Failure= of ukdump.conf(5). A hook that fails, hangs or is
 * missing is recorded, and never keeps a dump from being written.
 *
 *	pre	once, on the first target, when the log is saved and before the dump: the log is
 *		what no hook may put at risk, and what a hook does (stop traffic, tell somebody)
 *		is wanted before the long part
 *	post	when a complete dump has its final name, while the target is still reachable
 *	failure	at the end, if no target has a complete dump
 */
#pragma once

#include "capture/capture.h"

struct hooks {
	const char *stage;		/* "pre", "post" or "failure": a literal */
	const struct strings *programs; /* absolute paths */
	enum dump_state state;		/* what has been saved so far */
	const char *target;		/* as configured; "": none */
	const char *crash;		/* name of the crash's directory; "": none */
	int dirfd;			/* the directory, where the target is one; -1: none */
};

/*
 * Runs the programs in order, each with a tenth of the time, a minute at most, in the environment
 * UKDUMP_STATE, UKDUMP_TARGET, UKDUMP_CRASH and UKDUMP_DIR. Each is a stage of its own.
 */
void hooks_run(struct capture *c, const struct hooks *h);

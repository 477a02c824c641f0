/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a kernel log the crash is: which of the things that it complains about decides. */
#pragma once

#include "triage/line.h"
#include "triage/triage.h"

struct event {
	bool found;
	uint64_t off; /* of its first line */
	char text[TRIAGE_PANIC_MAX];
	char caller[16]; /* who printed it; empty: not told */
	bool has_time;
	uint64_t time_us;
};

/*
 * The event that decides, and what kind of crash that makes. TRIAGE_UNKNOWN, ret->found false:
 * there is none.
 */
enum triage_kind event_find(struct bytes log, struct event *ret);

/* Does a new report begin here: an oops, a panic, a task that hangs, a lockup? */
bool event_begins(const char *text);

/*
 * "INFO: task NAME:PID blocked for more than 120 seconds." NAME may hold colons and blanks. False
 * if it is another line; else *ret_end is the end of NAME:PID. Behind "INFO: task ".
 */
bool event_is_hung_task(const char *text, const char **ret_name, const char **ret_end);

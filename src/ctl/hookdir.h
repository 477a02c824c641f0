/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the administrator's in a directory such as /etc/ukdump/notify.d. They run as root, so
 * only root may have written them: directory and program belong to the user who runs us, and nobody
 * else may write to them. No shell looks at their names.
 */
#pragma once

#include "util/root.h"

struct hookdir {
	const struct root *root;
	const char *path;	/* of the directory, inside root */
	const char *argument;	/* of each program, or NULL */
	const char *const *env; /* all that they see besides PATH; NULL-terminated, or NULL */
	unsigned int limit_s;	/* of each program, which is killed then */
	/* Called when a program is over, or was refused; e->code 0: it did well. */
	void (*done)(void *ctx, const char *program, const struct ukd_error *e);
	void *ctx;
};

/*
 * Runs one after the other in order of name what is executable; names that begin with a dot, or end
 * with "~" or what dpkg and rpm put behind a file they keep, are left out. What they print goes to
 * stderr. A refusal carries the check "hook.writable". Returns how many failed, 0 also if there is
 * no such directory; negative if it cannot be read or is not safe.
 */
int hookdir_run(const struct hookdir *h, struct ukd_error *e) _must_check_;

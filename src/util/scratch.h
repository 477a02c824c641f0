/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory for a process's intermediate files below ROOT/var/tmp, named PREFIX<pid>.XXXXXX and
 * the caller's alone (0700), so that what a kill leaves can be told and removed later.
 */
#pragma once

#include "util/root.h"

struct scratch {
	char path[4200]; /* as this process sees it; empty: none */
};

/* Makes one. prefix ends with a dot. */
int scratch_make(const struct root *root, const char *prefix, struct scratch *ret,
		 struct ukd_error *e) _must_check_;

/* Its path inside the root, as a program sees it that runs there. */
const char *scratch_inside(const struct root *root, const struct scratch *s);

/* Removes it with all that is in it; file systems mounted there are not entered. */
void scratch_remove(struct scratch *s);
#define _scratch_ _cleanup_(scratch_remove)

/* Removes those of this prefix and of our user that no process of our name owns any more. */
int scratch_remove_leftovers(const struct root *root, const char *prefix,
			     struct ukd_error *e) _must_check_;

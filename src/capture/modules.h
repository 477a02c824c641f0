/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads the kernel modules of a list: one absolute path per line, in load order, optionally
 * followed by a blank and module parameters; '#' begins a comment.
 */
#pragma once

#include "util/root.h"

/* What every start loads, and what a file system needs that is found only then (its name for %s). */
#define MODULES_LIST	"/etc/ukdump/modules.list"
#define MODULES_FS_LIST "/etc/ukdump/modules-%s.list"

/* Loads the module open as fd. 0 or -errno. Replaced by tests. */
typedef int (*module_load_fn)(int fd, const char *params, int flags);

struct modules_result {
	unsigned int loaded; /* or already there */
	unsigned int failed;
	char first[256]; /* the first failure */
};

struct modules_limit {
	unsigned int one_s; /* for each module */
	unsigned int all_s;
};

/*
 * A module that fails or does not return in time is counted, and the rest is loaded all the same.
 * -ENOENT if there is no list; other negatives if it cannot be read.
 */
int modules_load(const struct root *root, const char *path, module_load_fn load,
		 const struct modules_limit *limit, struct modules_result *ret,
		 struct ukd_error *e) _must_check_;

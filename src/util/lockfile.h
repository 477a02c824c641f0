/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process at a time, by a lock on a file; it ends with its holder, however that ends. */
#pragma once

#include "util/root.h"

/*
 * Takes the lock of a file inside root->fd, such as "run/ukdump/lock", whose directory is made where
 * it is missing (mode 0755). Waits up to limit_s seconds, then fails with -EBUSY and who holds it.
 * The lock is held until *ret_fd is closed. program: ours, for the message of those who wait.
 */
int lockfile_take(const struct root *root, const char *path, const char *program,
		  unsigned int limit_s, int *ret_fd, struct ukd_error *e) _must_check_;

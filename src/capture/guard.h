/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call that may hang in the kernel (mount, fsync, sync, a read from a dead disk) with a time
 * limit: it runs in a child process, and a child that cannot even be killed is left behind. Signals
 * do not help here: a task in uninterruptible sleep takes none.
 */
#pragma once

#include "util/error.h"

/*
 * Runs fn(ctx) in a child. fn returns 0 or a negative errno; what it writes to memory is lost
 * unless that memory is shared (guard_share). Returns fn's value, or -ETIMEDOUT, or -ECHILD if a
 * signal ended the child; e is filled for all negatives, what names the call in it.
 */
int guard_call(int (*fn)(void *ctx), void *ctx, unsigned int timeout_s, const char *what,
	       struct ukd_error *e) _must_check_;

/*
 * For a process that has to outlive whatever else happens: exempt from the out-of-memory killer and
 * from systemd-shutdown's last round (which spares whose command line begins with '@'), in a
 * session of its own, called name in process lists.
 */
void guard_detach(const char *name);

/* Zeroed memory that is shared with children; NULL if there is none. Freed by guard_unshare(). */
void *guard_share(unsigned long size);
void guard_unshare(void *p, unsigned long size);

/* The common cases. */
int guard_fsync(int fd, unsigned int timeout_s, const char *what, struct ukd_error *e) _must_check_;
int guard_sync(unsigned int timeout_s, struct ukd_error *e) _must_check_;

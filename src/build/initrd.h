/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the capture initrd: a stage directory for the dracut modules, then dracut. */
#pragma once

#include "build/needs.h"

/*
 * Runs dracut in the root directory (chroot, if that is not the running system's) with what was
 * collected and reads what it made. The administrator's dracut.conf is not read. tick is called
 * about once a second with the seconds passed. On failure e has the last line that dracut printed.
 */
int initrd_build(struct needs *n, bool (*tick)(void *ctx, unsigned int seconds), void *tick_ctx,
		 struct buffer *ret, struct ukd_error *e) _must_check_;

/* Removes what builds that were killed left in the root. */
int initrd_remove_leftovers(const struct root *root, struct ukd_error *e) _must_check_;

/* Refuses (check "initrd.magic") what does not begin as an initrd that a kernel reads. */
int initrd_check_magic(struct bytes initrd, struct ukd_error *e) _must_check_;

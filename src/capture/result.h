/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next boot is told where no target holds a manifest: one EFI variable
 * (util/efivarfs.h), read and removed by `ukdumpctl report`.
 *
 * The text is kept in /run/ukdump/result while the capture goes on, so that whoever ends it (the
 * watchdog, in the full environment forked by another program) can store what is known until then.
 */
#pragma once

#include "capture/capture.h"

/*
 * The result as JSON of at most RESULT_MAX bytes, to be freed by the caller; NULL if out of memory.
 * reason: why there is nothing more to tell, or NULL.
 */
char *result_text(const struct capture *c, const char *reason);

/*
 * Renews /run/ukdump/result, or removes it as soon as a target holds a manifest. reason as above.
 */
int result_keep(const struct capture *c, const char *reason, struct ukd_error *e) _must_check_;

/*
 * Stores the kept text, if there is one, in the variable; mounts efivarfs for it. 0 also where
 * nothing is kept; -ENODEV on a machine without EFI runtime services.
 */
int result_store(const struct root *root, unsigned int limit_s, struct ukd_error *e) _must_check_;

// SPDX-License-Identifier: GPL-2.0-or-later
/* See secret.h. */
#include "util/secret.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int process_keep_secrets(struct ukd_error *e)
{
	const struct rlimit none = {0, 0};

	/*
	 * The limit alone would not do: a core_pattern that begins with '|' is served whatever it
	 * is (do_coredump(), fs/coredump.c). Programs that are executed inherit it and are dumpable
	 * again.
	 */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return ukd_fail_errno(e, -errno, "cannot forbid core dumps");
	return 0;
}

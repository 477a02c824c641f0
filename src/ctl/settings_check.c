// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings as build takes them: see settings_check.h, ukdump.conf(5). */
#include "ctl/settings_check.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/cleanup.h"

int settings_for_build(const struct root *root, const char *path, struct settings *ret,
		       struct ukd_error *e)
{
	_free_ char *here = NULL, *full = NULL;

	if (path && path[0] != '/' && !root->path[0]) {
		here = getcwd(NULL, 0);
		if (!here)
			return ukd_fail_errno(e, -errno, "%s", path);
		if (asprintf(&full, "%s/%s", here, path) < 0)
			return ukd_oom(e);
		path = full;
	}
	return settings_load(root, path, ret, e);
}

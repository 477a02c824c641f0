// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings as build takes them: see settings_check.h, ukdump.conf(5). */
#include "ctl/settings_check.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/cleanup.h"

static void warn_unused(const struct settings *s)
{
	_settings_ struct settings d = {0};
	struct ukd_error ignored;

	if (settings_init(&d, &ignored) < 0)
		return;
	const struct {
		const char *name;
		bool changed;
	} unused[] = {
		{"Size", s->reserve.size != d.reserve.size},
		{"High", s->reserve.high != d.reserve.high},
		{"Low", s->reserve.low != d.reserve.low},
		{"Cma", s->reserve.cma != d.reserve.cma},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unused); i++)
		if (unused[i].changed)
			(void)fprintf(stderr,
				      "ukdumpctl: build: warning: %s= is set, but not used yet: "
				      "see ukdump.conf(5)\n",
				      unused[i].name);
}

int settings_for_build(const struct root *root, const char *path, struct settings *ret,
		       struct ukd_error *e)
{
	_free_ char *here = NULL, *full = NULL;
	int r;

	if (path && path[0] != '/' && !root->path[0]) {
		here = getcwd(NULL, 0);
		if (!here)
			return ukd_fail_errno(e, -errno, "%s", path);
		if (asprintf(&full, "%s/%s", here, path) < 0)
			return ukd_oom(e);
		path = full;
	}
	r = settings_load(root, path, ret, e);
	if (r >= 0)
		warn_unused(ret);
	return r;
}

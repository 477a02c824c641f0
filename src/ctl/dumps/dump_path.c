// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of dumps: see dump_path.h. */
#include "ctl/dumps/dump_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/dumps/records.h"
#include "util/cleanup.h"

static int set(char ret[PATH_MAX], struct ukd_error *e, const char *dir, const char *name)
{
	int n = snprintf(ret, PATH_MAX, "%s%s%s", dir, dir[0] ? "/" : "", name);

	return n < 0 || n >= PATH_MAX ? ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", name) :
					0;
}

int dump_path(const char *dump, char ret[PATH_MAX], struct ukd_error *e)
{
	_root_ struct root root = ROOT_NONE;
	_strings_ struct strings places = {0};
	const char *machine;
	int r;

	if (!store_is_crash(dump, &machine) || access(dump, F_OK) == 0)
		return set(ret, e, "", dump);
	r = root_open(NULL, &root, e);
	if (r >= 0)
		r = records_own_places(&root, &places, e);
	for (unsigned int i = 0; r >= 0 && i < places.n; i++) {
		r = set(ret, e, places.v[i], dump);
		if (r >= 0 && access(ret, F_OK) == 0)
			return 0;
	}
	return r < 0 ? r :
		       ukd_fail(e, -ENOENT,
				"%s: neither here nor in a target of this machine; "
				"'ukdumpctl list' shows what is there",
				dump);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec:/PROGRAM: a program of the site takes what is saved, in whatever way it likes. It is called
 * as `PROGRAM NAME` for each file (the log, the dump, the manifest last), reads the content, and
 * has the crash's name in UKDUMP_CRASH. Its exit status counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stream.h"

#define SCHEME "exec:"

static bool handles(const char *place)
{
	return !strncmp(place, SCHEME "/", strlen(SCHEME "/"));
}

static int put(struct attempt *a, const char *name, struct arguments *ret, struct ukd_error *e)
{
	(void)e;
	arguments_add(ret, "%s%s", a->c->root->path, a->place + strlen(SCHEME));
	arguments_add(ret, "%s", name);
	return 0;
}

static int connect(struct attempt *a, struct ukd_error *e)
{
	static const struct stream_ops ops = {.put = put};
	const char *program = a->place + strlen(SCHEME);

	if (!root_exists(a->c->root, program))
		return ukd_fail(e, -ENOENT, "%s is not in the image", program);
	crash_name(a->c, 0, a->name, sizeof(a->name));
	if (setenv("UKDUMP_CRASH", a->name, 1) < 0)
		return ukd_fail_errno(e, -errno, "setenv");
	a->stream = &ops;
	return 0;
}

const struct target_ops exec_target = {
	.handles = handles,
	.connect = connect,
	STREAM_OPERATIONS,
};

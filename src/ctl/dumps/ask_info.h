/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines a dump by `ukdumpctl info --json`: a process that a hostile or huge dump can end or hold
 * up without harm.
 */
#pragma once

#include "ctl/ctl.h"

/* What `info` has said. */
struct said {
	int code;		   /* exit code, or a negative errno: it did not come to its end */
	struct json_object *facts; /* NULL: none. The caller puts it */
	char complaint[512];	   /* the first */
};

/* check: "--checksum", "--full", or NULL. It is killed after limit_s seconds. */
int ask_info(const char *dir, const char *check, unsigned int limit_s, struct said *ret,
	     struct ukd_error *e) _must_check_;

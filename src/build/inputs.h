/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went into an image, so that it can be told later whether the image is still what a build
 * would make. The record lies beside the image as NAME.inputs, a line for each input:
 *
 *	SHA256 SIZE MTIME_NS /path	a file; the digest is "-" if others may not read it, since
 *that of a short secret would give it away
 *	- - - /path			a file that was not there
 *	SHA256 - - what			what is no file, such as "command line"
 */
#pragma once

#include <time.h>

#include "conf/conf.h"
#include "util/root.h"

#define INPUTS_MAX MIB(16) /* bytes of a record */

struct input {
	char *name;
	char digest[65];
	char stat[48]; /* "SIZE MTIME_NS" or "- -" */
};

struct inputs {
	struct input *v;
	unsigned int n;
};

void inputs_free(struct inputs *l);
#define _inputs_ _cleanup_(inputs_free)

/* What is no file; its name does not begin with '/'. */
int inputs_add_text(struct inputs *l, const char *name, struct bytes text,
		    struct ukd_error *e) _must_check_;

/*
 * Files of the root, each once; sorts paths. Those that were written after begin (CLOCK_REALTIME)
 * are recorded as changed: what the image has of them nobody knows.
 */
int inputs_add_files(struct inputs *l, const struct root *root, struct strings *paths,
		     const struct timespec *begin, struct ukd_error *e) _must_check_;

int inputs_format(const struct inputs *l, struct buffer *ret, struct ukd_error *e) _must_check_;
/* Refuses (check "inputs.syntax") what inputs_format() did not write. */
int inputs_parse(struct bytes text, struct inputs *ret, struct ukd_error *e) _must_check_;

/*
 * The names of what has changed since. Of a file with another size or time the digest decides.
 * What is no file is compared with now; what that does not have counts as unchanged.
 */
int inputs_changed(const struct inputs *recorded, const struct root *root, const struct inputs *now,
		   struct strings *ret, struct ukd_error *e) _must_check_;

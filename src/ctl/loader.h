/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ukdump-load, run as a program: the privileged loading path is one binary to audit. */
#pragma once

#include <limits.h>

#include "util/file.h"
#include "util/root.h"

#define ARMED_FILE   "/run/ukdump/armed"
#define LAST_GOOD    "/var/lib/ukdump/last-good" /* a link to the image that was loaded last */
#define IMAGE_ID_HEX 65				 /* characters, with the NUL */

/*
 * Runs `ukdump-load VERB [--profile=PROFILE] [IMAGE]`; profile and image may be NULL. Its messages
 * are passed on to our stderr when it has ended. Returns its exit code, its stdout (key=value
 * lines) in *ret and the last of its messages in e (-EREMOTEIO, to be used if it failed); or
 * another negative errno. Prefers the program beside our own, as in a build directory.
 */
int loader_run(const char *verb, const char *profile, const char *image, struct buffer *ret,
	       struct ukd_error *e) _must_check_;

/* The value of a key in ukdump-load's output as a heap string, or NULL. */
char *loader_value(const struct buffer *output, const char *key);

/* The same as a number; 0 if it is not there. */
uint64_t loader_number(const struct buffer *output, const char *key);

/* What ukdump-load has recorded of the image that it has armed. */
struct armed_record {
	char image[IMAGE_ID_HEX]; /* its id */
	char path[PATH_MAX];
	char kernel[128]; /* empty: it does not say */
};

/* -ENOENT if nothing is armed, or not by ukdump-load; -ENODATA if image or path are not in it. */
int armed_record_read(const struct root *root, struct armed_record *ret,
		      struct ukd_error *e) _must_check_;

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a kernel log, without what printk and its readers put in front of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define LINE_MAX_LEN 2048 /* a record has at most 1024 bytes; what is beyond is cut */

struct line {
	uint64_t off;		 /* of the whole line in the log */
	char text[LINE_MAX_LEN]; /* printable ASCII and tabs; '?' for all else */
	bool has_time;
	uint64_t time_us;
	char caller[16]; /* "T123", "C0" (CONFIG_PRINTK_CALLER), or empty */
};

/*
 * The line that begins at *off, which is moved behind it. "<4>[    1.234567][  T123] text" becomes
 * "text"; blanks at its beginning stay, they mark frames. False at the end.
 */
bool line_next(struct bytes log, uint64_t *off, struct line *ret);

/* Behind prefix, or NULL if text does not begin with it. */
const char *line_after(const char *text, const char *prefix);

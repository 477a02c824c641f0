/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a dump is what its manifest says. */
#pragma once

#include <stdbool.h>

enum dump_quality {
	DUMP_IS_BAD,
	DUMP_IS_UNKNOWN, /* nothing to compare with */
	DUMP_IS_GOOD,
};

struct dump_verdict {
	enum dump_quality quality;
	char reason[512]; /* why it is not good */
};

/* Looks at the directory of a crash; full: reads every page. A good one has the size and the
 * SHA-256 of its manifest, and opens. What is no complete dump is bad. */
void dump_verify(const char *path, bool full, struct dump_verdict *ret);

/* "good", "bad", "unknown" */
const char *dump_quality_name(enum dump_quality quality);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this dump file complete? Looks at structure only: kdump-compressed (what makedumpfile writes)
 * and ELF cores. (Its flattened form is followed as it passes: flattened.h.) What was written by a
 * tool on a failing machine to a failing disk is not trusted: every offset is checked against the
 * file's size.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/progress.h"

enum dump_format {
	DUMP_UNKNOWN,
	DUMP_KDUMP,
	DUMP_FLATTENED, /* never found by dump_check() */
	DUMP_ELF,
};

struct dump_facts {
	enum dump_format format;
	uint64_t size;	/* of the file */
	uint64_t pages; /* kdump-compressed: pages with data */
	/*
	 * Headers, tables and the first data are there: the file can be read in part even when the
	 * check as a whole fails.
	 */
	bool readable;
};

/*
 * Checks a dump. *ret is always filled as far as it went. -EBADMSG with one of the checks
 * "dump.signature", "dump.header", "dump.incomplete" (the writer says so), "dump.truncated",
 * "dump.descriptor".
 */
int dump_check(int fd, struct dump_facts *ret, struct ukd_error *e) _must_check_;

/*
 * Reads the whole file back and hashes it. Returns -ETIME, hex untouched, when clock_ms() passes
 * end_ms first.
 */
int dump_hash(int fd, uint64_t end_ms, struct progress *progress, char hex[65],
	      struct ukd_error *e) _must_check_;

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little that must be known about an ELF core (/proc/vmcore, or a plain copy of it): the text
 * of its VMCOREINFO note, and how long a complete one is. Only ELF64, little endian, as every
 * kernel that ukdump supports writes it. All of it is input from a crashed kernel: hostile.
 */
#pragma once

#include <stdint.h>

#include "util/error.h"
#include "util/file.h"
#include "util/root.h"

/* What the crashed kernel says about itself. Unknown values are 0 or "". */
struct crash {
	uint64_t time;	  /* CRASHTIME=, seconds since 1970 */
	char release[72]; /* OSRELEASE=, printable */
	uint64_t size;	  /* of /proc/vmcore in bytes */
};

/*
 * Reads the ELF header and VMCOREINFO of /proc/vmcore inside root. -EBADMSG (checks "vmcore.*") if
 * it is not a core or has no VMCOREINFO; ret then still has what was found (the size).
 */
int crash_read(const struct root *root, struct crash *ret, struct ukd_error *e) _must_check_;

/*
 * The file size that the program headers of an ELF core ask for: the largest end of any segment.
 * fd is read from its start; name is for messages.
 */
int elfcore_extent(int fd, const char *name, uint64_t *ret, struct ukd_error *e) _must_check_;

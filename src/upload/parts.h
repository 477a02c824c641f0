/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large the parts of an S3 multipart upload are. S3's limits: 10,000 parts, each of 5 MiB to
 * 5 GiB (the last one may be smaller), 5 TiB in all. The length of the content is not known, and a
 * part must be in memory as a whole, since it is sent again when its transfer failed. So parts
 * start small and double after each thousand: 8 MiB, 16 MiB, ... 4 GiB reach 7.8 TiB. A part is
 * never larger than a 500th of what was sent before its thousand began.
 */
#pragma once

#include <stdint.h>

#include "base/macro.h"

#define PARTS_MAX	10000u
#define PART_SIZE_MIN	MIB(5)
#define PART_SIZE_MAX	MIB(5 * 1024)
#define PART_SIZE	MIB(8)
#define OBJECT_SIZE_MAX MIB(5ull * 1024 * 1024)

/*
 * The size of the first parts: first (0: PART_SIZE), or more where hint bytes (0: not known) would
 * need more parts than there are.
 */
uint64_t part_size_first(uint64_t first, uint64_t hint);

/*
 * The size of part number (counted from 1), if the first parts have first bytes; never more than
 * limit, what memory allows.
 */
uint64_t part_size(unsigned int number, uint64_t first, uint64_t limit);

/* The bytes that all parts together can take. */
uint64_t parts_reach(uint64_t first, uint64_t limit);

/*
 * What memory allows a part to have: a quarter of MemAvailable in text, the content of
 * /proc/meminfo (what makes the dump runs at the same time), but not less than PART_SIZE_MIN.
 * Without such a line PART_SIZE.
 */
uint64_t part_size_limit(const char *meminfo);

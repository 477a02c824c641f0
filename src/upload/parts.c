// SPDX-License-Identifier: GPL-2.0-or-later
/* The sizes of parts: see parts.h. */
#include "upload/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define PARTS_PER_STEP 1000u

static uint64_t at_most(uint64_t v, uint64_t limit)
{
	return v < limit ? v : limit;
}

uint64_t part_size_first(uint64_t first, uint64_t hint)
{
	uint64_t needed = align_up((hint + PARTS_MAX - 1) / PARTS_MAX, MIB(1));

	if (!first)
		first = PART_SIZE;
	return at_most(needed > first ? needed : first, PART_SIZE_MAX);
}

uint64_t part_size(unsigned int number, uint64_t first, uint64_t limit)
{
	unsigned int last = number < PARTS_MAX ? number : PARTS_MAX;
	uint64_t step = PART_SIZE << (last - 1) / PARTS_PER_STEP;

	return at_most(step > first ? step : first, at_most(limit, PART_SIZE_MAX));
}

uint64_t parts_reach(uint64_t first, uint64_t limit)
{
	uint64_t sum = 0;

	for (unsigned int n = 1; n <= PARTS_MAX; n += PARTS_PER_STEP)
		sum += PARTS_PER_STEP * part_size(n, first, limit);
	return at_most(sum, OBJECT_SIZE_MAX);
}

uint64_t part_size_limit(const char *meminfo)
{
	static const char key[] = "MemAvailable:";
	const char *line = strstr(meminfo, key);
	uint64_t share;

	if (!line)
		return PART_SIZE;
	share = strtoull(line + sizeof(key) - 1, NULL, 10) * 1024 / 4;
	return share > PART_SIZE_MIN ? share : PART_SIZE_MIN;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The time budget: see budget.h. */
#include "capture/budget.h"

#include <limits.h>
#include <stdbool.h>

#include "base/bytes.h"

#define RESERVE_MAX_MS 30000

#define AUTO_BASE_S	 600
#define AUTO_MAX_S	 (6 * 3600)
#define SLOW_DISK	 MIB(50) /* per second: a disk of a busy array, a network of 1 Gbit/s shared */
#define LEVEL_USER_FREE	 (8 | 16) /* leaves out what fills memory: user pages and free pages */
#define FILTERED_DIVISOR 8	  /* what such a dump has of a memory: 2 to 10 %, here more */

uint64_t budget_auto_s(uint64_t core_size, unsigned int dump_level)
{
	bool filtered = (dump_level & LEVEL_USER_FREE) == LEVEL_USER_FREE;
	uint64_t s = core_size / (filtered ? FILTERED_DIVISOR : 1) / SLOW_DISK + AUTO_BASE_S;

	return s < AUTO_MAX_S ? s : AUTO_MAX_S;
}

void budget_start(struct budget *b, uint64_t total_s)
{
	b->total_ms = total_s * 1000;
	b->end_ms = clock_ms() + b->total_ms;
}

uint64_t budget_left_ms(const struct budget *b)
{
	uint64_t now = clock_ms();

	return now < b->end_ms ? b->end_ms - now : 0;
}

uint64_t budget_work_ms(const struct budget *b)
{
	uint64_t left = budget_left_ms(b), reserve = b->total_ms / 5;

	if (reserve > RESERVE_MAX_MS)
		reserve = RESERVE_MAX_MS;
	return left > reserve ? left - reserve : 0;
}

static unsigned int limit(uint64_t ms, uint64_t max_s)
{
	uint64_t s = ms / 1000;

	if (s > max_s)
		s = max_s;
	if (s > INT_MAX / 1000)
		s = INT_MAX / 1000;
	return s ? (unsigned int)s : 1;
}

unsigned int budget_work_s(const struct budget *b, uint64_t max_s)
{
	return limit(budget_work_ms(b), max_s);
}

unsigned int budget_any_s(const struct budget *b, uint64_t max_s)
{
	return limit(budget_left_ms(b), max_s);
}

unsigned int budget_share_s(const struct budget *b, unsigned int n, uint64_t max_s)
{
	return limit(b->total_ms / n, max_s);
}

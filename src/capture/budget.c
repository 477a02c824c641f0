// SPDX-License-Identifier: GPL-2.0-or-later
/* The time budget: see budget.h. */
#include "capture/budget.h"

#include <limits.h>

#define RESERVE_MAX_MS 30000

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

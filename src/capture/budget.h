/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time that the capture environment may take (TimeoutSec=), and how every wait gets its limit
 * from what is left of it. The last part is kept for recording and leaving: the watchdog fires at
 * the end of it (watchdog.h).
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

struct budget {
	uint64_t total_ms;
	uint64_t end_ms; /* on clock_ms() */
};

/*
 * The seconds that TimeoutSec=auto stands for: 10 minutes, and what writing the dump of a memory
 * of core_size bytes takes on a slow disk, 6 hours at most.
 */
uint64_t budget_auto_s(uint64_t core_size, unsigned int dump_level);

void budget_start(struct budget *b, uint64_t total_s);

/* Milliseconds until the end, or until the part that is kept for recording; 0 when over. */
uint64_t budget_left_ms(const struct budget *b);
uint64_t budget_work_ms(const struct budget *b);

/*
 * The limit in seconds, at least 1, of a wait that may take max_s at most: never more than what is
 * left for work (budget_work_s) or than is left at all (budget_any_s).
 */
unsigned int budget_work_s(const struct budget *b, uint64_t max_s);
unsigned int budget_any_s(const struct budget *b, uint64_t max_s);

/* The total divided by n, in seconds, at least 1 and at most max_s. */
unsigned int budget_share_s(const struct budget *b, unsigned int n, uint64_t max_s);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peak of memory in use in the capture environment: MemTotal minus the lowest MemAvailable
 * seen (/proc/meminfo). Sampled once a second while the collector runs and at the end of each
 * stage, so a peak shorter than a second, or before the program starts, is not seen.
 */
#pragma once

#include <stdint.h>

#include "util/root.h"

struct memory_watch {
	uint64_t total;	 /* bytes, 0: unknown */
	uint64_t lowest; /* lowest available, bytes */
};

/* One sample; quietly does nothing where /proc/meminfo cannot be read. */
void memory_sample(struct memory_watch *m, const struct root *root);

/* Bytes in use at the worst moment. */
uint64_t memory_peak(const struct memory_watch *m);

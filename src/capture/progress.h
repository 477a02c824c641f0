/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Progress on the console: percent, amount, rate and time left, every 10 seconds and at the end. */
#pragma once

#include "capture/capture.h"

struct progress {
	struct capture *c;
	const char *what; /* a literal: "dump", "read back" */
	uint64_t begin_ms;
	uint64_t said_ms;
	/* Where the percentage began to rise: makedumpfile counts several phases from 0. */
	double percent;
	double first_percent;
	uint64_t phase_ms;
};

void progress_begin(struct progress *p, struct capture *c, const char *what);

/* Samples memory, too. percent: below 0 if it is not known. Bytes as they are written. */
void progress_step(struct progress *p, uint64_t bytes, double percent);

/* The last line, if there was a first. */
void progress_end(struct progress *p, uint64_t bytes);

/* done of total as a percentage, or below 0. */
double progress_percent(uint64_t done, uint64_t total);

/* Pure: the line. left_s: UINT64_MAX if not known. */
void progress_text(uint64_t bytes, double percent, uint64_t ms, uint64_t left_s, char *ret,
		   unsigned long size);

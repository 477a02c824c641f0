// SPDX-License-Identifier: GPL-2.0-or-later
/* Progress lines: see progress.h. */
#include "capture/progress.h"

#include <stdio.h>

#include "util/parse.h"

#define SAY_EVERY_MS 10000

void progress_begin(struct progress *p, struct capture *c, const char *what)
{
	uint64_t now = clock_ms();

	*p = (struct progress){
		.c = c, .what = what, .begin_ms = now, .said_ms = now, .phase_ms = now};
}

double progress_percent(uint64_t done, uint64_t total)
{
	if (!total)
		return -1;
	return done < total ? 100.0 * (double)done / (double)total : 100;
}

/* Seconds until 100 % at the pace of this phase. */
static uint64_t time_left(const struct progress *p, uint64_t now)
{
	double risen = p->percent - p->first_percent;

	if (risen <= 0)
		return UINT64_MAX;
	return (uint64_t)((100 - p->percent) / risen * (double)(now - p->phase_ms) / 1000);
}

void progress_text(uint64_t bytes, double percent, uint64_t ms, uint64_t left_s, char *ret,
		   unsigned long size)
{
	char amount[FORMAT_SIZE_MAX], rate[FORMAT_SIZE_MAX], part[32] = "", left[48] = "";

	(void)format_size(bytes, amount);
	(void)format_size(ms ? bytes * 1000 / ms : 0, rate);
	if (percent >= 0)
		(void)snprintf(part, sizeof(part), "%u %%, ", (unsigned int)percent);
	if (left_s != UINT64_MAX)
		(void)snprintf(left, sizeof(left), ", %llu s left", (unsigned long long)left_s);
	(void)snprintf(ret, size, "%s%s in %llu s, %s/s%s", part, amount,
		       (unsigned long long)(ms / 1000), rate, left);
}

static void say(struct progress *p, uint64_t bytes, double percent, uint64_t left_s)
{
	uint64_t now = clock_ms();
	char line[160];

	p->said_ms = now;
	progress_text(bytes, percent, now - p->begin_ms, left_s, line, sizeof(line));
	capture_say(p->c, LOG_LEVEL_INFO, "%s: %s", p->what, line);
}

void progress_step(struct progress *p, uint64_t bytes, double percent)
{
	uint64_t now = clock_ms();

	memory_sample(&p->c->memory, p->c->root);
	if (percent < p->percent) {
		p->first_percent = percent;
		p->phase_ms = now;
	}
	p->percent = percent;
	if (now - p->said_ms >= SAY_EVERY_MS)
		say(p, bytes, percent, percent >= 0 ? time_left(p, now) : UINT64_MAX);
}

void progress_end(struct progress *p, uint64_t bytes)
{
	if (p->said_ms != p->begin_ms)
		say(p, bytes, -1, UINT64_MAX);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Stages, targets, collector: see record.h. */
#include "capture/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/budget.h"

struct stage *record_begin(struct record *r, const char *name)
{
	struct stage *s;

	if (r->n_stages < RECORD_STAGES)
		r->n_stages++;
	s = &r->stages[r->n_stages - 1];
	*s = (struct stage){.name = name, .outcome = OUTCOME_FAILED, .start_ms = clock_ms()};
	return s;
}

void record_end(struct stage *s, enum outcome outcome, const char *reason)
{
	s->outcome = outcome;
	s->ms = clock_ms() - s->start_ms;
	s->ended = true;
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason ? reason : "");
}

struct target_record *record_target(struct record *r, const char *uri)
{
	struct target_record *t;

	if (r->n_targets < RECORD_TARGETS)
		r->n_targets++;
	t = &r->targets[r->n_targets - 1];
	*t = (struct target_record){.state = STATE_FAILED};
	(void)snprintf(t->uri, sizeof(t->uri), "%s", uri);
	return t;
}

void record_reset_dump(struct record *r)
{
	r->state = STATE_FAILED;
	memset(&r->collector, 0, sizeof(r->collector));
	r->collector.exit = -1;
	r->file[0] = 0;
	r->file_part[0] = 0;
	r->format = NULL;
	r->bytes = 0;
	r->sha256[0] = 0;
	r->checked = CHECKED_NOT;
	r->n_warnings = 0;
}

void record_warn(struct record *r, const char *text)
{
	if (r->n_warnings < RECORD_WARNINGS)
		(void)snprintf(r->warnings[r->n_warnings++], sizeof(r->warnings[0]), "%s", text);
}

unsigned int record_level(const struct record *r)
{
	for (unsigned int i = 0; i + 1 < r->collector.n_args; i++)
		if (!strcmp(r->collector.args[i], "-d"))
			return (unsigned int)strtoul(r->collector.args[i + 1], NULL, 10);
	return 0;
}

void record_collector(struct record *r, const char *const *argv)
{
	unsigned int n = 0;

	for (; n < RECORD_ARGS && argv[n]; n++)
		(void)snprintf(r->collector.args[n], sizeof(r->collector.args[n]), "%s", argv[n]);
	r->collector.n_args = n;
	r->collector.exit = -1;
}

const char *dump_state_name(enum dump_state state)
{
	static const char *const names[] = {
		[STATE_FAILED] = "failed",
		[STATE_LOG_ONLY] = "log-only",
		[STATE_PARTIAL] = "partial",
		[STATE_COMPLETE] = "complete",
	};

	return names[state];
}

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_OK] = "ok",
		[OUTCOME_WARNING] = "warning",
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_SKIPPED] = "skipped",
	};

	return names[outcome];
}

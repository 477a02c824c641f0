// SPDX-License-Identifier: GPL-2.0-or-later
/* See outcome.h. */
#include "ctl/image/outcome.h"

#include <string.h>

static const struct text_member members[] = {
	TEXT_MEMBER(outcome, time),
	TEXT_MEMBER(outcome, result),
	TEXT_MEMBER(outcome, reason),
	TEXT_MEMBER(outcome, image),
};

static const struct text_record record = {
	.path = OUTCOME_FILE,
	.dir_mode = 0755,
	.v = members,
	.n = ARRAY_SIZE(members),
};

static bool is_result(const char *s)
{
	return !strcmp(s, OUTCOME_DONE) || !strcmp(s, OUTCOME_WAITS) ||
	       !strcmp(s, OUTCOME_NEXT_BOOT) || !strcmp(s, OUTCOME_FAILED);
}

bool outcome_read(const struct root *root, struct outcome *ret)
{
	struct ukd_error ignored;
	struct outcome o = {0};

	if (text_record_read(root, &record, &o, &ignored) < 0 || !o.time[0] || !is_result(o.result))
		return false;
	*ret = o;
	return true;
}

int outcome_write(const struct root *root, struct outcome *o, struct ukd_error *e)
{
	time_text_now(o->time);
	return text_record_write(root, &record, o, e);
}

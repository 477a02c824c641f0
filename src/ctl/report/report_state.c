// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of `report --boot`: see report_state.h. */
#include "ctl/report/report_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEEN_MAX 4096 /* the oldest are forgotten: their directories are gone for long */

void report_state_free(struct report_state *s)
{
	strings_free(&s->seen);
}

/* A word that is none of these becomes instead. */
static void keep_known(char *text, size_t size, const char *const words[], const char *instead)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return;
	(void)snprintf(text, size, "%s", instead);
}

static void keep_known_words(struct crash *c)
{
	static const char *const states[] = {"",       "complete",   "partial", "log-only",
					     "failed", "unfinished", NULL};
	static const char *const verified[] = {"", "yes", "no", "unknown", NULL};

	keep_known(c->state, sizeof(c->state), states, "failed");
	keep_known(c->verified, sizeof(c->verified), verified, "unknown");
}

static int take_line(void *record, const char *key, const char *text)
{
	struct report_state *s = record;

	if (!strcmp(key, "seen"))
		return strings_add(&s->seen, text);
	if (!strcmp(key, "cleared"))
		s->cleared = !strcmp(text, "yes");
	return 0;
}

static void print_lines(const void *record, FILE *out)
{
	const struct report_state *s = record;
	unsigned int n = s->seen.n;

	if (s->cleared)
		(void)fprintf(out, "cleared=yes\n");
	for (unsigned int i = n > SEEN_MAX ? n - SEEN_MAX : 0; i < n; i++)
		(void)fprintf(out, "seen=%s\n", s->seen.v[i]);
}

static const struct text_member members[] = {
	TEXT_MEMBER(report_state, reported),
	TEXT_MEMBER_AS("crash", report_state, last.name),
	TEXT_MEMBER_AS("state", report_state, last.state),
	TEXT_MEMBER_AS("verified", report_state, last.verified),
	TEXT_MEMBER_AS("dump", report_state, last.dump),
	TEXT_MEMBER_AS("kernel", report_state, last.kernel),
	TEXT_MEMBER_AS("panic", report_state, last.panic),
	TEXT_MEMBER_AS("kind", report_state, last.kind),
	TEXT_MEMBER_AS("signature", report_state, last.signature),
	TEXT_MEMBER_AS("reason", report_state, last.reason),
	TEXT_MEMBER(report_state, variable),
};

static const struct text_record state_record = {
	.path = "/var/lib/ukdump/report",
	.dir_mode = 0700,
	.v = members,
	.n = ARRAY_SIZE(members),
	.take = take_line,
	.print = print_lines,
};

int report_state_read(const struct root *root, struct report_state *ret, struct ukd_error *e)
{
	_report_state_ struct report_state s = {0};
	int r = text_record_read(root, &state_record, &s, e);

	if (r < 0 && r != -ENOENT)
		return r;
	keep_known_words(&s.last);
	*ret = s;
	s = (struct report_state){0};
	return 0;
}

int report_state_write(const struct root *root, const struct report_state *s, struct ukd_error *e)
{
	return text_record_write(root, &state_record, s, e);
}

bool report_state_has_seen(const struct report_state *s, const char *name)
{
	for (unsigned int i = 0; i < s->seen.n; i++)
		if (!strcmp(s->seen.v[i], name))
			return true;
	return false;
}

bool report_state_problem(const struct report_state *s, char *ret, size_t size)
{
	const struct crash *c = &s->last;
	bool damaged = !strcmp(c->verified, "no");

	if (!c->state[0] || s->cleared || crash_is_good(c))
		return false;
	(void)snprintf(ret, size,
		       "the last crash%s%s left %s (%s)%s%.200s; look into it, then end this "
		       "problem with 'ukdumpctl report --clear'",
		       c->name[0] ? " " : "", c->name,
		       damaged ? "a dump that does not verify" : "no complete dump",
		       damaged ? c->dump : c->state, c->reason[0] ? ": " : "", c->reason);
	return true;
}

struct json_object *report_state_json(const struct report_state *s)
{
	struct json_object *o;

	if (!s->last.state[0])
		return NULL;
	o = json_object_checked();
	crash_json(o, &s->last);
	json_text(o, "reported", s->reported);
	json_flag(o, "cleared", s->cleared);
	return o;
}

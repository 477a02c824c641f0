// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of `report --boot`: see report_state.h. Root's own file; read with bounds all the
 * same. */
#include "ctl/report_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define DIRECTORY "var/lib/ukdump"
#define STATE	  DIRECTORY "/report"
#define STATE_MAX MIB(1)
#define SEEN_MAX  4096 /* the oldest are forgotten: their directories are gone for long */

struct member {
	const char *key;
	char *text;
	size_t size;
};

#define MEMBERS 12

static void members(struct report_state *s, struct member ret[MEMBERS])
{
	struct crash *c = &s->last;
	const struct member list[MEMBERS] = {
		{"reported", s->reported, sizeof(s->reported)},
		{"crash", c->name, sizeof(c->name)},
		{"state", c->state, sizeof(c->state)},
		{"verified", c->verified, sizeof(c->verified)},
		{"dump", c->dump, sizeof(c->dump)},
		{"kernel", c->kernel, sizeof(c->kernel)},
		{"panic", c->panic, sizeof(c->panic)},
		{"kind", c->kind, sizeof(c->kind)},
		{"signature", c->signature, sizeof(c->signature)},
		{"reason", c->reason, sizeof(c->reason)},
		{"variable", s->variable, sizeof(s->variable)},
		{0},
	};

	memcpy(ret, list, sizeof(list));
}

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

static int read_line(struct report_state *s, char *line)
{
	char *value = strchr(line, '=');
	struct member list[MEMBERS];

	if (!value)
		return 0;
	*value++ = 0;
	if (!strcmp(line, "seen"))
		return strings_add(&s->seen, value);
	if (!strcmp(line, "cleared"))
		s->cleared = !strcmp(value, "yes");
	members(s, list);
	for (const struct member *m = list; m->key; m++)
		if (!strcmp(line, m->key))
			(void)snprintf(m->text, m->size, "%s", text_clean(value));
	return 0;
}

int report_state_read(const struct root *root, struct report_state *ret, struct ukd_error *e)
{
	_report_state_ struct report_state s = {0};
	_buffer_ struct buffer b = {0};
	char *line, *rest;
	int r = root_read(root, "/" STATE, STATE_MAX, &b, e);

	if (r < 0 && r != -ENOENT)
		return r;
	rest = (char *)b.data;
	for (r = 0; r >= 0 && (line = strsep(&rest, "\n"));)
		r = read_line(&s, line);
	if (r < 0)
		return ukd_oom(e);
	keep_known_words(&s.last);
	*ret = s;
	s = (struct report_state){0};
	return 0;
}

/* Cleans what it prints: one line each. */
static void print(struct report_state *s, FILE *out)
{
	unsigned int n = s->seen.n;
	struct member list[MEMBERS];

	members(s, list);
	for (const struct member *m = list; m->key; m++)
		if (m->text[0])
			fprintf(out, "%s=%s\n", m->key, text_clean(m->text));
	if (s->cleared)
		fprintf(out, "cleared=yes\n");
	for (unsigned int i = n > SEEN_MAX ? n - SEEN_MAX : 0; i < n; i++)
		fprintf(out, "seen=%s\n", s->seen.v[i]);
}

int report_state_write(const struct root *root, const struct report_state *s, struct ukd_error *e)
{
	struct report_state copy = *s; /* borrows the list */
	_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return ukd_oom(e);
	print(&copy, out);
	if (fclose(out) != 0)
		return ukd_oom(e);
	r = root_check_plain(root, "/" DIRECTORY, e);
	if (r >= 0)
		r = make_directories(root->fd, DIRECTORY, 0700, e);
	return r < 0 ? r :
		       file_replace(root->fd, STATE, 0600,
				    (struct bytes){(const uint8_t *)text, size}, e);
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

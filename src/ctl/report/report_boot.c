// SPDX-License-Identifier: GPL-2.0-or-later
/* Reports what happened before this boot: see report_boot.h. */
#include "ctl/report/report_boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/report/crash.h"
#include "ctl/hookdir.h"
#include "ctl/report/left_result.h"
#include "ctl/report/report_state.h"
#include "ctl/dumps/result.h"
#include "ctl/report/test_result.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define NEW_MAX	     16 /* crashes that one run reports, the newest; older ones are taken as known */
#define VERIFY_ALL_S 1200 /* for all dumps together */
#define NOTIFY_S     60	  /* for each program */

struct boot {
	const struct root *root;
	struct report_state state;
	struct crashes crashes; /* new ones only */
	struct left_result left;
	struct json_object *test; /* what came of a crash test; NULL: none waited */
	bool failed;
};

static void boot_free(struct boot *b)
{
	report_state_free(&b->state);
	crashes_free(&b->crashes);
	json_putp(&b->test);
}

static void complain(const struct ukd_error *e)
{
	fprintf(stderr, "ukdumpctl: warning: %s\n", e->text);
}

/* Keeps of the crashes what was not reported yet, and of that the newest. */
static int keep_new(struct boot *b, struct ukd_error *e)
{
	struct crashes *c = &b->crashes;
	size_t n = 0, skip;

	for (size_t i = 0; i < c->n; i++)
		if (!report_state_has_seen(&b->state, c->v[i].name))
			c->v[n++] = c->v[i];
	skip = n > NEW_MAX ? n - NEW_MAX : 0;
	for (size_t i = 0; i < skip; i++)
		if (strings_add(&b->state.seen, c->v[i].name) < 0)
			return ukd_oom(e);
	if (skip)
		memmove(c->v, c->v + skip, (n - skip) * sizeof(*c->v));
	c->n = n - skip;
	return 0;
}

/* Without settings to go by, dumps are looked for where they are by default. */
static int find_new(struct boot *b, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	int r = settings_load(b->root, NULL, &settings, e);

	if (r < 0) {
		complain(e);
		r = settings_init(&settings, e);
	}
	if (r >= 0)
		r = crashes_find(b->root, &settings.dump.target, &b->crashes, e);
	return r < 0 ? r : keep_new(b, e);
}

static void examine_all(struct boot *b)
{
	uint64_t end = clock_ms() + VERIFY_ALL_S * 1000ULL;

	for (size_t i = 0; i < b->crashes.n; i++) {
		uint64_t now = clock_ms(), left = now < end ? (end - now) / 1000 : 0;

		crash_examine(b->root, &b->crashes.v[i], (unsigned int)(left / (b->crashes.n - i)));
	}
}

/* What the variable tells of a crash that has a directory, or of one that has none. */
static int add_left_result(struct boot *b, struct ukd_error *e)
{
	struct crash *crash = NULL;

	if (!b->left.there || !strcmp(b->left.sha256, b->state.variable))
		return 0;
	for (size_t i = 0; i < b->crashes.n; i++)
		if (!strcmp(b->crashes.v[i].name, b->left.crash.name))
			crash = &b->crashes.v[i];
	if (!crash) {
		crash = crashes_add(&b->crashes);
		if (!crash)
			return ukd_oom(e);
		*crash = b->left.crash;
		crashes_sort(&b->crashes);
	} else {
		left_result_merge(crash, &b->left.crash);
	}
	return 0;
}

static void tell_journal(struct boot *b, const struct crash *crash)
{
	struct journal_field fields[CRASH_FIELDS];
	char sentence[CRASH_SENTENCE];
	struct ukd_error e;

	crash_fields(crash, fields);
	if (journal_send(crash_is_good(crash) ? LOG_WARNING : LOG_ERR, JOURNAL_CRASH,
			 crash_sentence(crash, sentence), fields, CRASH_FIELDS, &e) >= 0)
		return;
	complain(&e);
	b->failed = true;
}

static void notified(void *ctx, const char *program, const struct ukd_error *result)
{
	const struct crash *crash = ctx;
	const struct journal_field fields[] = {
		{"UKDUMP_CRASH", crash->name},
		{"UKDUMP_PROGRAM", program},
		{"UKDUMP_REASON", result->text},
	};
	struct ukd_error e;

	if (!result->code)
		return;
	complain(result);
	if (journal_send(LOG_WARNING, JOURNAL_NOTIFY_FAILED, result->text, fields,
			 ARRAY_SIZE(fields), &e) < 0)
		complain(&e);
}

static int notify(struct boot *b, struct crash *crash, struct ukd_error *e)
{
	struct journal_field fields[CRASH_FIELDS];
	_strings_ struct strings env = {0};
	struct hookdir h = {.root = b->root,
			    .path = NOTIFY_DIR,
			    .limit_s = NOTIFY_S,
			    .done = notified,
			    .ctx = crash};
	int r = 0;

	crash_fields(crash, fields);
	for (size_t i = 0; r >= 0 && i < CRASH_FIELDS; i++) {
		char line[PATH_MAX + 64];

		(void)snprintf(line, sizeof(line), "%s=%s", fields[i].name, fields[i].value);
		r = strings_add(&env, line);
	}
	if (r < 0)
		return ukd_oom(e);
	h.env = (const char *const *)env.v;
	return hookdir_run(&h, e);
}

static int remember(struct boot *b, const struct crash *crash, struct ukd_error *e)
{
	struct report_state *s = &b->state;

	s->last = *crash;
	s->cleared = false;
	time_text_now(s->reported);
	if (crash->name[0] && !report_state_has_seen(s, crash->name) &&
	    strings_add(&s->seen, crash->name) < 0)
		return ukd_oom(e);
	if (crash->left)
		(void)snprintf(s->variable, sizeof(s->variable), "%s", b->left.sha256);
	return report_state_write(b->root, s, e);
}

static int report_one(struct boot *b, struct crash *crash, struct ukd_error *e)
{
	struct ukd_error notify_error;

	tell_journal(b, crash);
	if (notify(b, crash, &notify_error) < 0)
		notified(crash, NOTIFY_DIR, &notify_error);
	return remember(b, crash, e);
}

/* The variable is removed when what it says is remembered; what cannot be is known by its hash. */
static int remove_left_result(struct boot *b, struct ukd_error *e)
{
	int r = 0;

	if (b->left.there)
		r = efivarfs_remove(b->root, RESULT_VARIABLE, e);
	if (r < 0 || !b->state.variable[0])
		return r;
	b->state.variable[0] = 0;
	return report_state_write(b->root, &b->state, e);
}

static void print(const struct boot *b, bool json)
{
	struct json_object *all, *list;
	char sentence[CRASH_SENTENCE];

	if (!json) {
		for (size_t i = 0; i < b->crashes.n; i++)
			printf("%s\n", crash_sentence(&b->crashes.v[i], sentence));
		if (!b->crashes.n)
			printf("no new crash\n");
		if (b->test)
			printf("%s\n", proof_sentence(b->test, sentence));
		return;
	}
	all = json_object_checked();
	list = json_array_checked();
	for (size_t i = 0; i < b->crashes.n; i++) {
		struct json_object *o = json_object_checked();

		crash_json(o, &b->crashes.v[i]);
		json_append(list, o);
	}
	json_number(all, "schema", 1);
	json_add(all, "crashes", list);
	json_add(all, "test", json_object_get(b->test));
	json_print(all);
}

static int report(struct boot *b, struct ukd_error *e)
{
	int r = report_state_read(b->root, &b->state, e);

	if (r >= 0)
		r = find_new(b, e);
	if (r < 0)
		return r;
	examine_all(b);
	if (left_result_read(b->root, &b->left, e) < 0) {
		complain(e);
		b->failed = true;
	}
	r = add_left_result(b, e);
	/* What cannot be written down about a test must not silence the crashes. */
	if (r >= 0 && test_settle(b->root, &b->crashes, &b->test, e) < 0) {
		complain(e);
		b->failed = true;
	}
	for (size_t i = 0; r >= 0 && i < b->crashes.n; i++)
		r = report_one(b, &b->crashes.v[i], e);
	return r < 0 ? r : remove_left_result(b, e);
}

int report_boot(const struct root *root, bool json)
{
	_cleanup_(boot_free) struct boot b = {.root = root};
	struct ukd_error e;
	int r = report(&b, &e);

	if (r < 0)
		(void)verb_failed(&e);
	print(&b, json);
	return r < 0 || b.failed ? EXIT_FAILED : EXIT_DONE;
}

int report_clear(const struct root *root)
{
	_report_state_ struct report_state s = {0};
	struct ukd_error e;

	if (report_state_read(root, &s, &e) < 0)
		return verb_failed(&e);
	if (!s.last.state[0] || s.cleared)
		return EXIT_DONE;
	s.cleared = true;
	return report_state_write(root, &s, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

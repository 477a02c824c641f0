// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sequence: modules, then each target in turn until one holds a complete dump. Every step is a
 * stage with a time, a result and a reason; a failing step never ends the run.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/encrypt.h"
#include "capture/guard.h"
#include "capture/hardware.h"
#include "capture/hooks.h"
#include "capture/modules.h"
#include "capture/panic.h"
#include "capture/result.h"
#include "capture/target.h"
#include "capture/log_triage.h"
#include "util/sys.h"

#define LEAVE_MS       5000 /* to end before the watchdog does */
#define RESULT_LIMIT_S 10   /* firmware takes a second at most to store a variable */
#define UNFINISHED     "the capture did not come to its end"

void capture_say(const struct capture *c, enum log_level level, const char *fmt, ...)
{
	char line[768];
	va_list ap;

	if (!c->say)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->say(level, line);
}

void capture_end_stage(struct capture *c, struct stage *s, enum outcome outcome, const char *text)
{
	static const enum log_level levels[] = {
		[OUTCOME_OK] = LOG_LEVEL_INFO,
		[OUTCOME_WARNING] = LOG_LEVEL_WARNING,
		[OUTCOME_FAILED] = LOG_LEVEL_ERROR,
		[OUTCOME_SKIPPED] = LOG_LEVEL_WARNING,
	};
	bool remark = text && text[0];

	record_end(s, outcome, outcome == OUTCOME_OK ? NULL : text);
	memory_sample(&c->memory, c->root);
	c->record.memory_total = c->memory.total;
	c->record.memory_peak = memory_peak(&c->memory);
	capture_say(c, levels[outcome], "%s: %s%s%s (%llu.%01llu s)", s->name,
		    outcome_name(outcome), remark ? ", " : "", remark ? text : "",
		    (unsigned long long)(s->ms / 1000), (unsigned long long)(s->ms % 1000 / 100));
}

static void load_modules(struct capture *c)
{
	struct stage *s = record_begin(&c->record, "modules");
	struct modules_result result = {0};
	struct ukd_error e;
	char text[400];
	const struct modules_limit limit = {
		.one_s = budget_share_s(&c->budget, 8, 60),
		.all_s = budget_share_s(&c->budget, 4, UINT64_MAX),
	};
	int r = modules_load(c->root, MODULES_LIST, sys_finit_module, &limit, &result, &e);

	if (r == 0) {
		r = hardware_load(c->root, sys_finit_module, &limit, &result, &e);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == -ENOENT) {
		capture_end_stage(c, s, OUTCOME_SKIPPED, "the image has no modules.list");
		return;
	}
	if (r < 0) {
		capture_end_stage(c, s, OUTCOME_FAILED, e.text);
		return;
	}
	(void)snprintf(text, sizeof(text), "%u loaded%s%s", result.loaded,
		       result.failed ? ", some failed, first " : "", result.first);
	capture_end_stage(c, s, result.failed ? OUTCOME_WARNING : OUTCOME_OK, text);
}

/* Runs one operation of the target as a stage. */
static int stage(struct attempt *a, const char *name,
		 int (*operation)(struct attempt *a, struct ukd_error *e))
{
	struct stage *s = record_begin(&a->c->record, name);
	struct ukd_error e;
	int r;

	a->note[0] = 0;
	r = operation(a, &e);
	capture_end_stage(a->c, s, r < 0 ? OUTCOME_FAILED : OUTCOME_OK, r < 0 ? e.text : a->note);
	if (r < 0 && !a->record->reason[0])
		(void)snprintf(a->record->reason, sizeof(a->record->reason), "%s: %.480s", name,
			       e.text);
	return r;
}

/* The reason of a failed dump is that of its last stage, and counts more than that of the log. */
static void take_reason(struct attempt *a)
{
	const struct record *r = &a->c->record;
	const struct stage *last = &r->stages[r->n_stages - 1];

	(void)snprintf(a->record->reason, sizeof(a->record->reason), "%s: %.480s", last->name,
		       last->reason[0] ? last->reason : "no time left for a dump");
}

static void save_log(struct attempt *a)
{
	/* What holds if the rest hangs. */
	if (stage(a, "log", a->ops->save_log) == 0)
		a->c->record.state = STATE_LOG_ONLY;
}

static void run_hooks(struct attempt *a, const char *name, const struct strings *programs,
		      enum dump_state state)
{
	const struct hooks hooks = {
		.stage = name,
		.programs = programs,
		.state = state,
		.target = a->record->uri,
		.crash = a->name,
		.dirfd = a->dirfd,
	};

	hooks_run(a->c, &hooks);
}

/*
 * Page cache (2) and free pages (16) of the crashed kernel may hold the image with the key of an
 * encrypted target. On that target the dump is as safe as the image; elsewhere it takes the key
 * along.
 */
static void warn_of_key(struct attempt *a, enum dump_state state)
{
	const struct facts *f = &a->c->facts;
	const unsigned int target = facts_target(f, a->place), hiding = 2 | 16;

	if (state < STATE_PARTIAL || !facts_have_key(f) ||
	    (record_level(&a->c->record) & hiding) == hiding ||
	    (target < RECORD_TARGETS && f->luks[target][0]))
		return;
	record_warn(&a->c->record,
		    "the dump may hold the key of an encrypted target (page cache and free pages "
		    "were not left out): 'ukdumpctl luks remove', then 'ukdumpctl luks enroll'");
	capture_say(a->c, LOG_LEVEL_WARNING, "%s", a->c->record.warnings[0]);
}

/* The stages between connect and publish. Returns what the target holds then. */
static enum dump_state fill_target(struct attempt *a)
{
	enum dump_state state = STATE_FAILED;

	save_log(a);
	/* After the log, which an old dump that cannot be removed must not cost. */
	if (a->ops->make_room && a->ops->make_room(a) && !a->log_saved)
		save_log(a);
	if (!a->c->record.pre_hooked) {
		a->c->record.pre_hooked = true;
		run_hooks(a, "pre", &a->c->settings.action.pre, a->c->record.state);
	}
	if (stage(a, "space", a->ops->check_space) == 0) {
		state = a->ops->save_dump(a);
		if (state != STATE_COMPLETE)
			take_reason(a);
		warn_of_key(a, state);
	}
	if (a->log_saved)
		log_triage(a->c, a->dirfd);
	return state == STATE_FAILED && a->log_saved ? STATE_LOG_ONLY : state;
}

/* The first manifest lacks "publish", which writes it and has not ended, and those of Post=; the
 * second has them. */
static void publish(struct attempt *a)
{
	struct record *r = &a->c->record;
	struct ukd_error e;

	a->record->state = r->state;
	if (stage(a, "publish", a->ops->publish) == 0) {
		r->recorded = true;
		if (a->ops->retire)
			a->ops->retire(a);
	} else if (r->state == STATE_COMPLETE) {
		r->state = STATE_PARTIAL;
	}
	a->record->state = r->state;
	if (r->state == STATE_COMPLETE)
		run_hooks(a, "post", &a->c->settings.action.post, r->state);
	/* Once more, now that all is over; the dump itself has its final name already. */
	if (a->dirfd >= 0 && manifest_write(r, a->dirfd, &e) < 0)
		capture_say(a->c, LOG_LEVEL_ERROR, "manifest: %s", e.text);
}

/* Everything that is done with a target, and the state in its record. */
static void attempt_target(struct capture *c, const char *place)
{
	struct attempt a = {.c = c, .place = place, .dirfd = -1};
	struct ukd_error e;

	a.record = &c->record.targets[c->record.n_targets - 1];
	a.ops = target_find(place);
	if (!a.ops) {
		(void)snprintf(a.record->reason, sizeof(a.record->reason),
			       "this image has no support for this kind of target");
		capture_say(c, LOG_LEVEL_ERROR, "target %s: %s", a.record->uri, a.record->reason);
		return;
	}
	if (stage(&a, "target", a.ops->connect) == 0) {
		c->record.state = fill_target(&a);
		publish(&a);
	}
	if (a.ops->disconnect(&a, &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "target %s: %s", a.record->uri, e.text);
}

struct guarded {
	struct capture *c;
	const char *place;
};

static int attempt_child(void *ctx)
{
	const struct guarded *g = ctx;

	attempt_target(g->c, g->place);
	return 0;
}

/* The attempt did not come back: what is recorded of it is closed. */
static void close_record(struct capture *c, const struct ukd_error *why)
{
	struct record *r = &c->record;
	struct target_record *t = &r->targets[r->n_targets - 1];
	struct stage *s = &r->stages[r->n_stages - 1];
	bool within = s->outcome == OUTCOME_FAILED && !s->reason[0];

	if (within)
		capture_end_stage(c, s, OUTCOME_FAILED, why->text);
	/* A complete dump gets its name from the last stage before old ones are looked at. */
	if (within && strcmp(s->name, "retention") != 0 && r->state == STATE_COMPLETE)
		r->state = STATE_PARTIAL;
	t->state = r->state;
	(void)snprintf(t->reason, sizeof(t->reason), "%s: %.480s", s->name, why->text);
	capture_say(c, LOG_LEVEL_ERROR, "target %s: %s", t->uri, t->reason);
}

/*
 * Runs an attempt in a child of its own, which records in shared memory. Any access to a dead disk
 * may hang for ever; then the next target has the time after end_ms.
 */
static enum dump_state guard_attempt(struct capture *c, const char *uri, const char *place,
				     uint64_t end_ms)
{
	struct guarded g = {guard_share(sizeof(*g.c)), place};
	struct ukd_error e;
	uint64_t limit_ms;

	record_reset_dump(&c->record);
	(void)record_target(&c->record, uri);
	if (!g.c) {
		attempt_target(c, place);
		return c->record.state;
	}
	*g.c = *c;
	g.c->budget.end_ms = end_ms;
	limit_ms = budget_left_ms(&g.c->budget);
	if (limit_ms > INT_MAX - 1000)
		limit_ms = INT_MAX - 1000;
	if (guard_call(attempt_child, &g, (unsigned int)((limit_ms + 999) / 1000), "attempt", &e) <
	    0)
		close_record(g.c, &e);
	/* A copy: a child that cannot be killed may still write to the original. */
	c->record = g.c->record;
	c->memory = g.c->memory;
	guard_unshare(g.c, sizeof(*g.c));
	return c->record.state;
}

/* The last target may take what is left but for leaving, any other two thirds of it. */
static uint64_t attempt_end(const struct budget *b, bool last)
{
	uint64_t leave = b->total_ms / 20 < LEAVE_MS ? b->total_ms / 20 : LEAVE_MS;
	uint64_t left = budget_left_ms(b);

	return last ? b->end_ms - leave : b->end_ms - left + left / 3 * 2;
}

static void prepare_record(struct capture *c)
{
	struct record *r = &c->record;
	struct ukd_error e;

	if (facts_read(c->root, &c->facts, &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
	if (crash_read(c->root, &c->crash, &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
	(void)snprintf(r->image, sizeof(r->image), "%s", c->facts.image);
	(void)snprintf(r->machine, sizeof(r->machine), "%s", c->facts.machine);
	(void)snprintf(r->kernel, sizeof(r->kernel), "%s", c->crash.release);
	r->crash_time = c->crash.time;
}

static void keep_result(const struct capture *c, const char *reason)
{
	struct ukd_error e;

	if (result_keep(c, reason, &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
}

/* Never in the clear what was to be encrypted. */
static bool settings_allow(struct capture *c)
{
	char text[RECORD_REASON];
	struct ukd_error e;

	if (c->settings_lost && root_exists(c->root, ENCRYPT_RECIPIENTS))
		(void)ukd_fail(&e, -ENODATA, "the settings could not be read");
	else if (!encrypt_wanted(c) || encrypt_prepare(c, &e) == 0)
		return true;
	(void)snprintf(
		text, sizeof(text),
		"EncryptTo= is set and this image cannot encrypt, nothing is written: %.400s",
		e.text);
	capture_end_stage(c, record_begin(&c->record, "encrypt"), OUTCOME_FAILED, text);
	return false;
}

static void pass_over(struct capture *c, const char *uri)
{
	struct target_record *t = record_target(&c->record, uri);

	(void)snprintf(t->reason, sizeof(t->reason), "not tried, no time left");
	capture_say(c, LOG_LEVEL_ERROR, "target %s: %s", uri, t->reason);
}

/* Each target in turn until one holds a complete dump. Returns what the best came to. */
static enum dump_state try_targets(struct capture *c)
{
	const struct strings *targets = &c->settings.dump.target;
	enum dump_state best = STATE_FAILED;

	for (unsigned int i = 0; i < targets->n && best != STATE_COMPLETE; i++) {
		const char *place = i < RECORD_TARGETS && c->facts.target[i][0] ?
					    c->facts.target[i] :
					    targets->v[i];
		enum dump_state state;

		if (!budget_work_ms(&c->budget)) {
			pass_over(c, targets->v[i]);
			continue;
		}
		state = guard_attempt(c, targets->v[i], place,
				      attempt_end(&c->budget, i + 1 == targets->n));
		keep_result(c, UNFINISHED);
		if (state > best)
			best = state;
	}
	return best;
}

/* Where no target holds a manifest, the next boot is told otherwise. */
static void store_result(struct capture *c)
{
	struct ukd_error e;

	keep_result(c, NULL);
	/* Reads the broken memory once more: the watchdog may come first and has the rest then. */
	if (!c->record.recorded) {
		panic_find(c);
		keep_result(c, NULL);
	}
	if (!c->record.recorded &&
	    result_store(c->root, budget_any_s(&c->budget, RESULT_LIMIT_S), &e) < 0)
		capture_say(c, LOG_LEVEL_ERROR, "%s", e.text);
}

enum dump_state capture_run(struct capture *c)
{
	enum dump_state best = STATE_FAILED;

	prepare_record(c);
	keep_result(c, UNFINISHED);
	if (settings_allow(c)) {
		load_modules(c);
		best = try_targets(c);
	}
	if (best != STATE_COMPLETE) {
		const struct hooks hooks = {.stage = "failure",
					    .programs = &c->settings.action.failure,
					    .state = best,
					    .target = "",
					    .crash = "",
					    .dirfd = -1};

		hooks_run(c, &hooks);
		store_result(c);
	}
	return best;
}

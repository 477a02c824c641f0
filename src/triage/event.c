// SPDX-License-Identifier: GPL-2.0-or-later
/* What in a log decides: see event.h. One pass over all lines. */
#include "triage/event.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PANIC	 "Kernel panic - not syncing: "
#define MARK	 "ukdump-test "
#define HEADLINE 16	 /* lines between "BUG: ..." and the oops that it announces */
#define ROUND_US 5000000 /* khungtaskd reports all tasks of one round without a pause */

struct scan {
	struct event headline, oops, panic, hung, soft, hard, stall, warning, sysrq;
	uint64_t number, headline_number; /* lines */
	uint64_t hung_us;		  /* when the last task that hangs was reported */
	bool marked;
};

static void set(struct event *e, const struct line *l)
{
	*e = (struct event){
		.found = true, .off = l->off, .has_time = l->has_time, .time_us = l->time_us};
	(void)snprintf(e->text, sizeof(e->text), "%.*s", (int)sizeof(e->text) - 1, l->text);
	memcpy(e->caller, l->caller, sizeof(e->caller));
}

/* "Oops: 0002 [#1] SMP": where ": 0002 [#1]" begins. NULL: no line of die()
 * (arch/x86/kernel/dumpstack.c). */
static const char *die_mark(const char *text)
{
	const char *p = strstr(text, " [#");

	if (!p || p - text < 6 || strspn(p + 3, "0123456789") == 0)
		return NULL;
	p -= 6;
	return p[0] == ':' && p[1] == ' ' && strspn(p + 2, "0123456789abcdef") == 4 ? p : NULL;
}

bool event_is_hung_task(const char *text, const char **ret_name, const char **ret_end)
{
	const char *name = line_after(text, "INFO: task ");
	const char *end = name ? strstr(name, " blocked") : NULL;

	if (!end || !strstr(end, " for more than "))
		return false;
	*ret_name = name;
	*ret_end = end;
	return true;
}

static bool is_soft_lockup(const char *text)
{
	return line_after(text, "watchdog: BUG: soft lockup - CPU#") ||
	       line_after(text, "BUG: soft lockup - CPU#");
}

/* "NMI watchdog: " until 5.x, "watchdog: " since, "watchdog: CPU3: " since 6.15 */
static bool is_hard_lockup(const char *text)
{
	return (line_after(text, "watchdog: ") || line_after(text, "NMI watchdog: ")) &&
	       strstr(text, "Watchdog detected hard LOCKUP");
}

static bool is_stall(const char *text)
{
	return line_after(text, "rcu: INFO: ") && strstr(text, " stall");
}

/* Announces an oops, or is a complaint of its own that the kernel may panic about. */
static bool is_headline(const char *text)
{
	static const char *const beginnings[] = {
		"BUG: ",
		"kernel BUG at ",
		"traps: PANIC: double fault",
		"CFI failure at ",
		"Split lock detected", /* its die() has a line feed in it */
		"Oops: Split lock detected",
	};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (line_after(text, beginnings[i]))
			return true;
	return false;
}

static bool is_warning(const char *text)
{
	return line_after(text, "WARNING: ") || line_after(text, "BUG: ") ||
	       line_after(text, "UBSAN: ");
}

static bool is_sysrq(const char *text)
{
	return line_after(text, "sysrq: ") && strstr(text, "Trigger a crash");
}

bool event_begins(const char *text)
{
	const char *name, *end;

	return line_after(text, PANIC) || die_mark(text) || is_soft_lockup(text) ||
	       is_hard_lockup(text) || event_is_hung_task(text, &name, &end);
}

/* The headline in front of it says more than the line of die(), and both are one report. */
static void take_oops(struct scan *s, const struct line *l)
{
	const struct event *h = &s->headline;

	if (s->oops.found)
		return;
	if (h->found && s->number - s->headline_number <= HEADLINE &&
	    !strcmp(h->caller, l->caller)) {
		s->oops = *h;
		return;
	}
	set(&s->oops, l);
	if (die_mark(s->oops.text))
		s->oops.text[die_mark(s->oops.text) - s->oops.text] = 0;
}

/* Of several tasks that one round finds, the first; of several rounds, the last. */
static void take_hung(struct scan *s, const struct line *l)
{
	if (!s->hung.found || l->time_us - s->hung_us > ROUND_US)
		set(&s->hung, l);
	s->hung_us = l->time_us;
}

static void look_at(struct scan *s, const struct line *l)
{
	const char *name, *end;

	if (die_mark(l->text))
		take_oops(s, l);
	else if (is_soft_lockup(l->text))
		set(&s->soft, l);
	else if (is_hard_lockup(l->text))
		set(&s->hard, l);
	else if (is_stall(l->text))
		set(&s->stall, l);
	else if (is_sysrq(l->text))
		set(&s->sysrq, l);
	else if (event_is_hung_task(l->text, &name, &end))
		take_hung(s, l);
	else if (line_after(l->text, MARK))
		s->marked = true;
	if (is_headline(l->text) && !is_soft_lockup(l->text)) {
		set(&s->headline, l);
		s->headline_number = s->number;
	}
	if (is_warning(l->text))
		set(&s->warning, l);
}

static void scan(struct bytes log, struct scan *s)
{
	struct line l;

	for (uint64_t off = 0; !s->panic.found && line_next(log, &off, &l); s->number++) {
		if (line_after(l.text, PANIC))
			set(&s->panic, &l);
		else
			look_at(s, &l);
	}
}

static enum triage_kind kind_of_oops(const char *text)
{
	if (line_after(text, "kernel BUG at "))
		return TRIAGE_BUG;
	if (strstr(text, "stack guard page") || strstr(text, "kernel stack overflow"))
		return TRIAGE_STACK_OVERFLOW;
	return TRIAGE_OOPS;
}

/* What panics are about; the event that tells more about it. */
static const struct {
	const char *words;
	enum triage_kind kind;
	size_t event; /* in struct scan */
} panics[] = {
	{"hung_task: ", TRIAGE_HUNG_TASK, offsetof(struct scan, hung)},
	{"softlockup: ", TRIAGE_SOFT_LOCKUP, offsetof(struct scan, soft)},
	{"ard LOCKUP", TRIAGE_HARD_LOCKUP, offsetof(struct scan, hard)},
	{"RCU Stall", TRIAGE_PANIC, offsetof(struct scan, stall)},
	{"panic_on_warn set", TRIAGE_PANIC, offsetof(struct scan, warning)},
	{"kasan.fault=panic", TRIAGE_PANIC, offsetof(struct scan, warning)},
	{"system warned too often", TRIAGE_PANIC, offsetof(struct scan, warning)},
	{"corrupted stack end detected", TRIAGE_STACK_OVERFLOW, offsetof(struct scan, panic)},
	{"achine check", TRIAGE_MCE, offsetof(struct scan, panic)},
	{"Fatal hardware error", TRIAGE_MCE, offsetof(struct scan, panic)},
	{"Not all CPUs entered broadcast", TRIAGE_MCE, offsetof(struct scan, panic)},
	{"Fatal exception", TRIAGE_OOPS, offsetof(struct scan, panic)},
};

static enum triage_kind kind_of_panic(const struct scan *s, const struct event **ret)
{
	const char *why = s->panic.text + strlen(PANIC);

	for (size_t i = 0; i < ARRAY_SIZE(panics); i++) {
		if (!strstr(why, panics[i].words))
			continue;
		*ret = (const void *)((const char *)s + panics[i].event);
		return *ret == &s->warning && line_after(s->warning.text, "BUG: ") ? TRIAGE_BUG :
										     panics[i].kind;
	}
	*ret = &s->panic;
	return TRIAGE_PANIC;
}

enum triage_kind event_find(struct bytes log, struct event *ret)
{
	struct scan s = {0};
	const struct event *about = NULL;
	enum triage_kind kind = TRIAGE_UNKNOWN;

	scan(log, &s);
	if (line_after(s.panic.text, PANIC "sysrq triggered crash") ||
	    (!s.panic.found && !s.oops.found && s.sysrq.found)) {
		kind = s.marked ? TRIAGE_TEST : TRIAGE_SYSRQ;
		about = s.panic.found ? &s.panic : &s.sysrq;
	} else {
		if (s.panic.found)
			kind = kind_of_panic(&s, &about);
		if (s.oops.found && kind != TRIAGE_MCE) {
			kind = kind_of_oops(s.oops.text);
			about = &s.oops;
		}
	}
	/* What it was about may have left the log. */
	*ret = about && about->found ? *about : s.panic;
	return kind;
}

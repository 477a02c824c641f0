// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts about a crash, and how they are written: see triage.h. */
#include "triage/triage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "triage/event.h"
#include "triage/facts.h"

void triage_log(struct bytes log, struct triage *ret)
{
	struct event event;

	*ret = (struct triage){.cpu = -1, .pid = -1};
	ret->kind = event_find(log, &event);
	if (!event.found)
		return;
	memcpy(ret->panic, event.text, sizeof(ret->panic));
	triage_facts(log, &event, ret);
	triage_sign(ret);
}

const char *triage_kind_name(enum triage_kind kind)
{
	static const char *const names[] = {
		[TRIAGE_UNKNOWN] = "unknown",
		[TRIAGE_PANIC] = "panic",
		[TRIAGE_OOPS] = "oops",
		[TRIAGE_BUG] = "bug",
		[TRIAGE_HUNG_TASK] = "hung-task",
		[TRIAGE_SOFT_LOCKUP] = "soft-lockup",
		[TRIAGE_HARD_LOCKUP] = "hard-lockup",
		[TRIAGE_STACK_OVERFLOW] = "stack-overflow",
		[TRIAGE_MCE] = "mce",
		[TRIAGE_SYSRQ] = "sysrq",
		[TRIAGE_TEST] = "test",
	};

	return names[kind];
}

char *triage_frame_text(const struct triage_frame *f, char ret[TRIAGE_FRAME_TEXT])
{
	if (!f->symbol[0])
		(void)snprintf(ret, TRIAGE_FRAME_TEXT, "0x%" PRIx64, f->offset);
	else
		(void)snprintf(ret, TRIAGE_FRAME_TEXT, "%s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s",
			       f->symbol, f->offset, f->size, f->module[0] ? " [" : "", f->module,
			       f->module[0] ? "]" : "");
	return ret;
}

/* A JSON text that grows in place. What did not fit would be a mistake in TRIAGE_JSON_MAX. */
struct json {
	char *at;
	size_t left;
};

static _printf_(2, 3) void put(struct json *j, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(j->at, j->left, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < j->left) {
		j->at += n;
		j->left -= (size_t)n;
	}
}

/* Printable ASCII only is in here; empty is null. */
static void put_text(struct json *j, const char *key, const char *s)
{
	put(j, "%s", key);
	if (!s[0]) {
		put(j, "null");
		return;
	}
	put(j, "\"");
	for (; *s; s++)
		put(j, *s == '\t' ? " " : *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	put(j, "\"");
}

static void put_rip(struct json *j, const struct triage *t)
{
	put(j, ", \"rip\": ");
	if (!t->has_rip) {
		put(j, "null");
		return;
	}
	put_text(j, "{\"symbol\": ", t->rip.symbol);
	put(j, ", \"offset\": %" PRIu64, t->rip.offset > INT64_MAX ? INT64_MAX : t->rip.offset);
	put_text(j, ", \"module\": ", t->rip.module);
	put(j, "}");
}

static void put_lists(struct json *j, const struct triage *t)
{
	char frame[TRIAGE_FRAME_TEXT];
	const char *comma = "";

	put(j, ", \"trace\": [");
	for (unsigned int i = 0; i < t->n_frames; i++) {
		if (t->frames[i].unreliable)
			continue;
		put_text(j, comma, triage_frame_text(&t->frames[i], frame));
		comma = ", ";
	}
	put(j, "], \"modules\": [");
	for (unsigned int i = 0; i < t->n_modules; i++)
		put_text(j, i ? ", " : "", t->modules[i]);
	put(j, "]");
}

void triage_json(const struct triage *t, char ret[TRIAGE_JSON_MAX])
{
	struct json j = {ret, TRIAGE_JSON_MAX};

	put(&j, "{\"version\": %d, \"kind\": \"%s\"", TRIAGE_VERSION, triage_kind_name(t->kind));
	put_text(&j, ", \"panic\": ", t->panic);
	put_text(&j, ", \"signature\": ", t->signature);
	if (t->cpu >= 0)
		put(&j, ", \"cpu\": %d", t->cpu);
	else
		put(&j, ", \"cpu\": null");
	put_text(&j, ", \"comm\": ", t->comm);
	if (t->pid >= 0)
		put(&j, ", \"pid\": %" PRId64, t->pid);
	else
		put(&j, ", \"pid\": null");
	if (t->taint_told && !t->taint[0])
		put(&j, ", \"taint\": \"\"");
	else
		put_text(&j, ", \"taint\": ", t->taint);
	put_rip(&j, t);
	put_lists(&j, t);
	if (t->has_uptime)
		put(&j, ", \"uptime\": %" PRIu64 ".%06" PRIu64, t->uptime_us / 1000000,
		    t->uptime_us % 1000000);
	else
		put(&j, ", \"uptime\": null");
	put(&j, "}");
}

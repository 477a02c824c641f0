// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads one report: the lines that show_regs(), dump_stack(), show_trace_log_lvl()
 * (arch/x86/kernel/dumpstack.c) and print_modules() print. Lines of others may come in between.
 */
#include "triage/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_LINES  4096 /* of one report */
#define STRANGE_LINES 24   /* in a trace, until it counts as over */

#define SYMBOL_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$:"

struct reader {
	struct triage *t;
	bool in_trace, trace_over, modules_go_on;
	bool interrupted; /* the report is made by the interrupt of a timer */
	unsigned int strange;
	char stack[sizeof(((struct triage_frame *)NULL)->stack)];
};

static void copy(char *ret, size_t size, const char *from, size_t len)
{
	(void)snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), from);
}
#define COPY(ret, from, len) copy(ret, sizeof(ret), from, len)

/* "+0x12/0x40": the numbers and what is behind. NULL: something else. */
static const char *take_place(const char *s, struct triage_frame *f)
{
	char *end;

	if (!line_after(s, "+0x"))
		return NULL;
	f->offset = strtoull(s + 3, &end, 16);
	if (end == s + 3 || !line_after(end, "/0x"))
		return NULL;
	s = end + 3;
	f->size = strtoull(s, &end, 16);
	return end == s ? NULL : end;
}

bool triage_parse_frame(const char *text, struct triage_frame *ret)
{
	struct triage_frame f = {.unreliable = line_after(text, "? ") != NULL};
	const char *symbol = f.unreliable ? text + 2 : text, *behind;
	size_t len = strspn(symbol, SYMBOL_CHARS);

	if (!len)
		return false;
	behind = take_place(symbol + len, &f);
	if (!behind)
		return false;
	COPY(f.symbol, symbol, len);
	/* "[module]", or with CONFIG_STACKTRACE_BUILD_ID "[module 0123...]" */
	if (line_after(behind, " ["))
		COPY(f.module, behind + 2, strcspn(behind + 2, " ]"));
	*ret = f;
	return true;
}

/*
 * "RIP: 0010:symbol+0x1/0x2 [module]"; the selector's last bits tell whether it was the kernel.
 * False if it is none, or not the first.
 */
static bool take_rip(struct triage *t, const char *text)
{
	const char *selector = line_after(text, "RIP: ");
	struct triage_frame f = {0};

	if (!selector || t->has_rip || strspn(selector, "0123456789abcdef") != 4 ||
	    selector[4] != ':' || selector[3] == '3')
		return false;
	if (!triage_parse_frame(selector + 5, &f)) {
		if (!line_after(selector + 5, "0x"))
			return false;
		f.offset = strtoull(selector + 5, NULL, 16);
	}
	t->rip = f;
	t->has_rip = true;
	return true;
}

/* "Tainted: P           OE      6.12.1": the letters, then the release */
static void take_taint(struct triage *t, const char *text)
{
	const char *flags = strstr(text, "Tainted: ");
	size_t n = 0;

	if (t->taint_told)
		return;
	if (!flags) {
		t->taint_told = strstr(text, "Not tainted") != NULL;
		return;
	}
	t->taint_told = true;
	for (flags += strlen("Tainted: "); *flags == ' ' || (*flags >= 'A' && *flags <= 'Z');
	     flags++)
		if (*flags != ' ' && n + 1 < sizeof(t->taint))
			t->taint[n++] = *flags;
	t->taint[n] = 0;
}

/* "CPU: 1 UID: 0 PID: 123 Comm: a name Kdump: loaded Tainted: G ..." (UID since 6.12) */
static void take_cpu(struct triage *t, const char *text)
{
	static const char *const ends[] = {" Kdump: loaded", " Not tainted", " Tainted: "};
	const char *cpu = line_after(text, "CPU: "), *pid = strstr(text, " PID: ");
	const char *comm = pid ? strstr(pid, " Comm: ") : NULL;
	int64_t id = pid ? (int64_t)(strtoul(pid + strlen(" PID: "), NULL, 10) & 0x7fffffff) : -1;
	size_t len;

	if (!cpu || !comm)
		return;
	take_taint(t, comm);
	/* khungtaskd is on its own CPU, not on that of the task that hangs. */
	if (t->cpu < 0 && (t->pid < 0 || t->pid == id))
		t->cpu = (int)(strtoul(cpu, NULL, 10) & 0xfffff);
	if (t->pid >= 0)
		return;
	comm += strlen(" Comm: ");
	len = strlen(comm);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *end = strstr(comm, ends[i]);

		if (end && (size_t)(end - comm) < len)
			len = (size_t)(end - comm);
	}
	t->pid = id;
	COPY(t->comm, comm, len);
}

/* The task that hangs is not the one that prints. */
static void take_hung_task(struct triage *t, const char *text)
{
	const char *name, *end, *colon = NULL;

	if (!event_is_hung_task(text, &name, &end))
		return;
	for (const char *p = name; p < end; p++)
		if (*p == ':')
			colon = p;
	if (!colon)
		return;
	COPY(t->comm, name, (size_t)(colon - name));
	t->pid = (int64_t)(strtoul(colon + 1, NULL, 10) & 0x7fffffff);
}

/* "ext4 mine(OE) other(O+)": O is out of tree. False: these are no names of modules. */
static bool take_modules(struct triage *t, const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t len = strcspn(text, " "), name = strcspn(text, " (");
		const char *o = memchr(text + name, 'O', len - name);

		if (line_after(text, "[last unloaded:"))
			break;
		if (!name || strspn(text, SYMBOL_CHARS "-") < name || len > 100)
			return false;
		if (o && text[name] == '(' && t->n_modules < TRIAGE_MODULES)
			COPY(t->modules[t->n_modules++], text, len);
		text += len;
	}
	return true;
}

/*
 * "<IRQ>", "</IRQ>": which stack the frames are on (since 4.x; <TASK> since 5.16). A task's is the
 * last; KASAN goes on with those of who allocated and freed.
 */
static void take_stack(struct reader *r, const char *text)
{
	const char *name = text + 1 + (text[1] == '/');
	size_t len = strcspn(name, ">");

	/* Who came by NMI or double fault is not the culprit. */
	if (text[1] == '/' && !line_after(name, "IRQ") && !line_after(name, "TASK"))
		r->t->n_frames = 0;
	r->trace_over |= text[1] == '/' && line_after(name, "TASK");
	if (text[1] == '/')
		r->stack[0] = 0;
	else
		COPY(r->stack, name, len);
}

static void take_frame(struct reader *r, const char *text)
{
	struct triage *t = r->t;
	struct triage_frame f;

	text += strspn(text, " ");
	if (text[0] == '<') {
		take_stack(r, text);
	} else if (r->interrupted && take_rip(t, text)) {
		t->n_frames = 0; /* before it are those of the interrupt */
	} else if (triage_parse_frame(text, &f)) {
		memcpy(f.stack, r->stack, sizeof(f.stack));
		if (t->n_frames < TRIAGE_FRAMES)
			t->frames[t->n_frames++] = f;
	} else if (++r->strange > STRANGE_LINES) {
		r->trace_over = true;
	}
}

static void take_line(struct reader *r, const char *text)
{
	const char *modules = line_after(text, "Modules linked in:");
	struct triage *t = r->t;

	if (modules && !t->n_modules) {
		r->trace_over |= r->in_trace && t->n_frames;
		r->modules_go_on = take_modules(t, modules);
		return;
	}
	/* A record is full after a kilobyte; the rest comes in the next, after a blank. */
	if (r->modules_go_on && text[0] == ' ' && take_modules(t, text))
		return;
	r->modules_go_on = false;
	if (line_after(text, "Call Trace:")) {
		r->trace_over |= t->n_frames > 0;
		r->in_trace = true;
	} else if (line_after(text, "CPU: ")) {
		take_cpu(t, text);
	} else if (line_after(text, "      Tainted: ") || line_after(text, "      Not tainted")) {
		take_taint(t, text);
	} else if (!r->in_trace) {
		take_rip(t, text);
		take_hung_task(t, text);
	} else if (!r->trace_over) {
		take_frame(r, text);
	}
}

/* Some lockups are reported by one CPU for another, all else by one task or CPU alone. */
static bool is_of(const struct line *l, const struct event *event)
{
	return strstr(event->text, "hard LOCKUP") || line_after(event->text, "rcu: ") ||
	       !event->caller[0] || !l->caller[0] || !strcmp(l->caller, event->caller);
}

void triage_facts(struct bytes log, const struct event *event, struct triage *ret)
{
	struct reader r = {.t = ret, .interrupted = line_after(event->text, "rcu: ")};
	uint64_t off = event->off;
	unsigned int reports = 0;
	struct line l;

	ret->has_uptime = event->has_time;
	ret->uptime_us = event->time_us;
	for (unsigned int n = 0; n < REPORT_LINES && line_next(log, &off, &l); n++) {
		if (!is_of(&l, event))
			continue;
		if (line_after(l.text, "---[ end") || (event_begins(l.text) && ++reports > 1))
			break;
		take_line(&r, l.text);
	}
}

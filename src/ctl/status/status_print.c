// SPDX-License-Identifier: GPL-2.0-or-later
/* `status` for people. In a pipe each line is a word of nine letters at most and its value. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/status/status.h"
#include "util/parse.h"
#include "util/terminal.h"

#define MAX_STALE_SHOWN 8
#define KEY_WIDTH	10

static void fact(const struct terminal *t, const char *key, const char *fmt, ...) _printf_(3, 4);
static void fact(const struct terminal *t, const char *key, const char *fmt, ...)
{
	char text[CRASH_SENTENCE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	terminal_print(t, stdout, STYLE_BOLD, KEY_WIDTH, key);
	terminal_wrap(t, stdout, KEY_WIDTH, text);
}

static void print_state(const struct terminal *t, const struct status *s)
{
	bool problems = findings_problems(&s->findings) > 0;

	terminal_print(t, stdout, STYLE_BOLD, KEY_WIDTH, "state");
	terminal_print(t, stdout,
		       !s->armed ? STYLE_BAD :
		       problems	 ? STYLE_DOUBTFUL :
				   STYLE_GOOD,
		       0,
		       !s->armed ? "not armed" :
		       problems	 ? "armed, with problems" :
				   "armed");
	printf("\n");
}

static const char *or_unknown(const char *text)
{
	return text ? text : "?";
}

static void print_image(const struct terminal *t, const struct status *s)
{
	fact(t, "image", "%s", or_unknown(s->path));
	fact(t, "image id", "%s", s->image);
	fact(t, "signer", "%s", or_unknown(s->signer));
	if (s->key)
		fact(t, "by key", "%s%s%s", s->key, s->keyring && *s->keyring ? " in " : "",
		     s->keyring ? s->keyring : "");
	fact(t, "since", "%s, the call took %llu ms", or_unknown(s->time),
	     (unsigned long long)s->call_ms);
	fact(t, "kernel", "%s", or_unknown(s->kernel));
}

static void print_sysctl(const struct terminal *t, const struct status *s)
{
	char text[256] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < PANIC_PARAMETERS && used < sizeof(text); i++)
		if (s->sysctl[i].known)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%lld",
						 used ? " " : "", s->sysctl[i].name,
						 (long long)s->sysctl[i].value);
	if (text[0])
		fact(t, "sysctl", "%s", text);
}

static void print_machine(const struct terminal *t, const struct status *s)
{
	char size[FORMAT_SIZE_MAX];

	fact(t, "reserved", "%s", format_size(s->reserved, size));
	if (s->comfort)
		fact(t, "needed", "%s", format_size(s->comfort, size));
	fact(t, "lockdown", "%s, Secure Boot %s", s->lockdown ? s->lockdown : "unknown",
	     s->secure_boot ? "on" : "off");
	if (s->locked)
		fact(t, "locked", "until the next boot the kernel takes no other image");
	if (status_waits_for_boot(s))
		fact(t, "next", "%s, at the next boot", s->last.image);
	print_sysctl(t, s);
}

/* The last rehearsal and the last crash test, if they went well; else they are problems or notes. */
static void print_proof(const struct terminal *t, const struct findings *l)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (!strncmp(l->v[i].name, "proof.", 6) && l->v[i].verdict == VERDICT_OK)
			fact(t, "proof", "%s", l->v[i].seen);
}

static void print_stale(const struct terminal *t, const struct status *s)
{
	for (unsigned int i = 0; i < s->stale.n && i < MAX_STALE_SHOWN; i++)
		fact(t, "stale", "%s", s->stale.v[i]);
	if (s->stale.n > MAX_STALE_SHOWN)
		fact(t, "stale", "and %u more, see --json", s->stale.n - MAX_STALE_SHOWN);
}

static bool is_for_root(const struct finding *f)
{
	return f->verdict == VERDICT_UNKNOWN && !strcmp(f->mend, MEND_AS_ROOT);
}

/* Problems first. A note says what was seen, and what mends it. */
static void print_problems(const struct terminal *t, const struct findings *l)
{
	unsigned int for_root = 0;

	for (unsigned int i = 0; i < l->n; i++)
		if (l->v[i].problem[0])
			fact(t, "problem", "%s", l->v[i].problem);
	for (unsigned int i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		for_root += is_for_root(f);
		if (f->verdict != VERDICT_OK && !f->problem[0] && !is_for_root(f))
			fact(t, "note", "%s%s%s", f->seen, f->mend[0] ? "; " : "", f->mend);
	}
	if (for_root)
		fact(t, "note", "%u things cannot be told to this user; " MEND_AS_ROOT, for_root);
}

void status_print(const struct status *s)
{
	const struct terminal t = terminal_of(STDOUT_FILENO);
	char sentence[CRASH_SENTENCE];

	print_state(&t, s);
	if (s->armed && s->image)
		print_image(&t, s);
	if (s->armed && status_is_plain(s))
		fact(&t, "kind",
		     "plain, profile %llu, addons %llu: the kernel verifies .linux alone, root "
		     "could load it with another initrd",
		     (unsigned long long)s->profile, (unsigned long long)s->addons);
	print_machine(&t, s);
	for (unsigned int i = 0; i < s->targets.n; i++)
		fact(&t, "target", "%s, %s", s->targets.v[i].uri,
		     s->targets.v[i].problem[0] ? "with a problem" : "ok");
	if (s->report.last.state[0])
		fact(&t, "last", "%s", crash_sentence(&s->report.last, sentence));
	print_proof(&t, &s->findings);
	print_stale(&t, s);
	if (t.width) {
		printf("\n");
		findings_print(&s->findings, false);
	} else {
		print_problems(&t, &s->findings);
	}
}

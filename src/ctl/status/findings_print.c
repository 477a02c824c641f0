// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings for people: a line each in a pipe, where scripts may take them apart; on a terminal
 * wrapped, in colours, and without what nobody needs to read.
 */
#include <stdio.h>
#include <unistd.h>

#include "ctl/status/findings.h"
#include "util/terminal.h"

#define VERDICT_WIDTH 9
#define NAME_WIDTH    27

static enum terminal_style style_of(enum verdict v)
{
	static const enum terminal_style styles[] = {
		[VERDICT_UNKNOWN] = STYLE_FAINT,
		[VERDICT_OK] = STYLE_GOOD,
		[VERDICT_WARNING] = STYLE_DOUBTFUL,
		[VERDICT_FAILED] = STYLE_BAD,
	};

	return styles[v];
}

static void print_line(const struct finding *f)
{
	printf("%-*s%-*s%s", VERDICT_WIDTH, verdict_name(f->verdict), NAME_WIDTH, f->name, f->seen);
	if (f->needed[0])
		printf("; needed: %s", f->needed);
	if (f->mend[0])
		printf("; do: %s", f->mend);
	printf("\n");
}

/* A further line of the last column. */
static void print_more(const struct terminal *t, const char *label, const char *text)
{
	static const unsigned int label_width = 8;

	if (!text[0])
		return;
	printf("%*s", VERDICT_WIDTH + NAME_WIDTH, "");
	terminal_print(t, stdout, STYLE_FAINT, label_width, label);
	terminal_wrap(t, stdout, VERDICT_WIDTH + NAME_WIDTH + label_width, text);
}

static void print_wrapped(const struct terminal *t, const struct finding *f)
{
	terminal_print(t, stdout, style_of(f->verdict), VERDICT_WIDTH, verdict_name(f->verdict));
	terminal_print(t, stdout, STYLE_PLAIN, NAME_WIDTH, f->name);
	terminal_wrap(t, stdout, VERDICT_WIDTH + NAME_WIDTH, f->seen);
	if (f->verdict == VERDICT_OK)
		return;
	print_more(t, "needed", f->needed);
	print_more(t, "do", f->mend);
}

void findings_print(const struct findings *l, bool all)
{
	const struct terminal t = terminal_of(STDOUT_FILENO);

	for (unsigned int i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		if (!all && f->verdict == VERDICT_OK)
			continue;
		if (t.width)
			print_wrapped(&t, f);
		else
			print_line(f);
	}
}

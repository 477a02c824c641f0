// SPDX-License-Identifier: GPL-2.0-or-later
/* What `ukdumpctl reserve` tells: see reserve.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/reserve/reserve.h"

static size_t line_length(const char *s)
{
	size_t n = strcspn(s, "\n");

	return n + (s[n] == '\n');
}

static void print_lines(char sign, const char *from, const char *end)
{
	while (from < end) {
		size_t n = line_length(from);

		printf("%c%.*s\n", sign, (int)strcspn(from, "\n"), from);
		from += n;
	}
}

/* What differs between the lines that both have at their beginning and at their end. */
static void print_diff(const char *path, const char *before, const char *after)
{
	const char *a = before ? before : "", *b = after ? after : "";
	const char *a_end = a + strlen(a), *b_end = b + strlen(b);

	printf("--- %s\n+++ %s\n", before ? path : "/dev/null", after ? path : "/dev/null");
	for (size_t n = line_length(a); n && n == line_length(b) && !memcmp(a, b, n);
	     n = line_length(a)) {
		a += n;
		b += n;
	}
	while (a_end > a && b_end > b && a_end[-1] == b_end[-1]) {
		a_end--;
		b_end--;
	}
	/* back to whole lines */
	a_end += a_end > a && a_end[-1] == '\n' ? 0 : line_length(a_end);
	b_end += b_end > b && b_end[-1] == '\n' ? 0 : line_length(b_end);
	print_lines('-', a, a_end);
	print_lines('+', b, b_end);
}

static void print_command(const struct boot_command *c)
{
	for (unsigned int i = 0; c->argv[i]; i++)
		printf("%s%s", i ? " " : "", c->argv[i]);
	printf("\n");
}

static void print_plan(const struct reserve_result *r)
{
	const struct boot_plan *p = r->plan;

	if (p->path && (!p->before || !p->after || strcmp(p->before, p->after) != 0))
		print_diff(p->path, p->before, p->after);
	for (unsigned int i = 0; i < p->n_commands; i++) {
		printf(r->dry_run ? "would run  " : "ran        ");
		print_command(&p->command[i]);
	}
}

static const char *effect_text(const struct reserve_result *r)
{
	switch (r->effect) {
	case EFFECT_NOW:
		return r->reserved ? "in force" :
				     "in force, but the kernel reserved nothing: see its log for "
				     "'crashkernel'";
	case EFFECT_REBOOT:
		return r->dry_run ? "after a reboot" :
				    "please reboot the system for the change to take effect";
	default:
		return "at the next boot";
	}
}

void reserve_print(const struct reserve_result *r)
{
	const struct boot_plan *p = r->plan;

	if (r->undo)
		printf("undo       what 'ukdumpctl reserve' has written\n");
	else
		printf("reserve    %s\n", r->words);
	if (r->state)
		printf("size       %s\n", reserve_basis_name(r->state->estimate.basis));
	printf("by         %s: %s\n", boot_method_name(p->method), r->why);
	if (p->changes)
		print_plan(r);
	else
		printf("unchanged  it is %s already\n", r->undo ? "gone" : "there");
	for (unsigned int i = 0; i < p->n_notes; i++)
		printf("note       %s\n", p->note[i]);
	if (p->changes && p->replaced && *p->replaced)
		printf("note       replaced: %s\n", p->replaced);
	if (p->changes || !r->undo)
		printf("effect     %s\n", effect_text(r));
}

static struct json_object *commands(const struct boot_plan *p)
{
	struct json_object *list = json_array_checked();

	for (unsigned int i = 0; i < p->n_commands; i++) {
		struct json_object *argv = json_array_checked();

		for (unsigned int a = 0; p->command[i].argv[a]; a++)
			json_append(argv, json_string(p->command[i].argv[a]));
		json_append(list, argv);
	}
	return list;
}

void reserve_print_json(const struct reserve_result *r)
{
	struct json_object *o = json_object_checked(), *notes = json_array_checked();
	const struct boot_plan *p = r->plan;

	json_number(o, "schema", 1);
	json_text(o, "crashkernel", r->words);
	json_text(o, "method", boot_method_name(p->method));
	json_flag(o, "dry_run", r->dry_run);
	json_flag(o, "changed", p->changes);
	json_text(o, "file", p->path);
	json_text(o, "before", p->before);
	json_text(o, "after", p->after);
	json_add(o, "commands", commands(p));
	for (unsigned int i = 0; i < p->n_notes; i++)
		json_append(notes, json_string(p->note[i]));
	json_add(o, "notes", notes);
	json_text(o, "replaced", p->replaced);
	json_flag(o, "reboot_needed", r->effect == EFFECT_REBOOT);
	json_number(o, "reserved_bytes", r->reserved);
	json_print(o);
}

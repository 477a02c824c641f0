// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory tells of a crash where the kernel log does not. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/dumps/info.h"

#define PLACE_TEXT 192

static const char *place_text(const struct dump_place *p, char ret[PLACE_TEXT])
{
	if (p->symbol[0])
		(void)snprintf(ret, PLACE_TEXT, "%s+0x%" PRIx64 "/0x%" PRIx64, p->symbol, p->offset,
			       p->size);
	else
		(void)snprintf(ret, PLACE_TEXT, "0x%" PRIx64 "%s", p->address,
			       p->module ? " in a module" : "");
	return ret;
}

void info_read_stack(struct info *i)
{
	const struct triage *t = &i->triage;
	bool told = t->kind != TRIAGE_UNKNOWN && (t->has_rip || t->n_frames);

	i->stack_wanted = i->dump && !told;
	if (i->stack_wanted)
		(void)!dump_read_stack(i->dump, &i->stack, &i->stack_error);
}

void info_print_stack(const struct info *i)
{
	const struct dump_stack *s = &i->stack;
	char text[PLACE_TEXT];

	if (!i->stack_wanted)
		return;
	if (i->stack_error.code) {
		info_row("stack", "not read from memory: %s", i->stack_error.text);
		return;
	}
	info_row("cpu", "%d, PID %" PRId64 " (from memory: the log does not tell)", s->cpu, s->pid);
	info_row("rip", "%s", place_text(&s->rip, text));
	for (unsigned int k = 0; k < s->n_frames; k++)
		info_row(k ? "" : "stack", "? %s", place_text(&s->frames[k], text));
	info_row("", "found on the stack, not unwound: some calls may have been over");
}

struct json_object *info_stack_object(const struct info *i)
{
	struct json_object *o, *frames;
	const struct dump_stack *s = &i->stack;
	char text[PLACE_TEXT];

	if (!i->stack_wanted)
		return NULL;
	o = json_object_checked();
	json_text(o, "source", "memory");
	json_text(o, "error", i->stack_error.code ? i->stack_error.text : NULL);
	if (i->stack_error.code)
		return o;
	frames = json_array_checked();
	for (unsigned int k = 0; k < s->n_frames; k++)
		json_append(frames, json_string(place_text(&s->frames[k], text)));
	json_number(o, "cpu", (uint64_t)s->cpu);
	json_number(o, "pid", (uint64_t)s->pid);
	json_text(o, "rip", place_text(&s->rip, text));
	json_add(o, "frames", frames);
	return o;
}

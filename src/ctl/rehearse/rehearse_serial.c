// SPDX-License-Identifier: GPL-2.0-or-later
/* See rehearse_serial.h. The image is verified, and yet its text drives no terminal. */
#include "ctl/rehearse/rehearse_serial.h"

#include <stdio.h>
#include <string.h>

#define KEEP(text, value) (void)snprintf(text, sizeof(text), "%s", value)

static void step(struct serial *s, enum guest_step to, const char *line, double seconds)
{
	if (s->result->step < to) {
		s->result->step = to;
		s->result->at[to] = seconds;
	}
	s->progress(s->progress_ctx, s->result->step, line, seconds);
}

/* What src/rehearse/init.c says. */
static void of_init(struct serial *s, const char *text, double seconds)
{
	if (!strcmp(text, "loading"))
		step(s, GUEST_ARMS, text, seconds);
	else if (!strcmp(text, "armed"))
		step(s, GUEST_ARMED, text, seconds);
	else
		KEEP(s->result->trouble, text);
}

/* What ukdump-capture says: "STAGE: RESULT, REASON (SECONDS s)", "target URI: STATE, REASON". */
static void of_capture(struct serial *s, const char *text, double seconds)
{
	static const char *const words[] = {"error: ", "warning: "}; /* util/log.c */
	const char *failed = strstr(text, ": failed, ");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(text, words[i], strlen(words[i])))
			text += strlen(words[i]);
	s->result->last_word = seconds;
	if (!strncmp(text, "target ", 7) && strstr(text, ": "))
		KEEP(s->result->reason, text);
	else if (failed && !s->result->failed[0])
		KEEP(s->result->failed, text);
	step(s, GUEST_CAPTURES, text, seconds);
}

static void take_line(struct serial *s, double seconds)
{
	static const struct {
		const char *prefix;
		void (*take)(struct serial *s, const char *text, double seconds);
	} voices[] = {{"ukdump-rehearse: ", of_init}, {"ukdump-capture: ", of_capture}};
	static const char panic[] = "Kernel panic - not syncing: ";
	const char *at;

	text_printable(s->line);
	for (size_t i = 0; i < ARRAY_SIZE(voices); i++)
		if ((at = strstr(s->line, voices[i].prefix)))
			voices[i].take(s, at + strlen(voices[i].prefix), seconds);
	/* kernel_halt() of kernel/reboot.c, at a level that every console shows */
	s->result->halted |= s->result->step == GUEST_CAPTURES &&
			     strstr(s->line, "reboot: System halted");
	at = strstr(s->line, panic);
	/* The first is the one that was asked for. */
	if (at && !strstr(at, "sysrq triggered crash"))
		KEEP(s->result->panic, at + strlen(panic));
}

void serial_feed(struct serial *s, const char *bytes, size_t len, double seconds)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			s->line[s->used] = 0;
			take_line(s, seconds);
			s->used = 0;
		} else if (bytes[i] != '\r' && bytes[i] && s->used < sizeof(s->line) - 1) {
			s->line[s->used++] = bytes[i];
		}
	}
}

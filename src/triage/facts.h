/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of one report in a kernel log, and the signature over them. */
#pragma once

#include "triage/event.h"
#include "triage/triage.h"

/* Reads what the report that begins with the event says: all but kind, text and signature. */
void triage_facts(struct bytes log, const struct event *event, struct triage *ret);

/* One line of a trace, "? symbol+0x1/0x2 [module]" behind its blanks. False: it is none. */
bool triage_parse_frame(const char *text, struct triage_frame *ret);

/* Sets t->signature from the rest of it. */
void triage_sign(struct triage *t);

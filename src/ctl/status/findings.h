/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The preconditions of a dump, as `status` and `check` find them: each with a verdict, the value
 * seen, the value needed, and what mends it. Who adds one:
 *
 *	struct finding *f = finding_add(l, "unit.example", VERDICT_WARNING, "not enabled");
 *
 *	finding_needed(f, "enabled");
 *	finding_mend(f, "systemctl enable --now %s", unit);
 *
 * Names are stable, since monitoring goes by them: lower case, topic first, "image.fresh".
 */
#pragma once

#include "ctl/ctl.h"

enum verdict {
	VERDICT_UNKNOWN, /* it cannot be told here, or not by this user */
	VERDICT_OK,
	VERDICT_WARNING, /* a dump is likely to come out all the same */
	VERDICT_FAILED,	 /* a dump may not come out, or the one that did is damaged */
};

/* All texts are one line, without control bytes; what is longer is cut. */
struct finding {
	char name[64];
	enum verdict verdict;
	char seen[512];
	char needed[256]; /* empty: nothing to compare with */
	char mend[256];	  /* a command, or what to do; empty: nothing */
	/*
	 * One sentence for `status`, which makes its exit code "armed with problems"; empty: the
	 * finding is told, and no problem.
	 */
	char problem[512];
};

struct findings {
	struct finding *v;
	unsigned int n;
};

void findings_free(struct findings *l);

/*
 * A new one at the end, borrowed, good until the next one is added; fmt: the value seen. Out of
 * memory ends the program, as json_text() does.
 */
struct finding *finding_add(struct findings *l, const char *name, enum verdict verdict,
			    const char *fmt, ...) _printf_(4, 5);
void finding_needed(struct finding *f, const char *fmt, ...) _printf_(2, 3);
void finding_mend(struct finding *f, const char *fmt, ...) _printf_(2, 3);
void finding_problem(struct finding *f, const char *fmt, ...) _printf_(2, 3);

#define MEND_AS_ROOT "run it as root"

/* How many are problems; how many have this verdict. */
unsigned int findings_problems(const struct findings *l);
unsigned int findings_count(const struct findings *l, enum verdict verdict);

/* "ok", "warning", "failed", "unknown" */
const char *verdict_name(enum verdict v);

/* [{name, verdict, seen, needed, mend}]; needed and mend are null where they are empty. */
struct json_object *findings_json(const struct findings *l);

/* A table on stdout; without all, of those that are not ok. */
void findings_print(const struct findings *l, bool all);

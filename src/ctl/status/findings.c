// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of preconditions: see findings.h. */
#include "ctl/status/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void findings_free(struct findings *l)
{
	free(l->v);
	*l = (struct findings){0};
}

#define SET(text, fmt)                                        \
	do {                                                  \
		va_list ap;                                   \
		va_start(ap, fmt);                            \
		(void)vsnprintf(text, sizeof(text), fmt, ap); \
		va_end(ap);                                   \
		text_printable(text);                         \
		text_utf8(text);                              \
	} while (0)

struct finding *finding_add(struct findings *l, const char *name, enum verdict verdict,
			    const char *fmt, ...)
{
	struct finding *v = reallocarray(l->v, l->n + 1, sizeof(*v)), *f;

	if (!v) {
		fprintf(stderr, "ukdumpctl: out of memory\n");
		exit(EXIT_FAILED);
	}
	l->v = v;
	f = &v[l->n++];
	*f = (struct finding){.verdict = verdict};
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	SET(f->seen, fmt);
	return f;
}

void finding_needed(struct finding *f, const char *fmt, ...)
{
	SET(f->needed, fmt);
}

void finding_mend(struct finding *f, const char *fmt, ...)
{
	SET(f->mend, fmt);
}

void finding_problem(struct finding *f, const char *fmt, ...)
{
	SET(f->problem, fmt);
}

unsigned int findings_problems(const struct findings *l)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++)
		n += l->v[i].problem[0] != 0;
	return n;
}

unsigned int findings_count(const struct findings *l, enum verdict verdict)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++)
		n += l->v[i].verdict == verdict;
	return n;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_OK] = "ok",
		[VERDICT_WARNING] = "warning",
		[VERDICT_FAILED] = "failed",
	};

	return names[v];
}

struct json_object *findings_json(const struct findings *l)
{
	struct json_object *list = json_array_checked();

	for (unsigned int i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];
		struct json_object *o = json_object_checked();

		json_text(o, "name", f->name);
		json_text(o, "verdict", verdict_name(f->verdict));
		json_text(o, "seen", f->seen);
		json_text_or_null(o, "needed", f->needed);
		json_text_or_null(o, "mend", f->mend);
		json_append(list, o);
	}
	return list;
}

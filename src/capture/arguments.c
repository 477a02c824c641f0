// SPDX-License-Identifier: GPL-2.0-or-later
/* Argument vectors: see stream.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "capture/stream.h"

#define TOO_MANY (STREAM_ARGS + 1)

void arguments_add(struct arguments *a, const char *fmt, ...)
{
	size_t room = sizeof(a->text) - a->used;
	va_list ap;
	int n;

	if (a->n >= STREAM_ARGS) {
		a->n = TOO_MANY;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(a->text + a->used, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		a->n = TOO_MANY;
		return;
	}
	a->v[a->n++] = a->text + a->used;
	a->used += (size_t)n + 1;
}

int arguments_check(const struct arguments *a, struct ukd_error *e)
{
	if (!a->n || a->n == TOO_MANY)
		return ukd_fail(e, -E2BIG, "arguments of a program: too many, or too long");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Error texts: see error.h. No input is trusted: long texts are cut, control bytes shown as '?'. */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_printable(char *s)
{
	for (unsigned char *c = (unsigned char *)s; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
}

static void set_text(struct ukd_error *e, int code, const char *check, const char *fmt, va_list ap)
{
	char text[sizeof(e->text)];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text_printable(text);
	e->code = code;
	(void)snprintf(e->check, sizeof(e->check), "%s", check);
	memcpy(e->text, text, sizeof(text));
}

int ukd_fail(struct ukd_error *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, code, "", fmt, ap);
	va_end(ap);
	return code;
}

int ukd_fail_errno(struct ukd_error *e, int code, const char *fmt, ...)
{
	const char *reason = strerror(-code);
	size_t used, room = sizeof(e->text) - strlen(reason) - 3;
	va_list ap;

	va_start(ap, fmt);
	set_text(e, code, "", fmt, ap);
	va_end(ap);
	/* A long path loses its tail, never the reason behind it. */
	used = strlen(e->text);
	used = used < room ? used : room;
	(void)snprintf(e->text + used, sizeof(e->text) - used, ": %s", reason);
	return code;
}

int ukd_refuse(struct ukd_error *e, const char *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, -EBADMSG, check, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

int ukd_prefix(struct ukd_error *e, const char *fmt, ...)
{
	char old[sizeof(e->text)], head[sizeof(e->text) / 2];
	va_list ap;

	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	text_printable(head);
	/* What is too long loses its tail, never its context. */
	size_t n = strlen(head);
	memcpy(e->text, head, n);
	(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", old);
	return e->code;
}

int ukd_oom(struct ukd_error *e)
{
	return ukd_fail(e, -ENOMEM, "out of memory");
}

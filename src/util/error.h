/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors with context. A function returns 0 or a negative errno and fills the caller's struct
 * ukd_error; callers put context in front on the way up; only main() prints, once.
 *
 * A refusal (the input is hostile, damaged or of the wrong kind) is -EBADMSG and carries the name
 * of the check that fired, such as "pe.machine", so that tests and --json can tell checks apart.
 */
#pragma once

#include "base/macro.h"

/*
 * Control characters become '?', in place, those of U+0080 to U+009F byte by byte: a file's name or
 * a subject must not drive a terminal.
 */
void text_printable(char *s);

struct ukd_error {
	int code;	/* negative errno, 0 if none */
	char check[32]; /* name of the check that refused, or empty */
	char text[512]; /* one line, lower case start, no trailing period */
};

/* Sets code and text, clears check. Returns code, so that creation and return are one line. */
int ukd_fail(struct ukd_error *e, int code, const char *fmt, ...) _printf_(3, 4);

/* Like ukd_fail() with ": strerror(-code)" appended. */
int ukd_fail_errno(struct ukd_error *e, int code, const char *fmt, ...) _printf_(3, 4);

/* Refuses: code -EBADMSG, the check's name and a text. */
int ukd_refuse(struct ukd_error *e, const char *check, const char *fmt, ...) _printf_(3, 4);

/* Puts "<fmt>: " in front of the text. Returns e->code. */
int ukd_prefix(struct ukd_error *e, const char *fmt, ...) _printf_(2, 3);

/* Out of memory. */
int ukd_oom(struct ukd_error *e);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking and telling somebody who sits at a terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/error.h"

/*
 * Reads one line from standard input, without its end, into ret (size bytes; what is longer is
 * cut). From a terminal: prompt is printed on standard error, the echo is off meanwhile, and on
 * again also if SIGINT, SIGTERM, SIGHUP or SIGQUIT ends the program. -EINVAL for an empty line or
 * none. To be called by a program with one thread.
 */
int terminal_ask_secret(const char *prompt, char *ret, size_t size,
			struct ukd_error *e) _must_check_;

/* Asks on standard error, reads one line from standard input. Only "yes" means yes. */
bool terminal_ask_yes(const char *question) _must_check_;

/* How to write to a stream. */
struct terminal {
	unsigned int width; /* columns; 0: it is no terminal, and lines stay whole */
	bool colour;	    /* NO_COLOR (no-color.org) is empty or not set, and TERM is not dumb */
};

enum terminal_style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_GOOD,
	STYLE_DOUBTFUL,
	STYLE_BAD,
	STYLE_FAINT,
};

/* A terminal that does not tell its width has 80 columns. */
struct terminal terminal_of(int fd);

/* text in a style, and padded with blanks to width columns. */
void terminal_print(const struct terminal *t, FILE *out, enum terminal_style style,
		    unsigned int width, const char *text);

/*
 * Writes text and a newline. On a terminal it is broken at blanks, and what follows goes under the
 * column indent, where the text itself begins; a word that is too long for a line stays whole.
 */
void terminal_wrap(const struct terminal *t, FILE *out, unsigned int indent, const char *text);

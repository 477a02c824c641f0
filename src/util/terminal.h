/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking somebody who sits at a terminal. */
#pragma once

#include <stddef.h>

#include "util/error.h"

/*
 * Reads one line from standard input, without its end, into ret (size bytes; what is longer is
 * cut). From a terminal: prompt is printed on standard error, the echo is off meanwhile, and on
 * again also if SIGINT, SIGTERM, SIGHUP or SIGQUIT ends the program. -EINVAL for an empty line or
 * none. To be called by a program with one thread.
 */
int terminal_ask_secret(const char *prompt, char *ret, size_t size,
			struct ukd_error *e) _must_check_;

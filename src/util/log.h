/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs say on stderr, and in the capture environment also to /dev/kmsg. Libraries do not
 * call this: they fill a struct ukd_error.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "util/error.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Sets the program's name (a literal, kept), the highest level that is printed (default INFO), and
 * whether lines carry the "<N>" prefix that systemd's journal understands (default: no).
 */
void log_setup(const char *program, enum log_level max, bool journal_prefix);

/*
 * Additionally writes each line to fd (an open /dev/kmsg), or stops doing so with -1. Errors are
 * warnings there, since the kernel prints errors on the console, on which they are already.
 */
void log_to_kmsg(int fd);

void log_line(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* An error, with the name of the check if one refused. */
void log_failure(const struct ukd_error *e);

// SPDX-License-Identifier: GPL-2.0-or-later
/* Log lines on stderr and /dev/kmsg: see log.h. */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "util/error.h"

static const char *log_program = "ukdump";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_prefix;
static int log_kmsg = -1;

static const struct {
	int syslog; /* RFC 5424 severity, what "<N>" means to journald and the kernel */
	/* In the kernel log errors are warnings: it prints errors on the console that has them. */
	int kernel;
	const char *word;
} levels[] = {
	[LOG_LEVEL_ERROR] = {3, 4, "error: "},
	[LOG_LEVEL_WARNING] = {4, 4, "warning: "},
	[LOG_LEVEL_INFO] = {6, 6, ""},
	[LOG_LEVEL_DEBUG] = {7, 7, "debug: "},
};

void log_setup(const char *program, enum log_level max, bool journal_prefix)
{
	log_program = program;
	log_max = max;
	log_prefix = journal_prefix;
}

void log_to_kmsg(int fd)
{
	log_kmsg = fd;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	text_printable(line);
	if (log_prefix)
		fprintf(stderr, "<%d>%s: %s%s\n", levels[level].syslog, log_program,
			levels[level].word, line);
	else
		fprintf(stderr, "%s: %s%s\n", log_program, levels[level].word, line);
	if (log_kmsg >= 0)
		(void)dprintf(log_kmsg, "<%d>%s: %s%s\n", levels[level].kernel, log_program,
			      levels[level].word, line);
}

void log_failure(const struct ukd_error *e)
{
	if (e->check[0])
		log_error("%s [%s]", e->text, e->check);
	else
		log_error("%s", e->text);
}

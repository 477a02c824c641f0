// SPDX-License-Identifier: GPL-2.0-or-later
/* What all verbs say: help, complaints, progress, cleaned text. See ctl.h. */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Seconds between two lines about progress. */
#define PROGRESS_SECONDS 2

int verb_help(const struct verb *v)
{
	printf("%s", v->usage);
	return EXIT_DONE;
}

int verb_misuse(const struct verb *v, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fprintf(stderr, "ukdumpctl: ");
		va_start(ap, fmt);
		(void)vfprintf(stderr, fmt, ap);
		va_end(ap);
		fprintf(stderr, "\n");
	}
	fprintf(stderr, "Try 'ukdumpctl %s --help'.\n", v->name);
	return EXIT_USAGE;
}

int verb_too_many(const struct verb *v, const char *argument)
{
	return verb_misuse(v, "%s: '%s' is one argument too many", v->name, argument);
}

int verb_parse_simple(const struct verb *v, int argc, char **argv, bool *ret_json)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_LONG},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(v);
		if (c != OPT_LONG)
			return verb_misuse(v, NULL);
		*ret_json = true;
	}
	if (optind < argc)
		return verb_too_many(v, argv[optind]);
	return -1;
}

/* Nearly all that verbs read and write is root's. */
static const char *as_root(const struct ukd_error *e)
{
	return e->code == -EACCES && geteuid() != 0 ? "; try 'sudo'" : "";
}

int verb_failed(const struct ukd_error *e)
{
	if (e->check[0])
		fprintf(stderr, "ukdumpctl: %s [%s]\n", e->text, e->check);
	else
		fprintf(stderr, "ukdumpctl: %s%s\n", e->text, as_root(e));
	return EXIT_FAILED;
}

char *text_clean(char *s)
{
	for (char *p = s; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || (unsigned char)*p >= 0x7f)
			*p = '?';
	return s;
}

/* Length of the character at s, 0 if it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90) || s[0] > 0xf4)
		return 0;
	return n;
}

void text_utf8(char *s)
{
	while (*s) {
		size_t n = (unsigned char)*s < 0x80 ? 1 : utf8_length((unsigned char *)s);

		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
}

void show_progress(const char *fmt, ...)
{
	static time_t last;
	time_t now = time(NULL);
	va_list ap;

	if (!last)
		last = now;
	if (now - last < PROGRESS_SECONDS || !isatty(STDERR_FILENO))
		return;
	last = now;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

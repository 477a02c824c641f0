// SPDX-License-Identifier: GPL-2.0-or-later
/* makedumpfile(8)'s options as settings: see rules.h. Options as in makedumpfile 1.7.9. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rules.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define BLANKS " \t"

struct found {
	char level[16], threads[16];
	const char *compress;
	char others[256]; /* no counterpart here */
};

static void other(struct found *f, const char *word)
{
	size_t n = strlen(f->others);

	(void)snprintf(f->others + n, sizeof(f->others) - n, "%s%s", n ? " " : "", word);
}

static const char *compression_of(char c)
{
	switch (c) {
	case 'c':
		return "zlib";
	case 'l':
		return "lzo";
	case 'p':
		return "snappy";
	case 'z':
		return "zstd";
	default:
		return NULL;
	}
}

/* The value of an option: what is left of its word, else the next word; may be NULL. */
static const char *argument(const char *rest, char **save)
{
	return *rest ? rest : strtok_r(NULL, BLANKS, save);
}

/* Of several levels makedumpfile takes the next one when the disk is full; ukdump takes 31 then. */
static void take_level(struct found *f, const char *value)
{
	size_t n = strcspn(value, ",");

	(void)snprintf(f->level, sizeof(f->level), "%.*s", (int)n, value);
	if (value[n]) {
		other(f, "-d");
		other(f, value + n + 1);
	}
}

/* A word such as -d31, -cd or -l. */
static void take_letters(struct found *f, const char *word, char **save)
{
	for (const char *c = word + 1; *c; c++) {
		char letter[3] = {'-', *c, 0};
		const char *value;

		if (compression_of(*c)) {
			f->compress = compression_of(*c);
			continue;
		}
		if (!strchr("dbixLPg", *c)) {
			other(f, letter);
			continue;
		}
		value = argument(c + 1, save);
		if (*c == 'd' && value)
			take_level(f, value);
		else
			other(f, letter);
		return;
	}
}

static void take_long(struct found *f, const char *word, char **save)
{
	static const char *const with_value[] = {
		"--message-level",   "--num-threads",	 "--cyclic-buffer", "--config",
		"--splitblock-size", "--xen-vmcoreinfo", "--xen-syms",	    "--work-dir",
	};
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(with_value) && !value; i++)
		if (!strcmp(word, with_value[i]))
			value = strtok_r(NULL, BLANKS, save);
	if (!strncmp(word, "--num-threads", n) && value)
		(void)snprintf(f->threads, sizeof(f->threads), "%s", value);
	else
		other(f, word);
}

static int scan(const char *options, struct found *f, struct ukd_error *e)
{
	_free_ char *copy = strdup(options);
	char *save = NULL;

	if (!copy)
		return ukd_oom(e);
	for (char *word = strtok_r(copy, BLANKS, &save); word;
	     word = strtok_r(NULL, BLANKS, &save)) {
		if (!strncmp(word, "--", 2))
			take_long(f, word, &save);
		else if (word[0] == '-')
			take_letters(f, word, &save);
		else
			other(f, word);
	}
	return 0;
}

int import_makedumpfile(struct import *im, struct import_line *l, const char *options, bool all,
			struct ukd_error *e)
{
	struct found f = {0};
	int r = scan(options, &f, e);
	bool copies_all = all && !f.level[0];

	if (copies_all)
		f.level[0] = '0';
	if (all && !f.compress)
		f.compress = "none";
	if (r >= 0 && f.level[0])
		r = import_set(im, l, "Dump", "DumpLevel", f.level, e);
	if (r >= 0 && f.compress)
		r = import_set(im, l, "Dump", "Compress", f.compress, e);
	if (r >= 0 && f.threads[0])
		r = import_set(im, l, "Dump", "Threads", f.threads, e);
	if (r < 0)
		return r;
	if (l->fate == IMPORT_DROPPED && l->why)
		return 0;
	if (!l->n_made)
		return import_drop(l, e, "nothing in it that ukdump leaves to choose: %s",
				   f.others);
	if (copies_all)
		r = import_remark(l, e, "without -d makedumpfile leaves out nothing");
	return r < 0 || !f.others[0] ? r :
				       import_remark(l, e, "not carried over of it: %s", f.others);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Structs of texts as files: see text_record.h. */
#include "ctl/text_record.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define RECORD_MAX MIB(1)

/* In place; returns text. */
static char *clean(char *text)
{
	text_printable(text);
	text_utf8(text);
	return text;
}

static int take_line(const struct text_record *r, char *line, void *ret)
{
	char *text = strchr(line, '=');

	if (!text)
		return 0;
	*text++ = 0;
	(void)clean(text);
	for (const struct text_member *m = r->v; m < r->v + r->n; m++) {
		if (strcmp(line, m->key) != 0)
			continue;
		(void)snprintf((char *)ret + m->offset, m->size, "%s", text);
		return 0;
	}
	return r->take ? r->take(ret, line, text) : 0;
}

int text_record_read(const struct root *root, const struct text_record *r, void *ret,
		     struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	char *line, *rest;
	int code = root_read(root, r->path, RECORD_MAX, &b, e);

	if (code < 0)
		return code;
	rest = (char *)b.data;
	while (code >= 0 && (line = strsep(&rest, "\n")))
		code = take_line(r, line, ret);
	return code < 0 ? ukd_oom(e) : 0;
}

static void print(const struct text_record *r, const void *from, FILE *out)
{
	for (const struct text_member *m = r->v; m < r->v + r->n; m++) {
		char text[PATH_MAX];

		(void)snprintf(text, sizeof(text), "%s", (const char *)from + m->offset);
		if (text[0])
			(void)fprintf(out, "%s=%s\n", m->key, clean(text));
	}
	if (r->print)
		r->print(from, out);
}

int text_record_write(const struct root *root, const struct text_record *r, const void *from,
		      struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return ukd_oom(e);
	print(r, from, out);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return state_file_replace(root, r->path, r->dir_mode,
				  (struct bytes){(const uint8_t *)text, size}, e);
}

int state_file_replace(const struct root *root, const char *path, mode_t dir_mode,
		       struct bytes content, struct ukd_error *e)
{
	char dir[PATH_MAX];
	int r;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	r = root_check_plain(root, dir, e);
	if (r >= 0)
		r = make_directories(root->fd, dir + 1, dir_mode, e);
	return r < 0 ? r : file_replace(root->fd, path + 1, 0600, content, e);
}

void time_text_now(char ret[TIME_TEXT_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(ret, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

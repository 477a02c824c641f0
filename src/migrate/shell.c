// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that a shell would source, read without one: assignments, quotes, comments, continued
 * lines. What only a shell could tell ($, `, commands) is refused, with its line.
 */
#include <string.h>

#include "migrate/rules.h"

#define NAME_MAX_LEN 64

struct reader {
	struct import *im;
	const char *file;
	const char *p, *end;
	unsigned int line;
	char value[IMPORT_VALUE_MAX];
	size_t len;
};

static int refuse(const struct reader *r, struct ukd_error *e, const char *what)
{
	return ukd_refuse(e, "import.syntax", "%s:%u: %s", r->file, r->line, what);
}

static int peek(const struct reader *r)
{
	return r->p < r->end ? (unsigned char)*r->p : -1;
}

static int next(struct reader *r)
{
	int c = peek(r);

	if (c >= 0)
		r->p++;
	if (c == '\n')
		r->line++;
	return c;
}

static int keep(struct reader *r, int c, struct ukd_error *e)
{
	if (!c || c == '\r')
		return refuse(r, e, "a NUL byte, or a line that ends in CR LF");
	if (r->len + 1 >= sizeof(r->value))
		return refuse(r, e, "the value is too long");
	r->value[r->len++] = (char)c;
	return 0;
}

static int refuse_expansion(const struct reader *r, int c, struct ukd_error *e)
{
	return refuse(r, e,
		      c == '`' ? "a command in backticks: nothing of this file is executed; write "
				 "its value down" :
				 "'$': nothing of this file is executed; write the value down, in "
				 "single quotes if the dollar sign is meant");
}

static int read_single_quoted(struct reader *r, struct ukd_error *e)
{
	int c, code = 0;

	while (code >= 0 && (c = next(r)) != '\'') {
		if (c < 0)
			return refuse(r, e, "a quotation mark that is never closed");
		code = keep(r, c, e);
	}
	return code;
}

/* Inside double quotes a backslash counts only in front of these. */
static int read_double_quoted(struct reader *r, struct ukd_error *e)
{
	int c, code = 0;

	while (code >= 0 && (c = next(r)) != '"') {
		if (c < 0)
			return refuse(r, e, "a quotation mark that is never closed");
		if (c == '$' || c == '`')
			return refuse_expansion(r, c, e);
		if (c == '\\' && peek(r) == '\n')
			(void)next(r);
		else if (c == '\\' && peek(r) > 0 && strchr("\"\\$`", peek(r)))
			code = keep(r, next(r), e);
		else
			code = keep(r, c, e);
	}
	return code;
}

static int read_unquoted(struct reader *r, int c, struct ukd_error *e)
{
	if (c == '$' || c == '`')
		return refuse_expansion(r, c, e);
	if (strchr("()<>|&", c) || (c == '~' && !r->len))
		return refuse(r, e, "what only a shell understands; put the value into quotes");
	if (c != '\\')
		return keep(r, c, e);
	c = next(r);
	if (c == '\n')
		return 0;
	return c < 0 ? refuse(r, e, "a backslash at the end of the file") : keep(r, c, e);
}

static int read_value(struct reader *r, struct ukd_error *e)
{
	int code = 0;

	r->len = 0;
	while (code >= 0 && peek(r) > 0 && !strchr(" \t\n;", peek(r))) {
		int c = next(r);

		if (c == '\'')
			code = read_single_quoted(r, e);
		else if (c == '"')
			code = read_double_quoted(r, e);
		else
			code = read_unquoted(r, c, e);
	}
	r->value[r->len] = 0;
	return code;
}

static bool is_name(int c, bool first)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

static int read_assignment(struct reader *r, struct ukd_error *e)
{
	char name[NAME_MAX_LEN + 1];
	unsigned int line = r->line;
	size_t n = 0;
	int code;

	while (n < NAME_MAX_LEN && is_name(peek(r), n == 0))
		name[n++] = (char)next(r);
	name[n] = 0;
	if (!strcmp(name, "export") && (peek(r) == ' ' || peek(r) == '\t'))
		return 0;
	if (!n || peek(r) != '=')
		return refuse(r, e, "no assignment NAME=value; nothing of this file is executed");
	(void)next(r);
	code = read_value(r, e);
	return code < 0 ? code : import_add(r->im, r->file, line, name, r->value, e);
}

int import_parse_shell(struct import *im, struct bytes text, const char *file, struct ukd_error *e)
{
	struct reader r = {
		.im = im,
		.file = file,
		.p = (const char *)text.p,
		.end = (const char *)text.p + text.len,
		.line = 1,
	};
	int code = 0;

	while (code >= 0 && peek(&r) >= 0) {
		int c = peek(&r);

		if (c == '#')
			while (peek(&r) >= 0 && peek(&r) != '\n')
				(void)next(&r);
		else if (c == ' ' || c == '\t' || c == '\n' || c == ';')
			(void)next(&r);
		else
			code = read_assignment(&r, e);
	}
	return code;
}

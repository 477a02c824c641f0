// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdump.conf: one "option value" a line; a # and what follows is a comment wherever it stands, and
 * there are no quotes, as kdumpctl reads it.
 */
#include <string.h>

#include "migrate/rules.h"

#define BLANKS " \t"

static int add_line(struct import *im, const char *file, unsigned int number, char *line,
		    struct ukd_error *e)
{
	size_t len;
	char *value;

	line[strcspn(line, "#")] = 0;
	line += strspn(line, BLANKS);
	for (len = strlen(line); len && strchr(BLANKS, line[len - 1]); len--)
		line[len - 1] = 0;
	if (!*line)
		return 0;
	value = line + strcspn(line, BLANKS);
	if (*value) {
		*value++ = 0;
		value += strspn(value, BLANKS);
	}
	return import_add(im, file, number, line, value, e);
}

int import_parse_kdump_conf(struct import *im, struct bytes text, const char *file,
			    struct ukd_error *e)
{
	const char *p = (const char *)text.p, *end = p + text.len;
	char line[IMPORT_VALUE_MAX];
	int code = 0;

	for (unsigned int number = 1; code >= 0 && p < end; number++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		if (len >= sizeof(line))
			return ukd_refuse(e, "import.syntax", "%s:%u: the line is too long", file,
					  number);
		if (memchr(p, 0, len) || memchr(p, '\r', len))
			return ukd_refuse(e, "import.syntax",
					  "%s:%u: a NUL byte, or a line that ends in CR LF", file,
					  number);
		memcpy(line, p, len);
		line[len] = 0;
		code = add_line(im, file, number, line, e);
		p = newline ? newline + 1 : end;
	}
	return code;
}

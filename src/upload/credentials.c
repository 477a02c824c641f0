// SPDX-License-Identifier: GPL-2.0-or-later
/* Access keys: see credentials.h. No message quotes a line of the file. */
#include "upload/credentials.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

/* One NAME = VALUE. Returns false if the value is too long or not printable. */
static bool take(char *line, struct credentials *c)
{
	const struct {
		const char *name;
		char *value;
		size_t size;
	} known[] = {
		{"aws_access_key_id", c->id, sizeof(c->id)},
		{"aws_secret_access_key", c->secret, sizeof(c->secret)},
		{"aws_session_token", c->token, sizeof(c->token)},
	};
	char *value = strchr(line, '=');

	if (!value)
		return true;
	*value++ = 0;
	line = text_trim(line);
	value = text_trim(value);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(line, known[i].name) != 0)
			continue;
		for (const char *s = value; *s; s++)
			if (*s <= ' ' || *s == 0x7f)
				return false;
		if (snprintf(known[i].value, known[i].size, "%s", value) >= (int)known[i].size)
			return false;
	}
	return true;
}

int credentials_parse(struct bytes text, const char *name, struct credentials *ret,
		      struct ukd_error *e)
{
	_free_ char *copy = strndup((const char *)text.p, text.len);
	char *rest = copy, *line;
	struct credentials c = {0};
	unsigned int number = 0;
	bool ours = false;

	if (!copy)
		return ukd_oom(e);
	while ((line = strsep(&rest, "\n"))) {
		number++;
		line = text_trim(line);
		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[')
			ours = !strcmp(line, "[default]");
		else if (ours && !take(line, &c))
			return ukd_refuse(e, "credentials", "%s:%u: a value that is no key", name,
					  number);
	}
	if (!c.id[0] || !c.secret[0])
		return ukd_refuse(e, "credentials",
				  "%s: no aws_access_key_id and aws_secret_access_key in [default]",
				  name);
	*ret = c;
	return 0;
}

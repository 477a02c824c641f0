// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines, sections and keys: see conf.h. The text may be anything; nothing is guessed from it. */
#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/parse.h"

struct parser {
	const struct conf_table *table;
	void *target;
	const char *section; /* of the table, NULL before the first header */
	bool *seen;	     /* per key: assigned in this file already */
};

/* Levenshtein distance without case, for names of at most 31 characters; else "far". */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32], la = (unsigned int)strlen(a), lb = (unsigned int)strlen(b);

	if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
		return 99;
	for (unsigned int j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			unsigned int best = diagonal + !!strncasecmp(a + i - 1, b + j - 1, 1);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

static int unknown_section(const struct parser *p, const char *name, struct ukd_error *e)
{
	const char *last = "", *near = NULL;
	char known[160] = "";

	for (size_t i = 0; i < p->table->n; i++) {
		const char *section = p->table->keys[i].section;
		size_t used = strlen(known);

		if (!strcmp(section, last))
			continue;
		last = section;
		if (distance(name, section) <= 2)
			near = section;
		(void)snprintf(known + used, sizeof(known) - used, "%s[%s]", used ? " " : "",
			       section);
	}
	if (near)
		return ukd_refuse(e, "conf.section", "unknown section [%.*s]; did you mean [%s]?",
				  CONF_VALUE_SHOW, name, near);
	return ukd_refuse(e, "conf.section", "unknown section [%.*s]; there are %s",
			  CONF_VALUE_SHOW, name, known);
}

static int unknown_key(const struct parser *p, const char *name, struct ukd_error *e)
{
	const struct conf_key *near = NULL;
	unsigned int best = 3;

	for (size_t i = 0; i < p->table->n; i++) {
		const struct conf_key *k = &p->table->keys[i];

		if (!strcmp(k->name, name))
			return ukd_refuse(e, "conf.key", "%s= belongs into section [%s], not [%s]",
					  name, k->section, p->section);
		if (!strcmp(k->section, p->section) && distance(name, k->name) < best) {
			best = distance(name, k->name);
			near = k;
		}
	}
	if (near)
		return ukd_refuse(e, "conf.key", "unknown key '%.*s' in [%s]; did you mean %s=?",
				  CONF_VALUE_SHOW, name, p->section, near->name);
	return ukd_refuse(e, "conf.key", "unknown key '%.*s' in [%s]", CONF_VALUE_SHOW, name,
			  p->section);
}

static int parse_section(struct parser *p, char *line, struct ukd_error *e)
{
	size_t n = strlen(line);

	if (line[n - 1] != ']')
		return ukd_refuse(e, "conf.syntax", "'%.*s' is no section header; write [Section]",
				  CONF_VALUE_SHOW, line);
	line[n - 1] = 0;
	for (size_t i = 0; i < p->table->n; i++) {
		if (!strcmp(p->table->keys[i].section, line + 1)) {
			p->section = p->table->keys[i].section;
			return 0;
		}
	}
	return unknown_section(p, line + 1, e);
}

static int assign(struct parser *p, size_t i, const char *text, struct ukd_error *e)
{
	const struct conf_key *k = &p->table->keys[i];
	struct conf_value v = {.key = k->name, .text = text, .first = !p->seen[i]};

	p->seen[i] = true;
	return k->type->parse(&v, k->arg, (char *)p->target + k->offset, e);
}

static int parse_assignment(struct parser *p, char *line, struct ukd_error *e)
{
	char *equals = strchr(line, '=');
	const char *name, *text;

	if (!equals)
		return ukd_refuse(e, "conf.syntax", "'%.*s' is neither [Section] nor Key=value",
				  CONF_VALUE_SHOW, line);
	*equals = 0;
	name = text_trim(line);
	text = text_trim(equals + 1);
	if (!p->section)
		return ukd_refuse(e, "conf.syntax", "'%.*s=' stands before the first [Section]",
				  CONF_VALUE_SHOW, name);
	for (size_t i = 0; i < p->table->n; i++)
		if (!strcmp(p->table->keys[i].section, p->section) &&
		    !strcmp(p->table->keys[i].name, name))
			return assign(p, i, text, e);
	return unknown_key(p, name, e);
}

/* What no line may contain, whatever it says. */
static int check_bytes(struct bytes line, struct ukd_error *e)
{
	if (line.len && line.p[line.len - 1] == '\r')
		return ukd_refuse(e, "conf.syntax",
				  "the line ends in CR LF; convert the file, as with "
				  "sed -i 's/\\r$//'");
	for (uint64_t i = 0; i < line.len; i++) {
		uint8_t c = line.p[i];

		if (!c)
			return ukd_refuse(e, "conf.syntax", "the line contains a NUL byte");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return ukd_refuse(e, "conf.syntax",
					  "the line contains the control character 0x%02x", c);
	}
	return 0;
}

static int parse_line(struct parser *p, struct bytes line, struct ukd_error *e)
{
	_free_ char *copy = NULL;
	char *s;
	int r;

	if (line.len > CONF_LINE_MAX)
		return ukd_refuse(e, "conf.syntax", "the line is longer than %d bytes",
				  CONF_LINE_MAX);
	r = check_bytes(line, e);
	if (r < 0)
		return r;
	copy = strndup((const char *)line.p, line.len);
	if (!copy)
		return ukd_oom(e);
	s = text_trim(copy);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	/* A value could end in '\' on purpose; being read differently from systemd is worse. */
	if (s[strlen(s) - 1] == '\\')
		return ukd_refuse(e, "conf.syntax",
				  "a line cannot be continued with '\\'; write one long line");
	return *s == '[' ? parse_section(p, s, e) : parse_assignment(p, s, e);
}

int conf_parse(const struct conf_table *table, struct bytes text, const char *name, void *target,
	       struct ukd_error *e)
{
	_free_ bool *seen = calloc(table->n ? table->n : 1, sizeof(*seen));
	struct parser p = {.table = table, .target = target, .seen = seen};
	unsigned int number = 1;

	if (!seen)
		return ukd_oom(e);
	for (uint64_t off = 0; off < text.len; number++) {
		const uint8_t *start = text.p + off;
		const uint8_t *end = memchr(start, '\n', text.len - off);
		struct bytes line = {start, end ? (uint64_t)(end - start) : text.len - off};
		int r = parse_line(&p, line, e);

		if (r < 0)
			return ukd_prefix(e, "%s:%u", name, number);
		off += line.len + !!end;
	}
	return 0;
}

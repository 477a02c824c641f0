// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Profiles of a UKI: see profile.h. Their texts come from the file and are hostile. Readers of
 * os-release forms differ (the last of two lines counts for some, the first for others; blanks and
 * quotes are stripped or not), so what they could differ about is refused (31).
 */
#include "pe/profile.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define KEY_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* The value of KEY= in a text of os-release form, quotes removed; p is NULL if it is not there. */
static struct bytes find_field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		struct bytes value;

		line += *line == '\n';
		if (strncmp(line, key, n) != 0 || line[n] != '=')
			continue;
		value = (struct bytes){(const uint8_t *)line + n + 1, strcspn(line + n + 1, "\n")};
		if (value.len >= 2 && (*value.p == '"' || *value.p == '\'') &&
		    value.p[value.len - 1] == *value.p)
			value = (struct bytes){value.p + 1, value.len - 2};
		return value;
	}
	return (struct bytes){0};
}

/* As text that a terminal shows and JSON takes, cut to size. */
static void get_field(const char *text, const char *key, char *ret, size_t size)
{
	struct bytes value = find_field(text, key);
	size_t n = value.len < size ? value.len : size - 1;

	for (size_t i = 0; i < n; i++)
		ret[i] = value.p[i] >= 0x20 && value.p[i] < 0x7f ? (char)value.p[i] : '?';
	ret[n] = 0;
}

/* The first section of each kind in [from, to) of the section table, where p has none yet. */
static void pick(const struct uki *u, unsigned int from, unsigned int to, struct uki_profile *p)
{
	for (unsigned int i = from; i < to; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id != UKI_OTHER && !p->section[s->id])
			p->section[s->id] = s;
	}
}

/* Index of the next .profile from i on, or the number of sections. */
static unsigned int next_profile(const struct uki *u, unsigned int i)
{
	while (i < u->pe.n_sections && u->pe.section[i].id != UKI_PROFILE)
		i++;
	return i;
}

void uki_profile_get(const struct uki *u, unsigned int number, struct uki_profile *ret)
{
	struct uki_profile p = {.number = number};
	unsigned int base_end = next_profile(u, 0), start = base_end;
	const char *text;

	for (unsigned int i = 0; i < number; i++)
		start = next_profile(u, start + 1);
	if (start < u->pe.n_sections)
		pick(u, start, next_profile(u, start + 1), &p);
	pick(u, 0, base_end, &p);
	text = uki_profile_text(u, &p, UKI_PROFILE);
	if (text) {
		get_field(text, "ID", p.id, sizeof(p.id));
		get_field(text, "TITLE", p.title, sizeof(p.title));
	}
	*ret = p;
}

int uki_profile_find(const struct uki *u, const char *name, struct uki_profile *ret,
		     struct ukd_error *e)
{
	uint64_t number = 0;

	if (!name || parse_u64(name, &number)) {
		if (number < u->n_profiles) {
			uki_profile_get(u, (unsigned int)number, ret);
			return 0;
		}
		return ukd_refuse(e, "uki.profile", "%s: no profile %s, it has 0 to %u", u->name,
				  name, u->n_profiles - 1);
	}
	for (unsigned int i = 0; i < u->n_profiles; i++) {
		struct uki_profile p;

		uki_profile_get(u, i, &p);
		if (p.id[0] && !strcmp(p.id, name)) {
			*ret = p;
			return 0;
		}
	}
	return ukd_refuse(e, "uki.profile", "%s: no profile with ID '%s'", u->name, name);
}

const char *uki_profile_text(const struct uki *u, const struct uki_profile *p, enum uki_section id)
{
	return (const char *)uki_content(u, p->section[id]).p;
}

/* Empty lines, comments, KEY=value; ID= once, TITLE= at most once. */
static int check_lines(const char *text, unsigned int number, struct ukd_error *e)
{
	unsigned int n_ids = 0, n_titles = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strchr("#\n", *line)) /* or the end */
			continue;
		if (line[strspn(line, KEY_CHARS)] != '=' || *line == '=')
			return ukd_refuse(e, "uki.profile",
					  ".profile %u has a line that is not KEY=value", number);
		n_ids += !strncmp(line, "ID=", 3);
		n_titles += !strncmp(line, "TITLE=", 6);
	}
	if (n_ids != 1 || n_titles > 1)
		return ukd_refuse(e, "uki.profile", ".profile %u has %u ID= and %u TITLE= lines",
				  number, n_ids, n_titles);
	return 0;
}

/* A word that means the same to a shell, quoted or not. */
static bool is_word(struct bytes b)
{
	for (uint64_t i = 0; i < b.len; i++)
		if (b.p[i] <= 0x20 || b.p[i] >= 0x7f || strchr("\"'\\`$", b.p[i]))
			return false;
	return b.len > 0;
}

static int check_id(struct bytes id, unsigned int number, struct ukd_error *e)
{
	char text[UKI_PROFILE_ID_MAX];
	uint64_t n;

	if (!is_word(id) || id.len >= sizeof(text))
		return ukd_refuse(e, "uki.profile",
				  "ID= of .profile %u: need 1 to %zu characters of printable ASCII "
				  "without blanks and quotes",
				  number, sizeof(text) - 1);
	(void)snprintf(text, sizeof(text), "%.*s", (int)id.len, (const char *)id.p);
	if (parse_u64(text, &n) && n != number)
		return ukd_refuse(e, "uki.profile", "ID= of .profile %u is another's number, %s",
				  number, text);
	return 0;
}

int uki_profiles_check(const struct uki *u, struct ukd_error *e)
{
	struct bytes ids[PE_MAX_SECTIONS];
	unsigned int n = 0;

	for (unsigned int i = next_profile(u, 0); i < u->pe.n_sections;
	     i = next_profile(u, i + 1), n++) {
		const char *text = (const char *)uki_content(u, &u->pe.section[i]).p;
		int r = check_lines(text, n, e);

		ids[n] = find_field(text, "ID");
		if (r >= 0)
			r = check_id(ids[n], n, e);
		for (unsigned int other = 0; r >= 0 && other < n; other++)
			if (bytes_equal(ids[other], ids[n]))
				r = ukd_refuse(e, "uki.profile",
					       ".profile %u and %u have the same ID=", other, n);
		if (r < 0)
			return r;
	}
	return 0;
}
